import { EntmootError } from "../errors.ts";
import type { PublicKey } from "../ids.ts";
import type { NodeEndpoint } from "../record/records.ts";
import type { AddressKind, CarrierCodec, CarrierName } from "./carrier-codec.ts";
import { irohCodec } from "./iroh-address.ts";

/**
 * One row a carrier. One without a codec is dialled by hints that stay on this node: they stand in no link, invite or
 * peer hint, which readers of today would refuse whole.
 */
const CODECS: Readonly<Record<CarrierName, CarrierCodec | undefined>> = {
  iroh: irohCodec,
  pilot: undefined,
  memory: undefined,
};

/** Ours. Links, peer hints, stores and `info` have always held iroh's addresses bare, and go on to. */
const BARE: CarrierName = "iroh";

/** Whether a carrier reaches only peers whose address it is told; others look them up by key or node id. */
export function dialsByAddress(carrier: CarrierName): boolean {
  return CODECS[carrier] !== undefined;
}

/** The text of a hint: `<carrier>:<address>`, of iroh the address alone. One hint has one text. */
export function formatHint(carrier: CarrierName, address: string): string {
  return carrier === BARE ? address : `${carrier}:${address}`;
}

/** The carrier that a hint is for, and the address as that carrier reads it. Nothing is checked. */
export function splitHint(hint: string): { readonly carrier: CarrierName; readonly address: string } {
  const colon = hint.indexOf(":");
  const prefix = hint.slice(0, Math.max(0, colon));
  if (prefix === BARE || !isCarrierName(prefix)) return { carrier: BARE, address: hint };
  return { carrier: prefix, address: hint.slice(colon + 1) };
}

/** The addresses among `hints` that are for one carrier, in their order. */
export function addressesFor(carrier: CarrierName, hints: readonly string[]): string[] {
  return hints
    .map(splitHint)
    .filter((hint) => hint.carrier === carrier)
    .map(({ address }) => address);
}

/** Whether a hint may stand in what we sign; else it stays on this node. */
export function isTold(hint: string): boolean {
  return CODECS[splitHint(hint).carrier] !== undefined;
}

/** The kind of a hint that stands, or is to stand, in something signed. Throws `invalid_argument`. */
export function hintKind(hint: string): AddressKind {
  const { carrier, address } = splitHint(hint);
  const codec = CODECS[carrier];
  if (codec === undefined) throw new EntmootError("invalid_argument", `address hint: those of ${carrier} are not told`);
  return codec.kindOf(address);
}

/** The endpoint of an invite that says where `key` may be; `undefined` for a hint that is not told. Throws `invalid_argument`. */
export function invitedEndpoint(key: PublicKey, hint: string): NodeEndpoint | undefined {
  const { carrier, address } = splitHint(hint);
  return CODECS[carrier]?.endpoint(key, address);
}

/** Where an invite's endpoints say which key may be, in their order. */
export function invitedHints(endpoints: readonly NodeEndpoint[]): { readonly key: PublicKey; readonly hint: string }[] {
  return endpoints.flatMap((endpoint) => readEndpoint(endpoint) ?? []);
}

function readEndpoint(endpoint: NodeEndpoint): { readonly key: PublicKey; readonly hint: string } | undefined {
  for (const [carrier, codec] of Object.entries(CODECS)) {
    const read = codec?.readEndpoint(endpoint);
    if (read) return { key: read.key, hint: formatHint(carrier as CarrierName, read.address) };
  }
  return undefined;
}

function isCarrierName(text: string): text is CarrierName {
  return Object.hasOwn(CODECS, text);
}

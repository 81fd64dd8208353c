import { isIpv4, isIpv6 } from "../bytes/ip-address.ts";
import { EntmootError } from "../errors.ts";
import { PublicKey } from "../ids.ts";
import type { NodeEndpoint } from "../record/records.ts";

/** Ours. The network of an endpoint in an invite that is reached by key over iroh; the original skips it. */
const IROH_NETWORK = "iroh";
/** Ours. Bytes of an endpoint's `addr`, and of a hint. */
export const ADDRESS_BYTES_MAX = 255;

/** Ours. A hint without its key and `@`. */
const HINT_BYTES_MAX = ADDRESS_BYTES_MAX - 65;

/** Where a peer may be: `direct` is `ip:port` or `[ip6]:port`, `relay` the URL of its relay. */
export type AddressHint = { readonly kind: "direct" | "relay"; readonly address: string };

/** Reads `192.0.2.1:4433`, `[2001:db8::1]:4433` or `https://relay.example/`. Throws `invalid_argument`. */
export function parseAddressHint(text: string): AddressHint {
  if (text.length > HINT_BYTES_MAX || !/^[\x21-\x7e]+$/.test(text)) {
    throw refuse(`expected up to ${HINT_BYTES_MAX} printable ASCII characters`);
  }
  if (/^https?:\/\//.test(text)) {
    if (!isRelayUrl(text)) throw refuse(`expected a relay URL without credentials, found ${JSON.stringify(text)}`);
    return { kind: "relay", address: text };
  }
  if (!isSocketAddress(text)) {
    throw refuse(`expected ip:port, [ip6]:port or a relay URL, found ${JSON.stringify(text)}`);
  }
  return { kind: "direct", address: text };
}

/** Reads an endpoint's `addr`, `<64 hex digits>@<hint>`. Throws `invalid_argument`. */
export function parseIrohAddress(addr: string): { readonly key: PublicKey; readonly hint: AddressHint } {
  const match = /^([0-9a-f]{64})@(.*)$/s.exec(addr);
  if (!match) throw refuse("expected a key of 64 lowercase hex digits, @ and an address");
  return { key: PublicKey.fromHex(match[1]!), hint: parseAddressHint(match[2]!) };
}

/** The endpoint of an invite that says `key` may be at `hint`. Throws `invalid_argument`. */
export function irohEndpoint(key: PublicKey, hint: string): NodeEndpoint {
  return { network: IROH_NETWORK, addr: `${key}@${parseAddressHint(hint).address}` };
}

/** The iroh addresses among `endpoints`; those that do not parse are left out, as any unknown endpoint is. */
export function irohAddresses(endpoints: readonly NodeEndpoint[]): { key: PublicKey; hint: AddressHint }[] {
  const found: { key: PublicKey; hint: AddressHint }[] = [];
  for (const { network, addr } of endpoints) {
    if (network !== IROH_NETWORK) continue;
    try {
      found.push(parseIrohAddress(addr));
    } catch (error) {
      if (!(error instanceof EntmootError)) throw error;
    }
  }
  return found;
}

function isSocketAddress(text: string): boolean {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+)):([1-9][0-9]{0,4})$/.exec(text);
  if (!match || Number(match[3]) > 65_535) return false;
  return match[1] !== undefined ? isIpv6(match[1]) : isIpv4(match[2]!);
}

function isRelayUrl(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && url.username === "" && url.password === "" && url.search === "" && url.hash === "";
}

function refuse(reason: string): EntmootError {
  return new EntmootError("invalid_argument", `iroh address: ${reason}`);
}

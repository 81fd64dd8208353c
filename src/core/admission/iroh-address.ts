import { isIpv4, isIpv6 } from "../bytes/ip-address.ts";
import { EntmootError } from "../errors.ts";
import { PublicKey } from "../ids.ts";
import type { NodeEndpoint } from "../record/records.ts";
import type { AddressKind, CarrierCodec } from "./carrier-codec.ts";

/** Ours. The network of an endpoint in an invite that is reached by key over iroh; the original skips it. */
const IROH_NETWORK = "iroh";
/** Ours. Bytes of an endpoint's `addr`, and of a hint: what the one byte of length before a hint in a link can say. */
export const ADDRESS_BYTES_MAX = 255;

/** Ours. An address alone: in an endpoint, the 64 digits of a key and `@` stand before it. */
const HINT_BYTES_MAX = ADDRESS_BYTES_MAX - 65;

/** The addresses of iroh: `<64 hex digits>@<address>` in an invite, where `network` is `iroh`. */
export const irohCodec: CarrierCodec = {
  kindOf: irohAddressKind,
  endpoint: (key, address) => {
    irohAddressKind(address);
    return { network: IROH_NETWORK, addr: `${key}@${address}` };
  },
  readEndpoint,
};

/** `direct` for `192.0.2.1:4433` and `[2001:db8::1]:4433`, `relay` for `https://relay.example/`. Throws `invalid_argument`. */
function irohAddressKind(text: string): AddressKind {
  if (text.length > HINT_BYTES_MAX || !/^[\x21-\x7e]+$/.test(text)) {
    throw refuse(`expected up to ${HINT_BYTES_MAX} printable ASCII characters`);
  }
  if (/^https?:\/\//.test(text)) {
    if (!isRelayUrl(text)) throw refuse(`expected a relay URL without credentials, found ${JSON.stringify(text)}`);
    return "relay";
  }
  if (!isSocketAddress(text)) {
    throw refuse(`expected ip:port, [ip6]:port or a relay URL, found ${JSON.stringify(text)}`);
  }
  return "direct";
}

function readEndpoint({ network, addr }: NodeEndpoint): { key: PublicKey; address: string } | undefined {
  const match = network === IROH_NETWORK ? /^([0-9a-f]{64})@(.*)$/s.exec(addr) : null;
  if (!match) return undefined;
  const address = match[2]!;
  try {
    irohAddressKind(address);
  } catch (error) {
    if (!(error instanceof EntmootError)) throw error;
    return undefined;
  }
  return { key: PublicKey.fromHex(match[1]!), address };
}

/** `ip:port` or `[ip6]:port` with a port from 1 to 65535. */
export function isSocketAddress(text: string): boolean {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+)):([1-9][0-9]{0,4})$/.exec(text);
  if (!match || Number(match[3]) > 65_535) return false;
  return match[1] !== undefined ? isIpv6(match[1]) : isIpv4(match[2]!);
}

/** An `https://` or `http://` URL without user, password, query or fragment. */
export function isRelayUrl(text: string): boolean {
  const url = /^https?:\/\//.test(text) ? URL.parse(text) : null;
  return url !== null && url.username === "" && url.password === "" && url.search === "" && url.hash === "";
}

function refuse(reason: string): EntmootError {
  return new EntmootError("invalid_argument", `iroh address: ${reason}`);
}

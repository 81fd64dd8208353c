import { type IpRange, ipRange } from "../bytes/ip-range.ts";

/** What a node has chosen for itself, and so may be led to by others too. */
export interface OwnPlaces {
  /** Relays of its own choice, whatever they are. */
  readonly relays: readonly string[];
  /** Addresses it is bound to; empty for all of the machine's. */
  readonly bound: readonly string[];
}

/** Names that mean a place in one's own network wherever they are asked for (RFC 6761, 6762, 8375). */
const LOCAL_NAMES = /(^|\.)(local|internal|intranet|lan|home|corp|home\.arpa|localdomain)$/;

/**
 * Whether a relay that others name may be asked: over TLS alone, and at no place of this machine or its network, unless
 * the node is bound to such a place itself. A name is judged as a name: to what it leads is known only when it is asked for.
 */
export function mayAskRelay(text: string, own: OwnPlaces): boolean {
  const url = URL.parse(text);
  if (url === null) return false;
  if (own.relays.some((relay) => URL.parse(relay)?.href === url.href)) return true;
  if (url.protocol !== "https:") return false;
  const range = rangeOf(url.hostname);
  return range === "public" || own.bound.some((address) => ipRange(address) === range);
}

function rangeOf(hostname: string): IpRange {
  const name = hostname.toLowerCase().replace(/\.$/, "");
  const range = ipRange(name.replace(/^\[(.*)\]$/, "$1"));
  if (range !== undefined) return range;
  if (/(^|\.)localhost$/.test(name)) return "loopback";
  // One without a dot is completed by the resolver with the network's own domain.
  return !name.includes(".") || LOCAL_NAMES.test(name) ? "private" : "public";
}

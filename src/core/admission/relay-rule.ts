import { hostRange } from "../bytes/host-range.ts";
import { ipRange } from "../bytes/ip-range.ts";

/** What a node has chosen for itself, and so may be led to by others too. */
export interface OwnPlaces {
  /** Relays of its own choice, whatever they are. */
  readonly relays: readonly string[];
  /** Addresses it is bound to; empty for all of the machine's. */
  readonly bound: readonly string[];
}

/**
 * Whether a relay that others name may be asked: over TLS alone, and at no place of this machine or its network, unless
 * the node is bound to such a place itself. A name is judged as a name: to what it leads is known only when it is asked for.
 */
export function mayAskRelay(text: string, own: OwnPlaces): boolean {
  const url = URL.parse(text);
  if (url === null) return false;
  if (own.relays.some((relay) => URL.parse(relay)?.href === url.href)) return true;
  if (url.protocol !== "https:") return false;
  const range = hostRange(url.hostname);
  return range === "public" || own.bound.some((address) => ipRange(address) === range);
}

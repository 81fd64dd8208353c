import { isRelayUrl, isSocketAddress } from "../../core/admission/iroh-address.ts";

/** Ours. Direct addresses of one peer tried together; each is a few packets to a place a stranger may have named. */
export const DIRECT_HINTS_MAX = 8;

/** Ours. Longest hint looked at, in characters: the cap of an endpoint's address in an invite. */
const HINT_MAX_CHARS = 255;

export interface IrohHints {
  /** `ip:port` or `[ip6]:port`. */
  readonly direct: readonly string[];
  /** The binding dials through one relay; the first named is it. */
  readonly relayUrl: string | undefined;
}

/**
 * Sorts hints into addresses and a relay, the first that `mayAsk` lets pass. What is neither is passed over: hints come
 * from strangers.
 */
export function parseHints(hints: readonly string[], mayAsk: (relay: string) => boolean = () => true): IrohHints {
  const direct = new Set<string>();
  let relayUrl: string | undefined;
  for (const hint of hints) {
    if (hint.length > HINT_MAX_CHARS) continue;
    if (isRelayUrl(hint)) relayUrl ??= mayAsk(hint) ? hint : undefined;
    else if (isSocketAddress(hint) && direct.size < DIRECT_HINTS_MAX) direct.add(hint);
  }
  return { direct: [...direct], relayUrl };
}

/** The text form of an address and a port. */
export function formatSocketAddress(ip: string, port: number): string {
  return ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`;
}

import { BoundedMap } from "../core/bounded-map.ts";
import type { TransportLimits } from "./transport-limits.ts";

/** Where somebody we know nothing else of dials from. */
export interface DialledFrom {
  /** What one attacker has few of: an IPv4 address, the network of an IPv6 one, a relay. */
  readonly host: string;
  /** One program there: address and port, or the key that the relay proved. */
  readonly source: string;
}

/** Ours. Hosts of members remembered; past it the one heard from longest ago counts as unknown. */
const KNOWN_HOSTS_MAX = 1_024;

/** Ours. What hosts nobody is known at may take of all handshakes; members keep the rest. */
const UNKNOWN_SHARE = 0.75;

/**
 * Handshakes under way, shared among who dials: one program and one host have a share each, so that the half-done ones
 * of an attacker keep nobody out but its own, and hosts where members were are not kept out by others.
 */
export class HandshakeShares {
  readonly #limits: TransportLimits;
  readonly #byHost = new Map<string, number>();
  readonly #bySource = new Map<string, number>();
  readonly #knownHosts = new BoundedMap<string, true>(KNOWN_HOSTS_MAX);
  #total = 0;

  constructor(limits: TransportLimits) {
    this.#limits = limits;
  }

  get total(): number {
    return this.#total;
  }

  /** `false` when its share, or all, is taken. A `true` is owed one `giveBack`. */
  spend({ host, source }: DialledFrom): boolean {
    const { handshakes, handshakesPerHost, handshakesPerSource } = this.#limits;
    const all = this.#knownHosts.get(host) ? handshakes : Math.ceil(handshakes * UNKNOWN_SHARE);
    const ofHost = this.#byHost.get(host) ?? 0;
    const ofSource = this.#bySource.get(source) ?? 0;
    if (this.#total >= all || ofHost >= handshakesPerHost || ofSource >= handshakesPerSource) return false;
    this.#byHost.set(host, ofHost + 1);
    this.#bySource.set(source, ofSource + 1);
    this.#total += 1;
    return true;
  }

  giveBack({ host, source }: DialledFrom): void {
    decrease(this.#byHost, host);
    decrease(this.#bySource, source);
    this.#total -= 1;
  }

  /** A member has made a connection from there. */
  know(host: string): void {
    this.#knownHosts.set(host, true);
  }
}

function decrease(counts: Map<string, number>, key: string): void {
  const count = counts.get(key) ?? 0;
  if (count <= 1) counts.delete(key);
  else counts.set(key, count - 1);
}

import { mayAskRelay, type OwnPlaces } from "../../core/admission/relay-rule.ts";
import { BoundedMap } from "../../core/bounded-map.ts";
import type { SteadyMs } from "../../core/clock.ts";
import type { PublicKey } from "../../core/ids.ts";
import { BucketTable } from "../../core/policy/token-bucket.ts";

/**
 * Ours. Relays that were not asked lately: of one peer four at once, then one in ten minutes, and of all peers together
 * thirty-two, then one in half a minute. Members of a moot have a few relays between them, which cost once.
 */
const OF_PEER = [{ perSecond: 1 / 600, burst: 4 }];
const OF_ALL = [{ perSecond: 1 / 30, burst: 32 }];
/** Ours. Peers whose share is kept; the quietest begin afresh, within what all may. */
const PEERS_MAX = 4096;
/** Ours. Relays that count as asked lately. */
const KNOWN_MAX = 64;

/** Which relays that others name are asked: none that `mayAskRelay` refuses, and new ones only so many. */
export class RelayGate {
  readonly #own: OwnPlaces;
  readonly #known = new BoundedMap<string, true>(KNOWN_MAX);
  readonly #ofPeer = new BucketTable<SteadyMs>(OF_PEER, PEERS_MAX);
  readonly #ofAll = new BucketTable<SteadyMs>(OF_ALL, 1);

  constructor(own: OwnPlaces) {
    this.#own = own;
  }

  /** Whether `peer` may be looked for at `relay` now; spends of its share, and of all, where that is a new one. */
  admit(peer: PublicKey, relay: string, now: SteadyMs): boolean {
    if (!mayAskRelay(relay, this.#own)) return false;
    const { origin } = new URL(relay);
    if (this.#known.get(origin)) return true;
    if (this.#ofPeer.spend(peer, [1], now) !== undefined) return false;
    if (this.#ofAll.spend("", [1], now) !== undefined) return false;
    this.#known.set(origin, true);
    return true;
  }
}

import { BoundedMap } from "../../core/bounded-map.ts";
import type { Clock, SteadyMs } from "../../core/clock.ts";
import type { PublicKey } from "../../core/ids.ts";

/** Ours. Lost peers followed at once; the others are met again by the group's own comparisons. */
const FOLLOWED_MAX = 256;

/** Ours. Added to each wait, so that two who lost each other do not dial in step, and a wait of 0 is still one. */
const JITTER_MAX_MS = 250;

/**
 * Ours. Who is lost again and again within a minute is dialled later each time, from the fourth time on: each meeting
 * costs both sides a handshake and a round of questions. Other questions still dial it.
 */
const FLAP = { withinMs: 60_000, free: 3, waitFirstMs: 1_000, waitMaxMs: 300_000, peersMax: 4096 };

export interface ReconnectorParts {
  /** Still worth dialling: a member of one of our groups. */
  readonly isWanted: (peer: PublicKey) => boolean;
  readonly isConnected: (peer: PublicKey) => boolean;
  /** Milliseconds until the peer may be dialled. */
  readonly waitMs: (peer: PublicKey) => number;
  /** Dials; a failure counts for the next wait. */
  readonly connect: (peer: PublicKey) => Promise<void>;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
}

/** Dials members whose connection was lost, at growing intervals, until they are back or no longer wanted. */
export class Reconnector {
  readonly #parts: ReconnectorParts;
  readonly #timers = new Map<PublicKey, Disposable>();
  /** When each was lost the last time, and how often in a row soon after the time before. */
  readonly #losses = new BoundedMap<PublicKey, { readonly at: SteadyMs; readonly soon: number }>(FLAP.peersMax);
  #closed = false;

  constructor(parts: ReconnectorParts) {
    this.#parts = parts;
  }

  /** The connection with `peer` was lost. */
  lost(peer: PublicKey): void {
    if (!this.#timers.has(peer)) this.#follow(peer, this.#flapMs(peer));
  }

  close(): void {
    this.#closed = true;
    for (const timer of this.#timers.values()) timer[Symbol.dispose]();
    this.#timers.clear();
  }

  async #try(peer: PublicKey): Promise<void> {
    const { connect, isConnected, isWanted } = this.#parts;
    if (isConnected(peer) || !isWanted(peer)) {
      this.#timers.delete(peer);
      return;
    }
    // What went wrong is kept with the peer's record, for people.
    const isMet = await connect(peer).then(
      () => true,
      () => false,
    );
    this.#timers.delete(peer);
    if (!isConnected(peer)) this.#follow(peer, isMet ? this.#flapMs(peer) : 0);
  }

  #follow(peer: PublicKey, atLeastMs: number): void {
    if (this.#closed || this.#timers.has(peer) || this.#timers.size >= FOLLOWED_MAX) return;
    const { clock, isWanted, random, waitMs } = this.#parts;
    if (!isWanted(peer)) return;
    const inMs = Math.max(waitMs(peer), atLeastMs) + Math.floor(random() * JITTER_MAX_MS);
    this.#timers.set(
      peer,
      clock.after(inMs, () => void this.#try(peer)),
    );
  }

  /** Notes a loss; gives how long the peer is left alone for it. */
  #flapMs(peer: PublicKey): number {
    const at = this.#parts.clock.steady();
    const before = this.#losses.get(peer);
    const waitOf = (soon: number) =>
      soon < FLAP.free ? 0 : Math.min(FLAP.waitMaxMs, FLAP.waitFirstMs * 2 ** Math.min(soon - FLAP.free, 16));
    // What it was left alone is not to its credit.
    const isSoon = before !== undefined && at - before.at < FLAP.withinMs + waitOf(before.soon);
    const soon = isSoon ? before.soon + 1 : 0;
    this.#losses.set(peer, { at, soon });
    return waitOf(soon);
  }
}

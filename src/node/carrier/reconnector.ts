import type { Clock } from "../../core/clock.ts";
import type { PublicKey } from "../../core/ids.ts";

/** Ours. Lost peers followed at once; the others are met again by the group's own comparisons. */
const FOLLOWED_MAX = 256;

/** Ours. Added to each wait, so that two who lost each other do not dial in step, and a wait of 0 is still one. */
const JITTER_MAX_MS = 250;

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
  #closed = false;

  constructor(parts: ReconnectorParts) {
    this.#parts = parts;
  }

  lost(peer: PublicKey): void {
    if (this.#closed || this.#timers.has(peer) || this.#timers.size >= FOLLOWED_MAX) return;
    const { clock, isWanted, random, waitMs } = this.#parts;
    if (!isWanted(peer)) return;
    const inMs = waitMs(peer) + Math.floor(random() * JITTER_MAX_MS);
    this.#timers.set(
      peer,
      clock.after(inMs, () => void this.#try(peer)),
    );
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
    await connect(peer).catch(() => {});
    this.#timers.delete(peer);
    if (!isConnected(peer)) this.lost(peer);
  }
}

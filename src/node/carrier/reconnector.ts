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
  /** In [0, 1). */
  readonly random: () => number;
}

/** Dials members whose connection was lost, at growing intervals, until they are back or no longer wanted. */
export class Reconnector {
  readonly #parts: ReconnectorParts;
  readonly #timers = new Map<PublicKey, ReturnType<typeof setTimeout>>();
  #closed = false;

  constructor(parts: ReconnectorParts) {
    this.#parts = parts;
  }

  lost(peer: PublicKey): void {
    if (this.#closed || this.#timers.has(peer) || this.#timers.size >= FOLLOWED_MAX) return;
    const { isWanted, random, waitMs } = this.#parts;
    if (!isWanted(peer)) return;
    const timer = setTimeout(() => void this.#try(peer), waitMs(peer) + Math.floor(random() * JITTER_MAX_MS));
    this.#timers.set(peer, timer);
  }

  close(): void {
    this.#closed = true;
    for (const timer of this.#timers.values()) clearTimeout(timer);
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

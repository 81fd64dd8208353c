import type { PublicKey } from "../core/ids.ts";
import type { Random } from "./random.ts";

/** Ours. A crowd: the message before the latest came within this. */
export const CROWD_MS = 500;
/** Ours. In a crowd, a link must bring duplicates for a time drawn up to this before it is pruned. */
export const CONFIRM_MS = 2_000;
/** Ours. Duplicates further apart than this do not belong together. */
export const STREAK_MS = 1_000;

/**
 * When to prune a link that brings duplicates. A single message shows one place where the cycle closes, and that
 * link is cut at once. Messages under way together show several, and cutting them all would take the tree
 * apart; so each node waits a time of its own, and the duplicates stop for the others once one has cut.
 */
export class CycleCut {
  readonly #random: Random;
  /** By link. Only members, so the roster bounds it. */
  readonly #streaks = new Map<PublicKey, { lastMs: number; confirmMs: number }>();
  #latestMs = Number.NEGATIVE_INFINITY;
  #beforeMs = Number.NEGATIVE_INFINITY;

  constructor(random: Random) {
    this.#random = random;
  }

  /** A fresh message came. */
  came(nowMs: number): void {
    this.#beforeMs = this.#latestMs;
    this.#latestMs = nowMs;
  }

  /** `from` brought a duplicate: true when its link is to be pruned now. */
  isDue(from: PublicKey, nowMs: number): boolean {
    const streak = this.#streaks.get(from);
    if (streak === undefined || nowMs - streak.lastMs > STREAK_MS) {
      const isCrowd = nowMs - this.#beforeMs < CROWD_MS;
      const confirmMs = isCrowd ? nowMs + this.#random.between(0, CONFIRM_MS) : nowMs;
      this.#streaks.set(from, { lastMs: nowMs, confirmMs });
      return confirmMs <= nowMs;
    }
    streak.lastMs = nowMs;
    if (nowMs < streak.confirmMs) return false;
    this.#streaks.delete(from);
    return true;
  }

  keepMembers(members: ReadonlySet<PublicKey>): void {
    for (const peer of this.#streaks.keys()) if (!members.has(peer)) this.#streaks.delete(peer);
  }
}

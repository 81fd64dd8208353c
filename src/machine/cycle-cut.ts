import type { SteadyMs } from "../core/clock.ts";
import type { PublicKey } from "../core/ids.ts";
import type { KeySet } from "../core/salted-map.ts";
import type { MachineConfig } from "./machine-config.ts";
import type { Random } from "./random.ts";

/**
 * When to prune a link that brings duplicates. A single message shows one place where the cycle closes, and that
 * link is cut at once. Messages under way together show several, and cutting them all would take the tree
 * apart; so each node waits a time of its own, and the duplicates stop for the others once one has cut.
 */
export class CycleCut {
  readonly #config: MachineConfig["cycleCut"];
  readonly #random: Random;
  /** By link. Only members, so the roster bounds it. */
  readonly #streaks = new Map<PublicKey, { lastMs: number; confirmMs: number }>();
  #latestMs = Number.NEGATIVE_INFINITY;
  #beforeMs = Number.NEGATIVE_INFINITY;

  constructor({ random, config }: { random: Random; config: MachineConfig }) {
    this.#config = config.cycleCut;
    this.#random = random;
  }

  /** A fresh message came. */
  came(nowMs: SteadyMs): void {
    this.#beforeMs = this.#latestMs;
    this.#latestMs = nowMs;
  }

  /** `from` brought a duplicate: true when its link is to be pruned now. */
  isDue(from: PublicKey, nowMs: SteadyMs): boolean {
    const streak = this.#streaks.get(from);
    if (streak === undefined || nowMs - streak.lastMs > this.#config.streakMs) {
      const isCrowd = nowMs - this.#beforeMs < this.#config.crowdMs;
      const confirmMs = isCrowd ? nowMs + this.#random.between(0, this.#config.confirmMs) : nowMs;
      this.#streaks.set(from, { lastMs: nowMs, confirmMs });
      return confirmMs <= nowMs;
    }
    streak.lastMs = nowMs;
    if (nowMs < streak.confirmMs) return false;
    this.#streaks.delete(from);
    return true;
  }

  keepMembers(members: KeySet<PublicKey>): void {
    for (const peer of this.#streaks.keys()) if (!members.has(peer)) this.#streaks.delete(peer);
  }
}

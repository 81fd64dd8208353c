import type { SteadyMs } from "../core/clock.ts";
import type { PublicKey } from "../core/ids.ts";
import { BucketTable } from "../core/policy/token-bucket.ts";
import type { MachineConfig } from "./machine-config.ts";
import type { RateVerdict } from "./rate-limit.ts";

const GRANTED: RateVerdict = { allowed: true };

/**
 * What members may make this program compute, in milliseconds of the processor by the price of what they ask: so much
 * each, and so much in all. A little of each one's own is granted whatever the others spend.
 */
export class WorkLimit {
  readonly #config: MachineConfig["work"];
  readonly #own: BucketTable<SteadyMs>;
  readonly #sure: BucketTable<SteadyMs>;
  readonly #all: BucketTable<SteadyMs>;

  constructor({ work }: MachineConfig) {
    this.#config = work;
    this.#own = new BucketTable([{ perSecond: work.perSecondMs, burst: work.burstMs }], work.peersMax);
    this.#sure = new BucketTable([{ perSecond: work.surePerSecondMs, burst: work.sureBurstMs }], work.peersMax);
    this.#all = new BucketTable([{ perSecond: work.allPerSecondMs, burst: work.allBurstMs }], 1);
  }

  /** Spends `ms` of work for `peer`, or nothing. What costs more than the burst costs the whole burst. */
  spend(peer: PublicKey, ms: number, nowMs: SteadyMs): RateVerdict {
    const price = Math.min(ms, this.#config.burstMs);
    if (price <= this.#config.sureBurstMs && this.#sure.spend(peer, [price], nowMs) === undefined) return GRANTED;
    const ownMs = this.#own.spend(peer, [price], nowMs);
    if (ownMs !== undefined) return { allowed: false, retryAfterMs: ownMs - nowMs };
    const allMs = this.#all.spend("", [price], nowMs);
    if (allMs === undefined) return GRANTED;
    // What was not granted was not spent.
    this.#own.giveBack(peer, [price], nowMs);
    return { allowed: false, retryAfterMs: allMs - nowMs };
  }
}

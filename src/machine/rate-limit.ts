import type { SteadyMs } from "../core/clock.ts";
import type { PublicKey } from "../core/ids.ts";
import { BucketTable } from "../core/policy/token-bucket.ts";
import type { MachineConfig } from "./machine-config.ts";

export type RateVerdict = { readonly allowed: true } | { readonly allowed: false; readonly retryAfterMs: number };

/** Token buckets for frames and bytes by peer. A refusal spends nothing; a reader that waits loses nothing. */
export class RateLimit {
  readonly #buckets: BucketTable<SteadyMs>;
  readonly #bytesBurst: number;

  constructor({ rateLimit }: MachineConfig) {
    const { framesPerSecond, framesBurst, bytesPerSecond, bytesBurst, peersMax } = rateLimit;
    this.#bytesBurst = bytesBurst;
    const frames = { perSecond: framesPerSecond, burst: framesBurst };
    this.#buckets = new BucketTable([frames, { perSecond: bytesPerSecond, burst: bytesBurst }], peersMax);
  }

  get size(): number {
    return this.#buckets.size;
  }

  /** Spends one frame of `bytes` for `peer`. A frame larger than the burst costs the whole burst. */
  spend(peer: PublicKey, bytes: number, nowMs: SteadyMs): RateVerdict {
    const allowedMs = this.#buckets.spend(peer, [1, Math.min(bytes, this.#bytesBurst)], nowMs);
    return allowedMs === undefined ? { allowed: true } : { allowed: false, retryAfterMs: allowedMs - nowMs };
  }
}

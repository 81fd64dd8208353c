import type { SteadyMs } from "../core/clock.ts";
import type { PublicKey } from "../core/ids.ts";
import { BucketTable } from "../core/policy/token-bucket.ts";
import type { MachineConfig } from "./machine-config.ts";

export type RateVerdict = { readonly allowed: true } | { readonly allowed: false; readonly retryAfterMs: number };

const ALLOWED: RateVerdict = { allowed: true };

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
    return allowedMs === undefined ? ALLOWED : { allowed: false, retryAfterMs: allowedMs - nowMs };
  }
}

/** The same for strangers: far less for each, and so much for all of them, since a new key costs nothing. */
export class StrangerLimit {
  readonly #each: BucketTable<SteadyMs>;
  readonly #all: BucketTable<SteadyMs>;
  readonly #bytesMax: number;

  constructor({ strangers }: MachineConfig) {
    const { allBytesBurst, allBytesPerSecond, allFramesBurst, allFramesPerSecond } = strangers;
    const { bytesBurst, bytesPerSecond, framesBurst, framesPerSecond, peersMax } = strangers;
    this.#bytesMax = Math.min(bytesBurst, allBytesBurst);
    const frames = { perSecond: framesPerSecond, burst: framesBurst };
    this.#each = new BucketTable([frames, { perSecond: bytesPerSecond, burst: bytesBurst }], peersMax);
    const allFrames = { perSecond: allFramesPerSecond, burst: allFramesBurst };
    this.#all = new BucketTable([allFrames, { perSecond: allBytesPerSecond, burst: allBytesBurst }], 1);
  }

  /** As `RateLimit.spend`, of frames that are whole, if any, and of bytes as they come. */
  spend(peer: PublicKey, { bytes, frames }: { bytes: number; frames: number }, nowMs: SteadyMs): RateVerdict {
    const price = [frames, Math.min(bytes, this.#bytesMax)];
    const eachMs = this.#each.spend(peer, price, nowMs);
    if (eachMs !== undefined) return { allowed: false, retryAfterMs: eachMs - nowMs };
    const allMs = this.#all.spend("", price, nowMs);
    if (allMs === undefined) return ALLOWED;
    this.#each.giveBack(peer, price, nowMs);
    return { allowed: false, retryAfterMs: allMs - nowMs };
  }
}

import type { PublicKey } from "../core/ids.ts";
import { BucketTable } from "../core/policy/token-bucket.ts";

/** Refill per second and the most that gathers, for one peer. */
export interface RateLimits {
  readonly framesPerSecond: number;
  readonly framesBurst: number;
  readonly bytesPerSecond: number;
  readonly bytesBurst: number;
}

/** Ours (the original documents these and does not apply them). For peers that send one message a frame. */
export const ORIGINAL_PEER_LIMITS: RateLimits = {
  framesPerSecond: 100,
  framesBurst: 200,
  bytesPerSecond: 1024 * 1024,
  bytesBurst: 4 * 1024 * 1024,
};

/** Ours. For peers of our dialect: above what two cores verify (40,000 messages of 600 bytes a second, as JSON). */
export const OWN_PEER_LIMITS: RateLimits = {
  framesPerSecond: 2_000,
  framesBurst: 4_000,
  bytesPerSecond: 64 * 1024 * 1024,
  bytesBurst: 128 * 1024 * 1024,
};

/** Ours. Past it the peer heard from longest ago starts again with full buckets. */
export const RATE_PEERS_MAX = 4096;

export type RateVerdict = { readonly allowed: true } | { readonly allowed: false; readonly retryAfterMs: number };

/** Token buckets for frames and bytes by peer. A refusal takes nothing; a reader that waits loses nothing. */
export class RateLimit {
  readonly #buckets: BucketTable;
  readonly #bytesBurst: number;

  constructor({ framesPerSecond, framesBurst, bytesPerSecond, bytesBurst }: RateLimits) {
    this.#bytesBurst = bytesBurst;
    const frames = { perSecond: framesPerSecond, burst: framesBurst };
    this.#buckets = new BucketTable([frames, { perSecond: bytesPerSecond, burst: bytesBurst }], RATE_PEERS_MAX);
  }

  get size(): number {
    return this.#buckets.size;
  }

  /** Takes one frame of `bytes` from `peer`. A frame larger than the burst costs the whole burst. */
  take(peer: PublicKey, bytes: number, nowMs: number): RateVerdict {
    const allowedMs = this.#buckets.take(peer, [1, Math.min(bytes, this.#bytesBurst)], nowMs);
    return allowedMs === undefined ? { allowed: true } : { allowed: false, retryAfterMs: allowedMs - nowMs };
  }
}

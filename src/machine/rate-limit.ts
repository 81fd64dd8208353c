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

/** Who came, and from where; `undefined` where nobody can tell. */
export interface StrangerFrom {
  readonly peer: PublicKey;
  readonly host: string | undefined;
}

/** The same for strangers: far less for each, for all of one host, and for all of them, since a new key costs nothing. */
export class StrangerLimit {
  readonly #each: BucketTable<SteadyMs>;
  readonly #hosts: BucketTable<SteadyMs>;
  readonly #all: BucketTable<SteadyMs>;
  readonly #bytesMax: number;

  constructor({ strangers }: MachineConfig) {
    const { allBytesBurst, allBytesPerSecond, allFramesBurst, allFramesPerSecond } = strangers;
    const { hostBytesBurst, hostBytesPerSecond, hostFramesBurst, hostFramesPerSecond, hostsMax } = strangers;
    const { bytesBurst, bytesPerSecond, framesBurst, framesPerSecond, peersMax } = strangers;
    this.#bytesMax = Math.min(bytesBurst, hostBytesBurst, allBytesBurst);
    const frames = { perSecond: framesPerSecond, burst: framesBurst };
    this.#each = new BucketTable([frames, { perSecond: bytesPerSecond, burst: bytesBurst }], peersMax);
    const hostFrames = { perSecond: hostFramesPerSecond, burst: hostFramesBurst };
    this.#hosts = new BucketTable([hostFrames, { perSecond: hostBytesPerSecond, burst: hostBytesBurst }], hostsMax);
    const allFrames = { perSecond: allFramesPerSecond, burst: allFramesBurst };
    this.#all = new BucketTable([allFrames, { perSecond: allBytesPerSecond, burst: allBytesBurst }], 1);
  }

  /** As `RateLimit.spend`, of frames that are whole, if any, and of bytes as they come. */
  spend({ host, peer }: StrangerFrom, came: { bytes: number; frames: number }, nowMs: SteadyMs): RateVerdict {
    const price = [came.frames, Math.min(came.bytes, this.#bytesMax)];
    const asked: [BucketTable<SteadyMs>, string][] = [[this.#each, peer]];
    if (host !== undefined) asked.push([this.#hosts, host]);
    asked.push([this.#all, ""]);
    for (const [at, [table, key]] of asked.entries()) {
      const allowedMs = table.spend(key, price, nowMs);
      if (allowedMs === undefined) continue;
      // What was not granted was not spent.
      for (const [spent, of] of asked.slice(0, at)) spent.giveBack(of, price, nowMs);
      return { allowed: false, retryAfterMs: allowedMs - nowMs };
    }
    return ALLOWED;
  }
}

import { type Clock, later } from "../core/clock.ts";
import type { FileLock } from "../store/lock.ts";
import { pause } from "../transport/wait.ts";
import { type InstallPlace, tryLockPlace, underWay } from "./install-place.ts";
import { asUpdateError, updateError } from "./update-error.ts";

/** Ours. An installation has the lock for a moment only, so whoever waits for one is soon served. */
const ASK_AGAIN_MS = 100;

export interface HoldOptions {
  readonly clock: Clock;
  readonly waitMs: number;
  readonly signal: AbortSignal;
  readonly onWait: () => void;
}

/**
 * Takes the lock an update takes, waiting up to `waitMs` for whoever has it; `onWait` is told once, when
 * somebody has. Throws `update_failed` when the lock is still held then, or cannot be taken at all; and the
 * reason of `signal` when that ends the wait.
 */
export async function holdPlace(place: InstallPlace, options: HoldOptions): Promise<FileLock> {
  const { clock, onWait, signal, waitMs } = options;
  const deadline = later(clock.steady(), waitMs);
  for (let asked = 0; ; asked++) {
    signal.throwIfAborted();
    const lock = tryLock(place);
    if (lock !== undefined) return lock;
    if (asked === 0) onWait();
    if (clock.steady() >= deadline) throw updateError(underWay(place));
    await pause(clock, ASK_AGAIN_MS, signal);
  }
}

function tryLock(place: InstallPlace): FileLock | undefined {
  try {
    return tryLockPlace(place);
  } catch (error) {
    throw asUpdateError(error, place.dir);
  }
}

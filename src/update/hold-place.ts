import type { FileLock } from "../store/lock.ts";
import { type InstallPlace, tryLockPlace, underWay } from "./install-place.ts";
import { asUpdateError, updateError } from "./update-error.ts";

/** Ours. An installation has the lock for a moment only, so whoever waits for one is soon served. */
const ASK_AGAIN_MS = 100;

/**
 * Takes the lock an update takes, waiting up to `waitMs` for whoever has it; `onWait` is told once, when
 * somebody has. Throws `update_failed` when the lock is still held then, or cannot be taken at all; and the
 * reason of `signal` when that ends the wait.
 */
export async function holdPlace(
  place: InstallPlace,
  options: { readonly waitMs: number; readonly signal: AbortSignal; readonly onWait: () => void },
): Promise<FileLock> {
  const deadline = performance.now() + options.waitMs;
  for (let asked = 0; ; asked++) {
    options.signal.throwIfAborted();
    const lock = tryLock(place);
    if (lock !== undefined) return lock;
    if (asked === 0) options.onWait();
    if (performance.now() >= deadline) throw updateError(underWay(place));
    await Bun.sleep(ASK_AGAIN_MS);
  }
}

function tryLock(place: InstallPlace): FileLock | undefined {
  try {
    return tryLockPlace(place);
  } catch (error) {
    throw asUpdateError(error, place.dir);
  }
}

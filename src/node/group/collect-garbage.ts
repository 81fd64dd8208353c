import { heapSize } from "bun:jsc";
import type { Clock, SteadyMs } from "../../core/clock.ts";

/**
 * Ours. Bytes of back-filled messages between two collections. Every byte leaves many times its size behind, among it
 * the lists of numbers the carrier's binding makes of what it reads. One takes 10 to 40 ms; past 4 MiB the peak is hardly lower than without.
 */
const COLLECT_EVERY_BYTES = 2 * 1024 * 1024;

/** Ours. How long nothing must have been stored before a node counts as idle again. */
const QUIET_MS = 3_000;

/** Ours. The same for bytes that merely went over the carrier. */
const COLLECT_EVERY_MOVED = 8 * 1024 * 1024;

/**
 * Ours. With more in the heap a collection could hold up everybody for longer than anything may, 75 MB for 30 to 80 ms; it
 * goes on beside the work then and frees a little later. A node that catches up alone seldom has more.
 */
const COLLECT_AT_ONCE_BYTES = 48 * 1024 * 1024;

let bytesSince = 0;
let movedSince = 0;
let isDue = false;

/** Of each clock: when there was work last, while somebody waits for the quiet after it. */
const lastWork = new WeakMap<Clock, SteadyMs>();

/**
 * Call with the bytes of back-filled messages; collects garbage now and then, in some milliseconds. The engine sizes
 * its heap by the memory of the machine, so that on a large one a back-fill would grow to several times what the node
 * needs before it collects by itself.
 */
export function noteIngested(clock: Clock, bytes: number): void {
  bytesSince += bytes;
  if (bytesSince < COLLECT_EVERY_BYTES) return;
  bytesSince = 0;
  collectSoon(clock);
}

/** Call with the bytes of large answers and frames as they are written and read; collects garbage as `noteIngested` does. */
export function noteMoved(clock: Clock, bytes: number): void {
  movedSince += bytes;
  if (movedSince < COLLECT_EVERY_MOVED) return;
  movedSince = 0;
  collectSoon(clock);
}

/** In a turn of its own: whoever brings it about has had some milliseconds of this one. */
function collectSoon(clock: Clock): void {
  if (isDue) return;
  isDue = true;
  const due = () => {
    isDue = false;
    collect();
  };
  clock.after(0, due, { idle: true });
}

/**
 * Call after work that left garbage: once it has been quiet for a while, the memory goes back to the system. The
 * engine would keep it until it allocates again, which an idle node may not do for hours. Compiled code is kept.
 */
export function collectWhenQuiet(clock: Clock): void {
  const isAwaited = lastWork.has(clock);
  lastWork.set(clock, clock.steady());
  if (!isAwaited) wakeIn(clock, QUIET_MS);
}

function wakeIn(clock: Clock, ms: number): void {
  const wake = () => {
    const restMs = lastWork.get(clock)! + QUIET_MS - clock.steady();
    if (restMs > 0) return wakeIn(clock, restMs);
    lastWork.delete(clock);
    // What went on beside nothing has left a heap small enough to be given back at once, or it is as large as it must be.
    if (!collect()) clock.after(QUIET_MS, collect, { idle: true });
  };
  clock.after(ms, wake, { idle: true });
}

/** `false` where it goes on beside the work. */
function collect(): boolean {
  const isAtOnce = heapSize() < COLLECT_AT_ONCE_BYTES;
  Bun.gc(isAtOnce);
  return isAtOnce;
}

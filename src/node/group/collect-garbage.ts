/**
 * Ours. Bytes of back-filled messages between two collections. Every byte leaves many times its size behind, among it
 * the lists of numbers the carrier's binding makes of what it reads. One takes 10 to 40 ms; past 4 MiB the peak is hardly lower than without.
 */
const COLLECT_EVERY_BYTES = 2 * 1024 * 1024;

/** Ours. How long nothing must have been stored before a node counts as idle again. */
const QUIET_MS = 3_000;

let bytesSince = 0;
let lastWorkMs = 0;
let quietTimer: ReturnType<typeof setTimeout> | undefined;

/**
 * Call with the bytes of back-filled messages; collects garbage now and then, in some milliseconds. The engine sizes
 * its heap by the memory of the machine, so that on a large one a back-fill would grow to several times what the node
 * needs before it collects by itself.
 */
export function tookIn(bytes: number): void {
  bytesSince += bytes;
  if (bytesSince < COLLECT_EVERY_BYTES) return;
  bytesSince = 0;
  Bun.gc(true);
}

/**
 * Call after work that left garbage: once it has been quiet for a while, the memory goes back to the system. The
 * engine would keep it until it allocates again, which an idle node may not do for hours. Compiled code is kept.
 */
export function collectWhenQuiet(): void {
  lastWorkMs = performance.now();
  quietTimer ??= wakeIn(QUIET_MS);
}

function wakeIn(ms: number): ReturnType<typeof setTimeout> {
  const timer = setTimeout(() => {
    const restMs = lastWorkMs + QUIET_MS - performance.now();
    quietTimer = restMs > 0 ? wakeIn(restMs) : undefined;
    if (quietTimer !== undefined) return;
    Bun.gc(true);
  }, ms);
  timer.unref();
  return timer;
}

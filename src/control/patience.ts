/** How long something is waited for. Cheap to make: a timer runs only while there is something to wait for. */
export interface Patience {
  /** An instant of `performance.now()`; `undefined` is without end. */
  readonly untilMs?: number;
  readonly signal?: AbortSignal;
}

/** From now on so many milliseconds, or until `signal` aborts. */
export function within(ms: number, signal?: AbortSignal): Patience {
  const untilMs = performance.now() + ms;
  return signal === undefined ? { untilMs } : { untilMs, signal };
}

/** Resolves with `wait`; rejects with what `late` gives once patience is over. */
export async function patiently<T>(wait: Promise<T>, patience: Patience, late: () => Error): Promise<T> {
  const { signal, untilMs } = patience;
  if (signal === undefined && untilMs === undefined) return wait;
  const { promise, reject } = Promise.withResolvers<never>();
  const giveUp = () => reject(late());
  const timer = untilMs === undefined ? undefined : setTimeout(giveUp, Math.max(0, untilMs - performance.now()));
  if (signal?.aborted) giveUp();
  signal?.addEventListener("abort", giveUp, { once: true });
  try {
    return await Promise.race([wait, promise]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", giveUp);
  }
}

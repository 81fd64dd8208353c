import { EntmootError } from "../core/errors.ts";

/**
 * Waits for `work` until `signal` aborts, then throws `timeout` with `subject` in front; `work` goes on unwatched,
 * and a later failure of it is dropped. `onGiveUp` receives a way to end the wait from outside with an error.
 */
export function settleOrAbort<T>(work: Promise<T>, { signal, subject, onGiveUp }: AbortableOptions): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const abort = () => stop(() => reject(new EntmootError("timeout", `${subject}: no answer in the time allowed`)));
    const stop = (end: () => void) => {
      signal?.removeEventListener("abort", abort);
      onGiveUp?.(undefined);
      end();
    };
    onGiveUp?.((error) => stop(() => reject(error)));
    work.then(
      (value) => stop(() => resolve(value)),
      (error: unknown) => stop(() => reject(error)),
    );
    if (signal?.aborted) abort();
    else signal?.addEventListener("abort", abort);
  });
}

export interface AbortableOptions {
  readonly signal: AbortSignal | undefined;
  /** Opens the message of a `timeout`. */
  readonly subject: string;
  /** Called with a function that ends the wait with an error, and with `undefined` once the wait is over. */
  readonly onGiveUp?: (end: ((error: Error) => void) | undefined) => void;
}

/** What `work` comes to, or `undefined` when that takes longer than `maxMs`. */
export async function atMost<T>(maxMs: number, work: Promise<T>): Promise<T | undefined> {
  const late = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => late.resolve(undefined), maxMs);
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** A key as people compare it: its first 12 hex digits. */
export function shortKey(key: string): string {
  return `${key.slice(0, 12)}…`;
}

/** For a `read` or `write` that overlaps another of its kind: the caller's mistake, the same on every carrier. */
export function readUnderWay(subject: string): EntmootError {
  return new EntmootError("internal", `${subject}: another read of this stream is under way; await it first`);
}

/** The same for writes; a write that was given up counts as under way for good. */
export function writeUnderWay(subject: string): EntmootError {
  return new EntmootError(
    "internal",
    `${subject}: a write is under way or was given up; await it, or reset the stream`,
  );
}

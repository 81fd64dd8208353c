import { durationText } from "../core/amounts.ts";
import type { Clock } from "../core/clock.ts";
import { EntmootError } from "../core/errors.ts";

/**
 * A signal that aborts with `timeout` after so many milliseconds, or when one of `parents` does. Dispose it when
 * the work is over: unlike `AbortSignal.timeout` it then leaves no timer behind, of which a busy node would
 * gather hundreds of thousands.
 */
export class Deadline implements Disposable {
  readonly #controller = new AbortController();
  readonly #timer: Disposable;
  readonly #parents: readonly AbortSignal[];
  readonly #onParent = (event: Event) => this.#abort((event.target as AbortSignal).reason);

  constructor(clock: Clock, ms: number, ...parents: readonly (AbortSignal | undefined)[]) {
    this.#timer = clock.after(ms, () => this.#abort(new EntmootError("timeout", `timeout after ${durationText(ms)}`)));
    this.#parents = parents.filter((parent) => parent !== undefined);
    for (const parent of this.#parents) {
      if (parent.aborted) this.#abort(parent.reason);
      else parent.addEventListener("abort", this.#onParent, { once: true });
    }
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  [Symbol.dispose](): void {
    this.#timer[Symbol.dispose]();
    for (const parent of this.#parents) parent.removeEventListener("abort", this.#onParent);
  }

  #abort(reason: unknown): void {
    this.#controller.abort(reason);
    this[Symbol.dispose]();
  }
}

/**
 * Waits for `work` until `signal` aborts, then throws `timeout` with `subject` in front; `work` goes on unwatched,
 * and a later failure of it is dropped. `onGiveUp` receives a way to end the wait from outside with an error. Not said
 * by `unlessAborted`: much of what is waited for here comes to `undefined`, and each piece a stream moves passes
 * through, for which a signal made of several would cost too much.
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

/**
 * What `work` comes to, or `undefined` when that takes longer than `maxMs` or `signal` aborts first; `work` goes on
 * unwatched then. Rejects as `work` does.
 */
export async function atMost<T>(
  clock: Clock,
  maxMs: number,
  work: Promise<T>,
  signal?: AbortSignal,
): Promise<T | undefined> {
  using deadline = new Deadline(clock, maxMs, signal);
  return await unlessAborted(work, deadline.signal);
}

/**
 * What `work` comes to, or `undefined` once `signal` aborts, if there is one; `work` goes on unwatched then. Rejects as
 * `work` does. A signal that lasts keeps nothing of it, as it would of a race that it takes part in.
 */
export function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T | undefined> {
  if (signal === undefined) return work;
  return new Promise((resolve, reject) => {
    const stop = () => resolve(undefined);
    const done = () => signal.removeEventListener("abort", stop);
    work.then(resolve, reject).then(done);
    // Work that is done already counts as done.
    if (signal.aborted) queueMicrotask(stop);
    else signal.addEventListener("abort", stop, { once: true });
  });
}

/** Resolves when `signal` aborts. */
export function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    else signal.addEventListener("abort", () => resolve(undefined), { once: true });
  });
}

/** Resolves after `ms` milliseconds, or at once when `signal` aborts. Never rejects. */
export async function pause(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  using deadline = new Deadline(clock, ms, signal);
  await aborted(deadline.signal);
}

import { EntmootError } from "../core/errors.ts";

/**
 * A signal that aborts with `timeout` after so many milliseconds, or when one of `parents` does. Dispose it when
 * the work is over: unlike `AbortSignal.timeout` it then leaves no timer behind, of which a busy node would
 * gather hundreds of thousands.
 */
export class Deadline implements Disposable {
  readonly #controller = new AbortController();
  readonly #timer: ReturnType<typeof setTimeout>;
  readonly #parents: readonly AbortSignal[];
  readonly #onParent = (event: Event) => this.#abort((event.target as AbortSignal).reason);

  constructor(ms: number, ...parents: readonly AbortSignal[]) {
    this.#timer = setTimeout(() => this.#abort(new EntmootError("timeout", `timeout after ${ms} ms`)), ms);
    this.#parents = parents;
    for (const parent of parents) {
      if (parent.aborted) this.#abort(parent.reason);
      else parent.addEventListener("abort", this.#onParent, { once: true });
    }
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    for (const parent of this.#parents) parent.removeEventListener("abort", this.#onParent);
  }

  #abort(reason: unknown): void {
    this.#controller.abort(reason);
    this[Symbol.dispose]();
  }
}

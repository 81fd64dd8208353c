import { EntmootError } from "../../core/errors.ts";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** While it is not disposed of, a signal that would end the process aborts `signal` instead, so that what is half made goes first. */
export class Interrupt implements Disposable {
  readonly #ending = new AbortController();
  readonly #abort: () => void;

  /** `left`: what stands when it is interrupted, for people. */
  constructor(left: string) {
    this.#abort = () => this.#ending.abort(new EntmootError("unavailable", `interrupted; ${left}`));
    for (const name of SIGNALS) process.on(name, this.#abort);
  }

  get signal(): AbortSignal {
    return this.#ending.signal;
  }

  [Symbol.dispose](): void {
    for (const name of SIGNALS) process.off(name, this.#abort);
  }
}

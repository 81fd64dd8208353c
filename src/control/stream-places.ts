import { EntmootError } from "../core/errors.ts";

/** How many calls of all clients of one door may tell events at a time, so that there is always room to ask. */
export class StreamPlaces {
  readonly #max: number;
  #reserved = 0;

  constructor(max: number) {
    this.#max = max;
  }

  /** A place until it is disposed. Throws `unavailable` when there is none. */
  reserve(): Disposable {
    if (this.#reserved >= this.#max) {
      throw new EntmootError("unavailable", `at most ${this.#max} watchers at a time; end one and try again`);
    }
    this.#reserved += 1;
    return {
      [Symbol.dispose]: () => {
        this.#reserved -= 1;
      },
    };
  }
}

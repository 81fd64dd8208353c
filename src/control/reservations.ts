import { EntmootError } from "../core/errors.ts";

/** How many of one thing all clients of a door may have at a time. */
export class Reservations {
  readonly #max: number;
  readonly #what: string;
  #reserved = 0;

  /** `what`: how a refusal calls them. */
  constructor(max: number, what: string) {
    this.#max = max;
    this.#what = what;
  }

  /** One of them, or several, until what it gives is disposed. Throws `unavailable` when there are not as many. */
  reserve(count = 1): Disposable {
    if (this.#reserved + count > this.#max) {
      throw new EntmootError("unavailable", `at most ${this.#max} ${this.#what} at a time; end one and try again`);
    }
    this.#reserved += count;
    let isReserved = true;
    return {
      [Symbol.dispose]: () => {
        if (isReserved) this.#reserved -= count;
        isReserved = false;
      },
    };
  }
}

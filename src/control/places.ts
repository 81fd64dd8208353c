import { EntmootError } from "../core/errors.ts";

/** How many of one thing all clients of a door may have at a time. */
export class Places {
  readonly #max: number;
  readonly #what: string;
  #reserved = 0;

  /** `what`: how a refusal calls them. */
  constructor(max: number, what: string) {
    this.#max = max;
    this.#what = what;
  }

  /** A place, or several, until it is disposed, once. Throws `unavailable` when there are not as many. */
  reserve(places = 1): Disposable {
    if (this.#reserved + places > this.#max) {
      throw new EntmootError("unavailable", `at most ${this.#max} ${this.#what} at a time; end one and try again`);
    }
    this.#reserved += places;
    let isReserved = true;
    return {
      [Symbol.dispose]: () => {
        if (isReserved) this.#reserved -= places;
        isReserved = false;
      },
    };
  }
}

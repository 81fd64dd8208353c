import type { Clock } from "../../core/clock.ts";
import { EntmootError } from "../../core/errors.ts";
import type { MessageSearch } from "../../store/search-store.ts";

/** Takes messages into the search index that were stored without one, a step at a time, resting as long as each took. */
export class Indexing {
  readonly #search: Pick<MessageSearch, "index">;
  readonly #clock: Pick<Clock, "after" | "steady">;
  #next: Disposable | undefined;
  #closed = false;

  constructor(search: Pick<MessageSearch, "index">, clock: Pick<Clock, "after" | "steady">) {
    this.#search = search;
    this.#clock = clock;
  }

  /** Looks soon whether there are any. */
  look(afterMs = 0): void {
    if (this.#closed) return;
    this.#next ??= this.#clock.after(afterMs, () => this.#step(), { idle: true });
  }

  close(): void {
    this.#closed = true;
    this.#next?.[Symbol.dispose]();
  }

  #step(): void {
    this.#next = undefined;
    const since = this.#clock.steady();
    try {
      if (this.#search.index()) this.look(Math.ceil(this.#clock.steady() - since));
    } catch (error) {
      // What keeps it from being written is told where messages are stored, and it is looked again.
      if (!(error instanceof EntmootError)) throw error;
    }
  }
}

import type { Clock, SteadyMs } from "../core/clock.ts";

/** Ours. How long work of one kind goes on before everybody else gets a turn. */
const TURN_MS = 5;

/**
 * Shares the one thread among much work of a kind: while its time of this round of the event loop lasts, work begins at
 * once; past it each piece waits for a round of its own, in the order they came, and everything else runs in between.
 */
export class Turns {
  readonly #clock: Pick<Clock, "after" | "steady">;
  readonly #waiting: (() => void)[] = [];
  #isGiving = false;
  /** When this round began; `undefined` while nothing was done in it. */
  #since: SteadyMs | undefined;

  constructor(clock: Pick<Clock, "after" | "steady">) {
    this.#clock = clock;
  }

  /** Resolves when the next piece of work may begin, which is done before whoever awaits this awaits anything else. */
  take(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push(resolve);
    if (!this.#isGiving) void this.#give();
    return promise;
  }

  async #give(): Promise<void> {
    this.#isGiving = true;
    // Who asked has to await the answer before it is given.
    await undefined;
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      if (this.#isUsedUp()) await this.#nextTurn();
      this.#begin();
      next();
      // Goes on behind the work that has just begun.
      await undefined;
    }
    this.#isGiving = false;
  }

  #isUsedUp(): boolean {
    return this.#since !== undefined && this.#clock.steady() - this.#since >= TURN_MS;
  }

  #begin(): void {
    if (this.#since !== undefined) return;
    this.#since = this.#clock.steady();
    this.#clock.after(0, () => {
      this.#since = undefined;
    });
  }

  #nextTurn(): Promise<void> {
    return new Promise((resolve) => this.#clock.after(0, resolve));
  }
}

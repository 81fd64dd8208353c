import { type Clock, type SteadyMs, steadyMs, type UnixMs, unixMs } from "../../src/core/clock.ts";

/** What is shorter is a pause between two looks, what is longer a limit. */
const PAUSE_MAX_MS = 1_000;

/** A clock on which pauses are over at once, and time passes by them alone; limits are over when a test says so, however slow the machine is. */
export class HastyClock implements Clock {
  #passedMs = 0;
  readonly #limits = new Set<() => void>();

  unix(): UnixMs {
    return unixMs(Date.now() + this.#passedMs);
  }

  steady(): SteadyMs {
    return steadyMs(this.#passedMs);
  }

  after(ms: number, work: () => void): Disposable {
    if (ms > PAUSE_MAX_MS) {
      const limit = () => work();
      this.#limits.add(limit);
      return { [Symbol.dispose]: () => this.#limits.delete(limit) };
    }
    const turn = setTimeout(() => {
      this.#passedMs += ms;
      work();
    }, 0);
    return { [Symbol.dispose]: () => clearTimeout(turn) };
  }

  /** Every limit that stands is over. */
  expire(): void {
    for (const limit of [...this.#limits]) {
      this.#limits.delete(limit);
      limit();
    }
  }
}

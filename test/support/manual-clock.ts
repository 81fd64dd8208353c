import { type Clock, type SteadyMs, steadyMs, type UnixMs, unixMs } from "../../src/core/clock.ts";

interface Waiting {
  readonly atMs: number;
  readonly work: () => void;
}

/**
 * A clock that stands still until a test moves it. Work due at one instant runs in the order it was asked for. Turns of
 * the event loop go on by themselves, as no time passes with them.
 */
export class ManualClock implements Clock {
  #unix: number;
  #steady = 0;
  #waiting: Waiting[] = [];

  constructor(unixAt = 1_750_000_000_000) {
    this.#unix = unixAt;
  }

  /** How many wait. */
  get waiting(): number {
    return this.#waiting.length;
  }

  unix(): UnixMs {
    return unixMs(this.#unix);
  }

  steady(): SteadyMs {
    return steadyMs(this.#steady);
  }

  after(ms: number, work: () => void): Disposable {
    if (ms === 0) {
      const turn = setImmediate(work);
      return { [Symbol.dispose]: () => clearImmediate(turn) };
    }
    const waiting = { atMs: this.#steady + Math.max(0, ms), work };
    this.#waiting.push(waiting);
    return {
      [Symbol.dispose]: () => {
        this.#waiting = this.#waiting.filter((other) => other !== waiting);
      },
    };
  }

  /** Lets `ms` milliseconds pass on both clocks, running what falls due at its own instant. */
  advance(ms: number): void {
    const untilMs = this.#steady + ms;
    for (;;) {
      const next = this.#waiting
        .filter(({ atMs }) => atMs <= untilMs)
        .reduce<Waiting | undefined>(
          (first, other) => (first === undefined || other.atMs < first.atMs ? other : first),
          undefined,
        );
      if (next === undefined) break;
      this.#waiting = this.#waiting.filter((other) => other !== next);
      this.#to(next.atMs);
      next.work();
    }
    this.#to(untilMs);
  }

  /** The machine's date is put right or wrong; no time passes. */
  setUnix(ms: number): void {
    this.#unix = ms;
  }

  #to(steadyAt: number): void {
    this.#unix += steadyAt - this.#steady;
    this.#steady = steadyAt;
  }
}

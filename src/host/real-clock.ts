import { type AfterOptions, type Clock, steadyMs, unixMs } from "../core/clock.ts";

/** The machine's clocks and timers; the only place they are read. */
export const realClock: Clock = {
  unix: () => unixMs(Date.now()),
  steady: () => steadyMs(performance.now()),
  after(ms: number, work: () => void, options?: AfterOptions): Disposable {
    if (ms === 0) {
      const turn = setImmediate(work);
      if (options?.idle) turn.unref();
      return { [Symbol.dispose]: () => clearImmediate(turn) };
    }
    const timer = setTimeout(work, ms);
    if (options?.idle) timer.unref();
    return { [Symbol.dispose]: () => clearTimeout(timer) };
  },
};

import { type AfterOptions, type Clock, steadyMs, unixMs } from "../core/clock.ts";

/** The runtime's: it holds delays in 32 bits and takes a longer one for none at all. Some 25 days. */
const DELAY_MAX_MS = 2 ** 31 - 1;

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
    const timer = setTimeout(work, Math.min(ms, DELAY_MAX_MS));
    if (options?.idle) timer.unref();
    return { [Symbol.dispose]: () => clearTimeout(timer) };
  },
};

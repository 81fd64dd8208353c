import { readFileSync } from "node:fs";

/** Nanoseconds this thread has had a processor. Where the system does not tell, what the clock says. */
function threadNs(): number {
  if (process.platform !== "linux") return Bun.nanoseconds();
  return Number(readFileSync("/proc/thread-self/schedstat", "latin1").split(" ", 1)[0]);
}

/**
 * Goes round with the event loop of this thread and notes the longest that anything kept it: the time for which nobody
 * else was served. Of the processor, so that other work on the machine hardly moves it.
 */
export class LoopProbe implements Disposable {
  #since = threadNs();
  #longestNs = 0;
  #next: NodeJS.Immediate | undefined;

  constructor() {
    this.#goRound();
  }

  /** Milliseconds of the longest block since the last call, up to now. */
  take(): number {
    this.#note();
    const ms = this.#longestNs / 1e6;
    this.#longestNs = 0;
    return ms;
  }

  [Symbol.dispose](): void {
    clearImmediate(this.#next);
  }

  #goRound(): void {
    this.#next = setImmediate(() => {
      this.#note();
      this.#goRound();
    });
  }

  #note(): void {
    const now = threadNs();
    this.#longestNs = Math.max(this.#longestNs, now - this.#since);
    this.#since = now;
  }
}

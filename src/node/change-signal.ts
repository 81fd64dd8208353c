/** Wakes everyone who waits, once per change. Holds no data: who wakes looks at the store. */
export class ChangeSignal {
  #waiting = new Set<() => void>();
  #version = 0;

  /** How many wait; who gives up waits no longer. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Grows with every change; take it before looking, hand it to `after`. */
  get version(): number {
    return this.#version;
  }

  notify(): void {
    this.#version += 1;
    const waiting = this.#waiting;
    this.#waiting = new Set();
    for (const wake of waiting) wake();
  }

  /** Resolves at the next change, at once when there was one since `version` or when `signal` is aborted. */
  after(version: number, signal: AbortSignal): Promise<void> {
    if (version !== this.#version || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = () => {
        this.#waiting.delete(wake);
        signal.removeEventListener("abort", wake);
        resolve();
      };
      signal.addEventListener("abort", wake, { once: true });
      this.#waiting.add(wake);
    });
  }
}

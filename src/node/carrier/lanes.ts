/** Work by key: so much of it goes on at a time for each, and so much more waits, first come first served. */
export class Lanes<K> {
  readonly #atOnce: number;
  readonly #waitingMax: number;
  readonly #lanes = new Map<K, { running: number; readonly waiting: (() => void)[] }>();

  constructor({ atOnce, waitingMax }: { readonly atOnce: number; readonly waitingMax: number }) {
    this.#atOnce = atOnce;
    this.#waitingMax = waitingMax;
  }

  /** Resolves when work of `key` may begin, to be disposed of when it is over; `undefined` when too much waits already. */
  async enter(key: K): Promise<Disposable | undefined> {
    const lane = this.#lanes.get(key) ?? { running: 0, waiting: [] };
    this.#lanes.set(key, lane);
    if (lane.running < this.#atOnce) lane.running += 1;
    else {
      if (lane.waiting.length >= this.#waitingMax) return undefined;
      await new Promise<void>((resolve) => lane.waiting.push(resolve));
    }
    const leave = () => {
      const next = lane.waiting.shift();
      if (next !== undefined) return next();
      lane.running -= 1;
      if (lane.running === 0) this.#lanes.delete(key);
    };
    return { [Symbol.dispose]: leave };
  }
}

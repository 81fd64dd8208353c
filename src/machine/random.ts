/** A source of randomness with a seed, so that a run can be repeated. Never for keys or nonces. */
export interface Random {
  /** Uniform in [0, 1), 32 bits of it. */
  next(): number;
  /** Uniform whole number in [lo, hi); `lo` when the range is empty. */
  between(lo: number, hi: number): number;
  /** True with this probability. */
  chance(probability: number): boolean;
  /** One of `items`, or `undefined` when there is none. */
  pick<T>(items: readonly T[]): T | undefined;
  /** A new generator whose stream is independent of what this one gives later. */
  fork(): Random;
}

/** Sfc32 (Chris Doty-Humphrey, PractRand): small, fast, passes BigCrush. `seed` is taken modulo 2^32. */
export class SeededRandom implements Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: number) {
    this.#a = 0x9e3779b9;
    this.#b = 0x243f6a88;
    this.#c = seed >>> 0;
    // Twelve rounds spread a 32-bit seed over the whole state.
    for (let i = 0; i < 12; i++) this.#uint32();
  }

  next(): number {
    return this.#uint32() / 0x1_0000_0000;
  }

  between(lo: number, hi: number): number {
    return hi <= lo ? lo : lo + Math.floor(this.next() * (hi - lo));
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<T>(items: readonly T[]): T | undefined {
    return items[this.between(0, items.length)];
  }

  fork(): Random {
    return new SeededRandom(this.#uint32());
  }

  #uint32(): number {
    const result = (this.#a + this.#b + this.#counter) >>> 0;
    this.#counter = (this.#counter + 1) >>> 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) >>> 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) >>> 0;
    this.#c = (this.#c + result) >>> 0;
    return result;
  }
}

/** Ours. Room for so many numbers at first; it doubles. */
const FIRST_ROOM = 1024;

/** What of one message is summed. */
export interface SummedId {
  readonly seq: number;
  readonly first4: number;
}

/** For each number of a log the sum of `first4` over all messages up to it, modulo 2^32: four bytes a message. */
export class LogSums {
  #sums = new Uint32Array(FIRST_ROOM);
  #upTo = 0;

  /** The highest number whose sum is known. */
  get upTo(): number {
    return this.#upTo;
  }

  /** `seq`: at most `upTo`. */
  at(seq: number): number {
    return this.#sums[seq]!;
  }

  /** Goes on to `upTo`; `ids`: those of the numbers since, in any order. A number without one counts nothing. */
  extend(upTo: number, ids: Iterable<SummedId>): void {
    if (upTo >= this.#sums.length) {
      const grown = new Uint32Array(Math.max(upTo + 1, 2 * this.#sums.length));
      grown.set(this.#sums);
      this.#sums = grown;
    }
    for (const { first4, seq } of ids) this.#sums[seq] = first4;
    for (let seq = this.#upTo + 1; seq <= upTo; seq++) this.#sums[seq]! += this.#sums[seq - 1]!;
    this.#upTo = upTo;
  }
}

import { withRoom } from "../bytes/typed-array.ts";
import { IdTable, NO_SLOT } from "./id-table.ts";

/**
 * The nodes of a message set, each in a numbered slot, in typed arrays: a million JavaScript objects
 * would cost ten times the memory. Holds ids and keys (timestamp, author, id).
 */
export class NodeTable {
  readonly #ids: IdTable;
  #timeHigh: Int32Array<ArrayBuffer> = new Int32Array(0);
  #timeLow: Uint32Array<ArrayBuffer> = new Uint32Array(0);
  #authors: Uint32Array<ArrayBuffer> = new Uint32Array(0);

  /** `seed` as `IdTable` takes it. */
  constructor(seed: number) {
    this.#ids = new IdTable(seed);
  }

  static readonly none = NO_SLOT;

  /** Slots given out, `[0, size)`, those of removed nodes included. */
  get size(): number {
    return this.#ids.size;
  }

  get byteLength(): number {
    const keys = [this.#timeHigh, this.#timeLow, this.#authors];
    return keys.reduce((sum, array) => sum + array.byteLength, this.#ids.byteLength);
  }

  /** Makes room for `count` nodes in all. */
  reserve(count: number): void {
    this.#ids.reserve(count);
    this.#growKeys();
  }

  /** The slot of the 32 bytes at `offset` of `ids`, or `NodeTable.none`. */
  find(ids: Uint8Array, offset = 0): number {
    return this.#ids.find(ids, offset);
  }

  /** Adds a node whose id is not held and returns its slot. `timestamp` is an int64. */
  add(ids: Uint8Array, offset: number, timestamp: bigint | number, author: number): number {
    const slot = this.#ids.add(ids, offset);
    this.#growKeys();
    this.#setTime(slot, timestamp);
    this.#authors[slot] = author;
    return slot;
  }

  /** Makes the node in `slot`, which must be held, one that is not; its slot and what is in it stay. */
  remove(slot: number): void {
    this.#ids.remove(slot);
  }

  /** A fresh copy of the id in `slot`. */
  id(slot: number): Uint8Array<ArrayBuffer> {
    return this.#ids.view(slot).slice();
  }

  /** The id in `slot`, valid until the next addition. */
  view(slot: number): Uint8Array {
    return this.#ids.view(slot);
  }

  /** The ids of the first `count` of `slots`, one behind the other. */
  bytesOf(slots: Uint32Array, count: number): Uint8Array<ArrayBuffer> {
    return this.#ids.bytesOf(slots, count);
  }

  hex(slot: number): string {
    return this.#ids.view(slot).toHex();
  }

  timestamp(slot: number): bigint {
    return (BigInt(this.#timeHigh[slot]!) << 32n) | BigInt(this.#timeLow[slot]!);
  }

  isNegative(slot: number): boolean {
    return this.#timeHigh[slot]! < 0;
  }

  author(slot: number): number {
    return this.#authors[slot]!;
  }

  /** Negative when `a` comes before `b` by timestamp, author and id; 0 for the same slot only. */
  compare(a: number, b: number): number {
    const high = this.#timeHigh[a]! - this.#timeHigh[b]!;
    if (high !== 0) return high;
    const low = this.#timeLow[a]! - this.#timeLow[b]!;
    if (low !== 0) return low;
    const author = this.#authors[a]! - this.#authors[b]!;
    return author !== 0 || a === b ? author : this.#ids.compare(a, b);
  }

  /** A table without the slots `isGone` names, and the new slot of each old one (`none` for those gone). Order is kept. */
  without(isGone: (slot: number) => boolean): { table: NodeTable; renumbered: Uint32Array<ArrayBuffer> } {
    const table = new NodeTable(this.#ids.seed);
    const renumbered = new Uint32Array(this.size).fill(NO_SLOT);
    for (let slot = 0; slot < this.size; slot++) {
      if (isGone(slot)) continue;
      const kept = table.add(this.#ids.view(slot), 0, 0, this.#authors[slot]!);
      table.#timeHigh[kept] = this.#timeHigh[slot]!;
      table.#timeLow[kept] = this.#timeLow[slot]!;
      renumbered[slot] = kept;
    }
    return { table, renumbered };
  }

  /** `slots` by `compare`, ascending, in place: by timestamp with a radix sort, then ties by comparison. */
  sort(slots: Uint32Array): void {
    if (this.#isSorted(slots)) return;
    if (slots.length < RADIX_MIN) {
      slots.sort((a, b) => this.compare(a, b));
      return;
    }
    const low = this.#timeLow;
    const high = this.#timeHigh;
    radixPasses(slots, (slot) => low[slot]!);
    radixPasses(slots, (slot) => (high[slot]! ^ 0x80000000) >>> 0);
    this.#sortTies(slots);
  }

  #isSorted(slots: Uint32Array): boolean {
    for (let i = 1; i < slots.length; i++) if (this.compare(slots[i - 1]!, slots[i]!) > 0) return false;
    return true;
  }

  #sortTies(slots: Uint32Array): void {
    const sameTime = (a: number, b: number) =>
      this.#timeHigh[a] === this.#timeHigh[b] && this.#timeLow[a] === this.#timeLow[b];
    for (let from = 0; from < slots.length; ) {
      let to = from + 1;
      while (to < slots.length && sameTime(slots[from]!, slots[to]!)) to++;
      if (to - from > 1) slots.subarray(from, to).sort((a, b) => this.compare(a, b));
      from = to;
    }
  }

  #setTime(slot: number, timestamp: bigint | number): void {
    const time = typeof timestamp === "number" ? timestamp : Number(timestamp);
    if (Number.isSafeInteger(time)) {
      this.#timeHigh[slot] = Math.floor(time / 0x1_0000_0000);
      this.#timeLow[slot] = time >>> 0;
    } else {
      this.#timeHigh[slot] = Number(BigInt.asIntN(32, BigInt(timestamp) >> 32n));
      this.#timeLow[slot] = Number(BigInt.asUintN(32, BigInt(timestamp)));
    }
  }

  #growKeys(): void {
    const { capacity } = this.#ids;
    if (this.#authors.length >= capacity) return;
    this.#timeHigh = withRoom(this.#timeHigh, capacity);
    this.#timeLow = withRoom(this.#timeLow, capacity);
    this.#authors = withRoom(this.#authors, capacity);
  }
}

/** Ours. Below this a comparison sort is as fast and needs no buckets. */
const RADIX_MIN = 2048;

/** Stable sort of `slots` by the 32-bit number `key` gives: two passes of 16 bits, a constant half skipped. */
function radixPasses(slots: Uint32Array, key: (slot: number) => number): void {
  const sorted = new Uint32Array(slots.length);
  for (const shift of [0, 16]) {
    const starts = new Uint32Array(0x10000);
    for (const slot of slots) starts[(key(slot) >>> shift) & 0xffff]!++;
    if (starts[(key(slots[0]!) >>> shift) & 0xffff] === slots.length) continue;
    let sum = 0;
    for (let bucket = 0; bucket < starts.length; bucket++) {
      const count = starts[bucket]!;
      starts[bucket] = sum;
      sum += count;
    }
    for (const slot of slots) sorted[starts[(key(slot) >>> shift) & 0xffff]!++] = slot;
    slots.set(sorted);
  }
}

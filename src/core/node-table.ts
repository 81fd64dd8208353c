import { withRoom } from "./typed-array.ts";

const WORDS = 8;
const NO_SLOT = 0xffffffff;

// Ids are looked up as words; both views share these bytes.
const probe = new Uint8Array(32);
const probeWords = new Uint32Array(probe.buffer);

/**
 * The nodes of a message set, each in a numbered slot, in typed arrays: a million JavaScript objects
 * would cost ten times the memory. Holds ids, keys (timestamp, author, id) and the hash index over ids.
 */
export class NodeTable {
  #ids: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  #words: Uint32Array<ArrayBuffer> = new Uint32Array(0);
  #timeHigh: Int32Array<ArrayBuffer> = new Int32Array(0);
  #timeLow: Uint32Array<ArrayBuffer> = new Uint32Array(0);
  #authors: Uint32Array<ArrayBuffer> = new Uint32Array(0);
  /** Open addressing, linear probing; a slot number plus one, 0 for empty. At most 3/4 full. */
  #index: Uint32Array<ArrayBuffer> = new Uint32Array(16);
  #size = 0;
  readonly #seed: number;

  /** `seed`: 32 random bits, so that ids cannot be chosen to collide in the index. */
  constructor(seed: number) {
    this.#seed = seed >>> 0;
  }

  static readonly none = NO_SLOT;

  /** Nodes held; their slots are `[0, size)`. */
  get size(): number {
    return this.#size;
  }

  get byteLength(): number {
    const arrays = [this.#ids, this.#timeHigh, this.#timeLow, this.#authors, this.#index];
    return arrays.reduce((sum, array) => sum + array.byteLength, 0);
  }

  reserve(count: number): void {
    if (count * 32 > this.#ids.length) this.#grow(count);
    let capacity = this.#index.length;
    while (count * 4 > capacity * 3) capacity *= 2;
    if (capacity > this.#index.length) this.#reindex(capacity);
  }

  /** The slot of the 32 bytes at `offset` of `ids`, or `NodeTable.none`. */
  find(ids: Uint8Array, offset = 0): number {
    for (let i = 0; i < 32; i++) probe[i] = ids[offset + i]!;
    const entry = this.#index[this.#place()]!;
    return entry === 0 ? NO_SLOT : entry - 1;
  }

  /** Adds a node whose id is not held and returns its slot. `timestamp` is an int64. */
  add(ids: Uint8Array, offset: number, timestamp: bigint | number, author: number): number {
    const slot = this.#size++;
    if (slot * 32 + 32 > this.#ids.length) this.#grow(slot + 1);
    if ((slot + 1) * 4 > this.#index.length * 3) this.#reindex(this.#index.length * 2);
    for (let i = 0; i < 32; i++) probe[i] = ids[offset + i]!;
    for (let w = 0; w < WORDS; w++) this.#words[slot * WORDS + w] = probeWords[w]!;
    this.#setTime(slot, timestamp);
    this.#authors[slot] = author;
    this.#index[this.#place()] = slot + 1;
    return slot;
  }

  /** A fresh copy of the id in `slot`. */
  id(slot: number): Uint8Array<ArrayBuffer> {
    return this.#ids.slice(slot * 32, slot * 32 + 32);
  }

  hex(slot: number): string {
    return this.#ids.subarray(slot * 32, slot * 32 + 32).toHex();
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
    if (author !== 0 || a === b) return author;
    for (let i = 0; i < 32; i++) {
      const byte = this.#ids[a * 32 + i]! - this.#ids[b * 32 + i]!;
      if (byte !== 0) return byte;
    }
    return 0;
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

  /** A table without the slots in `doomed`, and the new slot of each old one (`none` for those gone). Order is kept. */
  without(doomed: ReadonlySet<number>): { table: NodeTable; renumbered: Uint32Array<ArrayBuffer> } {
    const table = new NodeTable(this.#seed);
    table.reserve(this.#size - doomed.size);
    const renumbered = new Uint32Array(this.#size).fill(NO_SLOT);
    for (let slot = 0; slot < this.#size; slot++) {
      if (doomed.has(slot)) continue;
      const kept = table.add(this.#ids, slot * 32, 0, this.#authors[slot]!);
      table.#timeHigh[kept] = this.#timeHigh[slot]!;
      table.#timeLow[kept] = this.#timeLow[slot]!;
      renumbered[slot] = kept;
    }
    return { table, renumbered };
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

  /** Where in the index the probed id is, or the empty place it would take. */
  #place(): number {
    const mask = this.#index.length - 1;
    let at = mix(probeWords[0]! ^ this.#seed, probeWords[1]!) & mask;
    for (;;) {
      const entry = this.#index[at]!;
      if (entry === 0 || this.#isProbed(entry - 1)) return at;
      at = (at + 1) & mask;
    }
  }

  #isProbed(slot: number): boolean {
    for (let w = 0; w < WORDS; w++) if (this.#words[slot * WORDS + w] !== probeWords[w]) return false;
    return true;
  }

  #grow(count: number): void {
    this.#ids = withRoom(this.#ids, count * 32);
    const capacity = Math.floor(this.#ids.length / 32);
    this.#words = new Uint32Array(this.#ids.buffer, 0, capacity * WORDS);
    this.#timeHigh = withRoom(this.#timeHigh, capacity);
    this.#timeLow = withRoom(this.#timeLow, capacity);
    this.#authors = withRoom(this.#authors, capacity);
  }

  #reindex(capacity: number): void {
    this.#index = new Uint32Array(capacity);
    for (let slot = 0; slot < this.#size; slot++) {
      for (let w = 0; w < WORDS; w++) probeWords[w] = this.#words[slot * WORDS + w]!;
      this.#index[this.#place()] = slot + 1;
    }
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

/** Two words to one well mixed (the finaliser of MurmurHash3). */
function mix(a: number, b: number): number {
  let h = a ^ Math.imul(b, 0x9e3779b1);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

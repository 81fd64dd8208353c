import { withRoom } from "../bytes/typed-array.ts";

const WORDS = 8;

/** The number of an id that is not held. */
export const NO_SLOT = 0xffffffff;

// Ids are looked up as words; both views share these bytes.
const probe = new Uint8Array(32);
const probeWords = new Uint32Array(probe.buffer);

/**
 * 32-byte ids in numbered slots, found by their bytes: 32 bytes an id and 6 to 12 for the index, where a
 * `Map` of texts takes two hundred.
 */
export class IdTable {
  #ids: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  #words: Uint32Array<ArrayBuffer> = new Uint32Array(0);
  /** Open addressing, linear probing; a slot number plus one, 0 for empty. At most 3/4 full. */
  #index: Uint32Array<ArrayBuffer> = new Uint32Array(16);
  #size = 0;
  readonly seed: number;

  /** `seed`: 32 random bits, so that ids cannot be chosen to collide in the index. */
  constructor(seed: number) {
    this.seed = seed >>> 0;
  }

  /** Slots given out, `[0, size)`, those of removed ids included. */
  get size(): number {
    return this.#size;
  }

  /** Ids there is room for. */
  get capacity(): number {
    return this.#words.length / WORDS;
  }

  get byteLength(): number {
    return this.#ids.byteLength + this.#index.byteLength;
  }

  /** Makes room for `count` ids in all. */
  reserve(count: number): void {
    this.#grow(count);
    let capacity = this.#index.length;
    while (count * 4 > capacity * 3) capacity *= 2;
    if (capacity > this.#index.length) this.#reindex(capacity);
  }

  /** The slot of the 32 bytes at `offset` of `ids`, or `NO_SLOT`. */
  find(ids: Uint8Array, offset = 0): number {
    for (let i = 0; i < 32; i++) probe[i] = ids[offset + i]!;
    const entry = this.#index[this.#place()]!;
    return entry === 0 ? NO_SLOT : entry - 1;
  }

  /** Adds an id that is not held and returns its slot. */
  add(ids: Uint8Array, offset = 0): number {
    const slot = this.#size++;
    this.#grow(slot + 1);
    if ((slot + 1) * 4 > this.#index.length * 3) this.#reindex(this.#index.length * 2);
    for (let i = 0; i < 32; i++) probe[i] = ids[offset + i]!;
    for (let w = 0; w < WORDS; w++) this.#words[slot * WORDS + w] = probeWords[w]!;
    this.#index[this.#place()] = slot + 1;
    return slot;
  }

  /** Makes the id in `slot`, which must be held, one that is not; its slot and bytes stay. */
  remove(slot: number): void {
    const mask = this.#index.length - 1;
    this.#load(slot);
    let hole = this.#place();
    // What was put behind the hole for want of a nearer place moves into it.
    for (let at = (hole + 1) & mask; this.#index[at] !== 0; at = (at + 1) & mask) {
      this.#load(this.#index[at]! - 1);
      if (((at - this.#home()) & mask) < ((at - hole) & mask)) continue;
      this.#index[hole] = this.#index[at]!;
      hole = at;
    }
    this.#index[hole] = 0;
  }

  /** The id in `slot`; the bytes are the table's own, and good until the next change. */
  view(slot: number): Uint8Array<ArrayBuffer> {
    return this.#ids.subarray(slot * 32, slot * 32 + 32);
  }

  /** The ids of the first `count` of `slots`, one behind the other: by words, for a view of each costs ten times as much. */
  bytesOf(slots: Uint32Array, count: number): Uint8Array<ArrayBuffer> {
    const words = new Uint32Array(count * WORDS);
    for (let at = 0; at < count; at++) {
      const from = slots[at]! * WORDS;
      const to = at * WORDS;
      for (let word = 0; word < WORDS; word++) words[to + word] = this.#words[from + word]!;
    }
    return new Uint8Array(words.buffer);
  }

  /** Negative when the bytes in slot `a` sort before those in `b`. */
  compare(a: number, b: number): number {
    for (let i = 0; i < 32; i++) {
      const difference = this.#ids[a * 32 + i]! - this.#ids[b * 32 + i]!;
      if (difference !== 0) return difference;
    }
    return 0;
  }

  /** Where in the index the probed id is, or the empty place it would take. */
  #place(): number {
    const mask = this.#index.length - 1;
    let at = this.#home();
    for (;;) {
      const entry = this.#index[at]!;
      if (entry === 0 || this.#isProbed(entry - 1)) return at;
      at = (at + 1) & mask;
    }
  }

  /** Where in the index the probed id would stand if nothing were in its way. */
  #home(): number {
    return mix(probeWords[0]! ^ this.seed, probeWords[1]!) & (this.#index.length - 1);
  }

  #load(slot: number): void {
    for (let w = 0; w < WORDS; w++) probeWords[w] = this.#words[slot * WORDS + w]!;
  }

  #isProbed(slot: number): boolean {
    for (let w = 0; w < WORDS; w++) if (this.#words[slot * WORDS + w] !== probeWords[w]) return false;
    return true;
  }

  #grow(count: number): void {
    if (count * 32 <= this.#ids.length) return;
    this.#ids = withRoom(this.#ids, count * 32);
    this.#words = new Uint32Array(this.#ids.buffer, 0, Math.floor(this.#ids.length / 32) * WORDS);
  }

  #reindex(capacity: number): void {
    const held = this.#index;
    this.#index = new Uint32Array(capacity);
    for (const entry of held) {
      if (entry === 0) continue;
      this.#load(entry - 1);
      this.#index[this.#place()] = entry;
    }
  }
}

/** Two words to one well mixed (the finaliser of MurmurHash3). */
function mix(a: number, b: number): number {
  let h = a ^ Math.imul(b, 0x9e3779b1);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

import { sha256 } from "../bytes/sha256.ts";
import { MessageId } from "../ids.ts";

/** Wire. The original cuts a range's fingerprint to so many bytes. */
export const FINGERPRINT_BYTES = 16;

const WORDS = 8;

/** What one id adds to a fingerprint: SHA-256 of its bytes, 32 bytes. Worth keeping where ids are summed often. */
export function fingerprintTerm(id: MessageId): Uint8Array<ArrayBuffer> {
  return sha256(MessageId.toBytes(id));
}

/**
 * A summary of a set of ids that can gain and lose members: their number and the sum of their
 * hashes modulo 2^256. The order they came in leaves no trace. Wire: peers compare `toBytes`.
 */
export class Fingerprint {
  /** 32-bit words of the sum, least significant first. */
  readonly #sum = new Uint32Array(WORDS);
  #count = 0;

  /** How many ids are in it; one that was added twice counts twice. */
  get count(): number {
    return this.#count;
  }

  add(id: MessageId): void {
    this.addTerm(fingerprintTerm(id));
  }

  /** Takes out an id added before. */
  remove(id: MessageId): void {
    this.removeTerm(fingerprintTerm(id));
  }

  /** `add` for the kept `fingerprintTerm` of an id. */
  addTerm(term: Uint8Array): void {
    this.#addWords(load(term));
    this.#count += 1;
  }

  /** `remove` for the kept `fingerprintTerm` of an id. */
  removeTerm(term: Uint8Array): void {
    this.#subtractWords(load(term));
    this.#count -= 1;
  }

  /** Takes in every id of another set. */
  merge(other: Fingerprint): void {
    this.#addWords(other.#sum);
    this.#count += other.#count;
  }

  /** Takes out every id of a subset: prefix sums turn into ranges this way. */
  subtract(other: Fingerprint): void {
    this.#subtractWords(other.#sum);
    this.#count -= other.#count;
  }

  copy(): Fingerprint {
    const copy = new Fingerprint();
    copy.merge(this);
    return copy;
  }

  /** First 16 bytes of SHA-256(count as 64 bits little-endian, sum as 256 bits big-endian). */
  toBytes(): Uint8Array<ArrayBuffer> {
    const input = new DataView(new ArrayBuffer(8 + 4 * WORDS));
    input.setBigUint64(0, BigInt(this.#count), true);
    for (let i = 0; i < WORDS; i++) input.setUint32(8 + 4 * (WORDS - 1 - i), this.#sum[i]!, false);
    return sha256(new Uint8Array(input.buffer)).slice(0, FINGERPRINT_BYTES);
  }

  #addWords(words: Uint32Array): void {
    let carry = 0;
    for (let i = 0; i < WORDS; i++) {
      const total = this.#sum[i]! + words[i]! + carry;
      this.#sum[i] = total;
      carry = total > 0xffff_ffff ? 1 : 0;
    }
  }

  #subtractWords(words: Uint32Array): void {
    let borrow = 0;
    for (let i = 0; i < WORDS; i++) {
      const total = this.#sum[i]! - words[i]! - borrow;
      this.#sum[i] = total;
      borrow = total < 0 ? 1 : 0;
    }
  }
}

/** The fingerprint of a whole set. */
export function fingerprintOf(ids: Iterable<MessageId>): Uint8Array<ArrayBuffer> {
  const fingerprint = new Fingerprint();
  for (const id of ids) fingerprint.add(id);
  return fingerprint.toBytes();
}

/** The words of the term at hand; one buffer for all, because a reconciliation adds terms by the million. */
const loaded = new Uint32Array(WORDS);

function load(term: Uint8Array): Uint32Array {
  for (let i = 0; i < WORDS; i++) {
    const at = 4 * (WORDS - 1 - i);
    loaded[i] = (term[at]! << 24) | (term[at + 1]! << 16) | (term[at + 2]! << 8) | term[at + 3]!;
  }
  return loaded;
}

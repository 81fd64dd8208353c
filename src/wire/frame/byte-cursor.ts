import { EntmootError } from "../../core/errors.ts";

/** Reads a binary frame body front to back. Everything it gives is a view; every refusal is `malformed_frame`. */
export class ByteCursor {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #label: string;
  #at = 0;

  constructor(bytes: Uint8Array, label: string) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#label = label;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  read(length: number, what: string): Uint8Array {
    if (length > this.left) this.fail(`${length} bytes of ${what}`, `${this.left}`);
    const start = this.#at;
    this.#at += length;
    return this.#bytes.subarray(start, this.#at);
  }

  u8(what: string): number {
    return this.read(1, what)[0]!;
  }

  /** Big-endian. */
  u32(what: string): number {
    if (this.left < 4) this.fail(`4 bytes of ${what}`, `${this.left}`);
    const value = this.#view.getUint32(this.#at);
    this.#at += 4;
    return value;
  }

  /** Big-endian, two's complement. */
  i64(what: string): bigint {
    if (this.left < 8) this.fail(`8 bytes of ${what}`, `${this.left}`);
    const value = this.#view.getBigInt64(this.#at);
    this.#at += 8;
    return value;
  }

  rest(): Uint8Array {
    return this.read(this.left, "rest");
  }

  /** Refuses bytes past the last field. */
  end(): void {
    if (this.left > 0) this.fail("the end", `${this.left} more bytes`);
  }

  fail(expected: string, found: string): never {
    throw new EntmootError("malformed_frame", `${this.#label}: expected ${expected}, found ${found}`);
  }
}

/** Big-endian int64, two's complement. */
export function i64Bytes(value: bigint): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigInt64(0, value);
  return bytes;
}

/** Big-endian uint32. */
export function u32Bytes(value: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

import { sizeText } from "../../core/amounts.ts";
import { concat } from "../../core/bytes/byte-strings.ts";
import { EntmootError } from "../../core/errors.ts";
import { FRAME_LENGTH_MAX, FRAME_PREFIX_BYTES, type FrameLimits } from "./frame-limits.ts";

/** A frame as it stands in the stream; the body is still to be decoded. */
export interface RawFrame {
  readonly type: number;
  /** Of a skipped frame only the head. */
  readonly body: Uint8Array;
  /** The frame was larger than its head allows: how many bytes followed that head and were passed over. */
  readonly skippedBytes?: number;
}

/** Frames of one type whose body begins with a head that says how large the rest may be. */
interface HeadRule {
  readonly type: number;
  readonly headBytes: number;
  /**
   * Most bytes behind `head`, of which there are `rest`; below 0 for not even none. A frame with more is passed over, and
   * what follows it is read as ever. Asked once a frame.
   */
  readonly restMax: (head: Uint8Array, rest: number) => number;
}

/** Ours. A body that arrives in pieces starts with room for this much, which most never pass, and doubles as it fills. */
const FIRST_ROOM_BYTES = 4 * 1024;

/**
 * Cuts a byte stream into frames. A frame over its type's limit is refused once its type is known,
 * and room is made only for bytes that came, never for those the length field promises.
 */
export class FrameReader {
  readonly #limits: FrameLimits;
  readonly #rule: HeadRule | undefined;
  /** What was pushed and not yet consumed. */
  #input: Uint8Array = new Uint8Array(0);
  readonly #head = new Uint8Array(FRAME_PREFIX_BYTES + 1);
  #headLength = 0;
  /** The body being gathered; `#bodyLength` bytes of it are there. */
  #body: Uint8Array = new Uint8Array(0);
  #bodyLength = 0;
  /** The rule's head of the frame being read was looked at. */
  #isHeadChecked = false;
  /** A frame being passed over, and bytes of it still to come. */
  #skipped: RawFrame | undefined;
  #toSkip = 0;
  #failure: EntmootError | undefined;

  constructor(limits: FrameLimits, rule?: HeadRule) {
    this.#limits = limits;
    this.#rule = rule;
  }

  /** Takes the next bytes of the stream. They may be referred to by frames given later: do not write to them again. */
  push(bytes: Uint8Array): void {
    if (this.#failure !== undefined) return;
    this.#input = this.#input.length === 0 ? bytes : concat(this.#input, bytes);
  }

  /**
   * The next whole frame, or `undefined` until more is pushed. Throws `malformed_frame` for a length
   * of 0 and `frame_too_large`; the stream has no next frame then and every later call throws the same.
   */
  next(): RawFrame | undefined {
    if (this.#failure !== undefined) throw this.#failure;
    this.#gatherHead();
    if (this.#headLength < this.#head.length) return undefined;
    if (this.#skipped !== undefined) return this.#skip(this.#skipped);
    const total = this.#length() - 1;
    const type = this.#head[FRAME_PREFIX_BYTES]!;
    if (this.#rule?.type === type && !this.#isHeadChecked) {
      const { headBytes, restMax } = this.#rule;
      if (total < headBytes) this.#fail("malformed_frame", `expected a head of ${headBytes} bytes, found ${total}`);
      const head = this.#peek(headBytes);
      if (head === undefined) return undefined;
      this.#isHeadChecked = true;
      if (total - headBytes > restMax(head, total - headBytes)) {
        if (this.#bodyLength === 0) this.#read(headBytes);
        this.#toSkip = total - headBytes;
        this.#skipped = { type, body: head.slice(), skippedBytes: this.#toSkip };
        return this.#skip(this.#skipped);
      }
    }
    const missing = total - this.#bodyLength;
    const body = this.#bodyLength === 0 && this.#input.length >= missing ? this.#read(missing) : this.#gather(total);
    if (body === undefined) return undefined;
    this.#reset();
    return { type, body };
  }

  /** Bytes of memory that hold what came and was not given yet. */
  get heldBytes(): number {
    return this.#input.length + this.#body.length;
  }

  /** Bytes of a frame are there that is not whole. */
  get isWithinFrame(): boolean {
    return this.#headLength > 0 || this.#input.length > 0;
  }

  /** Call when the stream has ended and `next` gives nothing more: did it end between two frames? */
  end(): "clean" | "truncated" {
    return !this.isWithinFrame && this.#failure === undefined ? "clean" : "truncated";
  }

  /** The first `length` bytes of the body once they are there. They stay part of it. */
  #peek(length: number): Uint8Array | undefined {
    if (this.#bodyLength === 0 && this.#input.length >= length) return this.#input.subarray(0, length);
    this.#gather(length);
    return this.#bodyLength < length ? undefined : this.#body.subarray(0, length);
  }

  #skip(frame: RawFrame): RawFrame | undefined {
    this.#toSkip -= this.#read(Math.min(this.#toSkip, this.#input.length)).length;
    if (this.#toSkip > 0) return undefined;
    this.#reset();
    return frame;
  }

  #reset(): void {
    this.#headLength = 0;
    this.#body = new Uint8Array(0);
    this.#bodyLength = 0;
    this.#isHeadChecked = false;
    this.#skipped = undefined;
  }

  /** Checks each part of the head as soon as it is there, before more is consumed. */
  #gatherHead(): void {
    if (this.#headLength === this.#head.length) return;
    if (this.#headLength < FRAME_PREFIX_BYTES) {
      this.#fillHead(FRAME_PREFIX_BYTES);
      if (this.#headLength < FRAME_PREFIX_BYTES) return;
      if (this.#length() === 0) this.#fail("malformed_frame", "expected a type, found a length of 0");
      if (this.#length() > FRAME_LENGTH_MAX) this.#failTooLarge("any frame", FRAME_LENGTH_MAX);
    }
    this.#fillHead(this.#head.length);
    if (this.#headLength < this.#head.length) return;
    const type = this.#head[FRAME_PREFIX_BYTES]!;
    const limit = this.#limits(type);
    if (this.#length() > limit) this.#failTooLarge(`type 0x${type.toString(16).padStart(2, "0")}`, limit);
  }

  #fillHead(until: number): void {
    const piece = this.#read(Math.min(until - this.#headLength, this.#input.length));
    this.#head.set(piece, this.#headLength);
    this.#headLength += piece.length;
  }

  /** Moves what came into the body; the body once it is whole. */
  #gather(total: number): Uint8Array | undefined {
    const piece = this.#read(Math.min(total - this.#bodyLength, this.#input.length));
    const needed = this.#bodyLength + piece.length;
    if (needed > this.#body.length) {
      const room = Math.min(total, Math.max(needed, this.#body.length * 2, FIRST_ROOM_BYTES));
      const grown = new Uint8Array(room);
      grown.set(this.#body.subarray(0, this.#bodyLength));
      this.#body = grown;
    }
    this.#body.set(piece, this.#bodyLength);
    this.#bodyLength = needed;
    return needed === total ? this.#body.subarray(0, total) : undefined;
  }

  #read(length: number): Uint8Array {
    const piece = this.#input.subarray(0, length);
    this.#input = this.#input.subarray(length);
    return piece;
  }

  #length(): number {
    return new DataView(this.#head.buffer).getUint32(0);
  }

  #failTooLarge(what: string, limit: number): never {
    this.#fail(
      "frame_too_large",
      `expected a length of at most ${sizeText(limit)} for ${what}, found ${sizeText(this.#length())}`,
    );
  }

  #fail(code: "malformed_frame" | "frame_too_large", problem: string): never {
    this.#failure = new EntmootError(code, `frame: ${problem}`);
    this.#input = new Uint8Array(0);
    throw this.#failure;
  }
}

import { type ByteCursor, u32Bytes } from "../frame/byte-cursor.ts";

/** Ours. Messages of one batch; with a body cap of 1 MiB it matters only for tiny ones. */
export const BATCH_MESSAGES_MAX = 1024;

/** Ours. Bytes a message takes in a batch besides its own: its length. */
const LENGTH_BYTES = 4;

/** Ours. Room for messages and their lengths in any frame of 1 MiB that holds a batch; 8 KiB are left for the rest of it. */
export const BATCH_BYTES_MAX = 1024 * 1024 - 8 * 1024;

/** Reads length-prefixed messages to the end of the frame. Such a `body` is a view of a full canonical form, still to be decoded and verified. */
export function readMessageBatch(cursor: ByteCursor): Uint8Array[] {
  const bodies: Uint8Array[] = [];
  while (cursor.left > 0) {
    if (bodies.length === BATCH_MESSAGES_MAX) cursor.fail(`at most ${BATCH_MESSAGES_MAX} messages`, "one more");
    const length = cursor.u32("message length");
    if (length === 0) cursor.fail("a message", "an empty one");
    bodies.push(cursor.read(length, "message"));
  }
  return bodies;
}

/** The pieces `readMessageBatch` reads. */
export function messageBatchParts(bodies: readonly Uint8Array[]): Uint8Array[] {
  return bodies.flatMap((body) => [u32Bytes(body.length), body]);
}

/** What one batch holds so far. */
export class BatchRoom {
  #bytes = 0;
  #count = 0;

  /** Reserves room for a message of `length` bytes, if there is some. */
  reserve(length: number): boolean {
    if (this.#count === BATCH_MESSAGES_MAX || this.#bytes + LENGTH_BYTES + length > BATCH_BYTES_MAX) return false;
    this.#bytes += LENGTH_BYTES + length;
    this.#count += 1;
    return true;
  }

  /** Whether a message fits any batch at all. */
  static fits(length: number): boolean {
    return LENGTH_BYTES + length <= BATCH_BYTES_MAX;
  }
}

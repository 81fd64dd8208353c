import { type ByteCursor, u32Bytes } from "./byte-cursor.ts";

/** Ours. Messages of one batch; with a body cap of 1 MiB it matters only for tiny ones. */
export const BATCH_MESSAGES_MAX = 1024;

/** Ours. Bytes a message takes in a batch besides its own: its length. */
export const BATCH_MESSAGE_OVERHEAD = 4;

/** Reads length-prefixed messages to the end of the body: views of full canonical forms, still to be decoded and verified. */
export function readMessageBatch(cursor: ByteCursor): Uint8Array[] {
  const messages: Uint8Array[] = [];
  while (cursor.left > 0) {
    if (messages.length === BATCH_MESSAGES_MAX) cursor.fail(`at most ${BATCH_MESSAGES_MAX} messages`, "one more");
    const length = cursor.u32("message length");
    if (length === 0) cursor.fail("a message", "an empty one");
    messages.push(cursor.take(length, "message"));
  }
  return messages;
}

/** The pieces `readMessageBatch` reads. */
export function messageBatchParts(messages: readonly Uint8Array[]): Uint8Array[] {
  return messages.flatMap((message) => [u32Bytes(message.length), message]);
}

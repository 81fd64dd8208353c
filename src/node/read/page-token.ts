import { EntmootError } from "../../core/errors.ts";
import { MessageId } from "../../core/ids.ts";
import type { TimePlace } from "../../core/order/time-place.ts";

/** Ours. Timestamp, author, id. */
const BYTES = 8 + 4 + 32;

/** Where a page by time ended, as text that is opaque to everybody else. */
export function formatPageToken({ author_node_id, id, timestamp }: TimePlace): string {
  const bytes = new Uint8Array(BYTES);
  const view = new DataView(bytes.buffer);
  view.setBigInt64(0, timestamp);
  view.setUint32(8, author_node_id);
  bytes.set(MessageId.toBytes(id), 12);
  return bytes.toBase64({ alphabet: "base64url", omitPadding: true });
}

/** Throws `invalid_argument`. */
export function parsePageToken(text: string): TimePlace {
  const isText = /^[A-Za-z0-9_-]{59}$/.test(text);
  const bytes = isText ? Uint8Array.fromBase64(text, { alphabet: "base64url" }) : new Uint8Array(0);
  if (bytes.length !== BYTES) {
    throw new EntmootError(
      "invalid_argument",
      `page: expected what an answer named as next, found ${JSON.stringify(text.slice(0, 64))}`,
    );
  }
  const view = new DataView(bytes.buffer);
  return {
    timestamp: view.getBigInt64(0),
    author_node_id: view.getUint32(8),
    id: MessageId.fromBytes(bytes.subarray(12)),
  };
}

import { sha256 } from "../../core/bytes/sha256.ts";
import { encodeUtf8 } from "../../core/bytes/utf8.ts";
import { EntmootError } from "../../core/errors.ts";
import { type GroupId, MessageId } from "../../core/ids.ts";
import type { TimePlace } from "../../core/order/time-place.ts";

/** What was asked for, as far as it decides which messages there are and in which order. */
export interface PagedQuestion {
  readonly groupId: GroupId;
  readonly order: "asc" | "desc";
  readonly topic?: string | undefined;
  readonly reserved?: boolean | undefined;
  readonly author?: number | undefined;
  readonly since?: bigint | undefined;
  readonly until?: bigint | undefined;
}

/** Ours. Timestamp, author, id; then what tells the question. As text 72 characters, each of which counts. */
const PLACE_BYTES = 8 + 4 + 32;
const QUESTION_BYTES = 10;
const BYTES = PLACE_BYTES + QUESTION_BYTES;
const LENGTH = (BYTES / 3) * 4;

/** Where a page by time ended, as text that is opaque to everybody else and goes on in the same question only. */
export function formatPageToken({ author_node_id, id, timestamp }: TimePlace, question: PagedQuestion): string {
  const bytes = new Uint8Array(BYTES);
  const view = new DataView(bytes.buffer);
  view.setBigInt64(0, timestamp);
  view.setUint32(8, author_node_id);
  bytes.set(MessageId.toBytes(id), 12);
  bytes.set(markOf(bytes.subarray(0, PLACE_BYTES), question), PLACE_BYTES);
  return bytes.toBase64({ alphabet: "base64url" });
}

/** Throws `invalid_argument` for a text that is no such token, or one of another question. */
export function parsePageToken(text: string, question: PagedQuestion): TimePlace {
  const isText = text.length === LENGTH && /^[A-Za-z0-9_-]+$/.test(text);
  const bytes = isText ? Uint8Array.fromBase64(text, { alphabet: "base64url" }) : new Uint8Array(BYTES);
  const place = bytes.subarray(0, PLACE_BYTES);
  if (!isText || Buffer.compare(bytes.subarray(PLACE_BYTES), markOf(place, question)) !== 0) {
    throw new EntmootError(
      "invalid_argument",
      `page: expected what an answer to this same question named as next, found ${JSON.stringify(text.slice(0, 80))}`,
    );
  }
  const view = new DataView(bytes.buffer);
  return {
    timestamp: view.getBigInt64(0),
    author_node_id: view.getUint32(8),
    id: MessageId.fromBytes(bytes.subarray(12, PLACE_BYTES)),
  };
}

/** Tells a slip from a token of this question; it is no protection against anybody. */
function markOf(
  place: Uint8Array,
  { author, groupId, order, reserved, since, topic, until }: PagedQuestion,
): Uint8Array {
  const asked = [groupId, order, topic, author, since, until, reserved].map((part) =>
    part === undefined ? null : `${part}`,
  );
  return sha256(Buffer.concat([place, encodeUtf8(JSON.stringify(asked))])).subarray(0, QUESTION_BYTES);
}

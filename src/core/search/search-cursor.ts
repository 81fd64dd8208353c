import { decodeUtf8, encodeUtf8 } from "../bytes/utf8.ts";
import { EntmootError } from "../errors.ts";
import { GroupId, MessageId } from "../ids.ts";
import { decodeJson, optional, struct } from "../json/json-codec.ts";
import { groupId, i64, int, messageId, text, u32 } from "../json/json-scalars.ts";
import type { TimePlace } from "../order/time-place.ts";

/** What was searched for, as far as a cursor belongs to it. */
export interface SearchedFor {
  readonly groupId: GroupId;
  readonly topic: string | undefined;
  /** As `SearchQuery.hash`. */
  readonly hash: string;
}

/** Ours. One with a topic as long as any is; what is longer is not read. */
export const SEARCH_CURSOR_CHARS_MAX = 8192;

const cursor = struct("search cursor", {
  v: int,
  group_id: groupId,
  topic: optional(text),
  query_hash: text,
  timestamp_ms: i64,
  author_node_id: u32,
  message_id: messageId,
});

/** Wire. Where a page of what was found ended: base64url of JSON, keys in this order. Opaque, and signed by nobody. */
export function formatSearchCursor({ author_node_id, id, timestamp }: TimePlace, of: SearchedFor): string {
  const fields = [
    '"v":1',
    `"group_id":"${GroupId.toBase64(of.groupId)}"`,
    ...(of.topic === undefined ? [] : [`"topic":${JSON.stringify(of.topic)}`]),
    `"query_hash":"${of.hash}"`,
    `"timestamp_ms":${timestamp}`,
    `"author_node_id":${author_node_id}`,
    `"message_id":"${MessageId.toBase64(id)}"`,
  ];
  return encodeUtf8(`{${fields.join()}}`).toBase64({ alphabet: "base64url", omitPadding: true });
}

/** Throws `invalid_argument` for a text that is no such cursor, or one of another search. */
export function parseSearchCursor(input: string, of: SearchedFor): TimePlace {
  const read = readCursor(input);
  if (read === undefined) throw refused("invalid search cursor");
  if (read.v !== 1) throw refused("unsupported search cursor");
  if (read.message_id === MessageId.zero) throw refused("invalid search cursor");
  if (read.group_id !== of.groupId || (read.topic ?? "") !== (of.topic ?? "") || read.query_hash !== of.hash) {
    throw refused("search cursor does not match requested group, topic, or query");
  }
  return { timestamp: read.timestamp_ms, author_node_id: read.author_node_id, id: read.message_id };
}

function readCursor(input: string) {
  if (input.length > SEARCH_CURSOR_CHARS_MAX || !/^[A-Za-z0-9_-]+$/.test(input)) return undefined;
  try {
    return decodeJson(cursor, decodeUtf8(Uint8Array.fromBase64(input, { alphabet: "base64url" })));
  } catch (cause) {
    if (cause instanceof EntmootError || cause instanceof SyntaxError) return undefined;
    throw cause;
  }
}

function refused(why: string): EntmootError {
  return new EntmootError("invalid_argument", `page: ${why}; begin again without it`);
}

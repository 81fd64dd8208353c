import { decodeUtf8, encodeUtf8 } from "../core/bytes/utf8.ts";
import { EntmootError } from "../core/errors.ts";
import { GroupId, MessageId } from "../core/ids.ts";
import { decodeJson, optional, struct } from "../core/json/json-codec.ts";
import { groupId, i64, int, messageId, text, u32 } from "../core/json/json-scalars.ts";
import { badRequest } from "./http-failure.ts";

/** Where a page of history ended. */
export interface HistoryPlace {
  readonly timestamp_ms: bigint;
  readonly author_node_id: number;
  readonly message_id: MessageId;
}

/** Of which moot, and of which exact topic; empty: of all. */
export interface HistoryOf {
  readonly group: GroupId;
  readonly topic: string;
}

/** Ours. One with the longest topic there is. */
const CURSOR_CHARS_MAX = 16_384;

const cursor = struct("history cursor", {
  v: int,
  group_id: groupId,
  topic: optional(text),
  timestamp_ms: i64,
  author_node_id: u32,
  message_id: messageId,
});

/** Wire. base64url of JSON, keys in this order. Opaque to clients, and signed by nobody. */
export function formatHistoryCursor(place: HistoryPlace, { group, topic }: HistoryOf): string {
  const fields = [
    '"v":1',
    `"group_id":"${GroupId.toBase64(group)}"`,
    ...(topic === "" ? [] : [`"topic":${JSON.stringify(topic)}`]),
    `"timestamp_ms":${place.timestamp_ms}`,
    `"author_node_id":${place.author_node_id}`,
    `"message_id":"${MessageId.toBase64(place.message_id)}"`,
  ];
  return encodeUtf8(`{${fields.join()}}`).toBase64({ alphabet: "base64url", omitPadding: true });
}

/** Throws 400. */
export function parseHistoryCursor(input: string, { group, topic }: HistoryOf): HistoryPlace {
  const read = readCursor(input);
  if (read === undefined) throw badRequest("invalid history cursor");
  if (read.v !== 1) throw badRequest("unsupported history cursor");
  if (read.group_id !== group || (read.topic ?? "") !== topic) {
    throw badRequest("history cursor does not match requested group or topic");
  }
  if (read.message_id === MessageId.zero) throw badRequest("invalid history cursor");
  return read;
}

function readCursor(input: string) {
  if (input.length > CURSOR_CHARS_MAX || !/^[A-Za-z0-9_-]+$/.test(input)) return undefined;
  try {
    return decodeJson(cursor, decodeUtf8(Uint8Array.fromBase64(input, { alphabet: "base64url" })));
  } catch (error) {
    if (error instanceof EntmootError || error instanceof SyntaxError || error instanceof TypeError) return undefined;
    throw error;
  }
}

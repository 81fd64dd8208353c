import { GroupId, MessageId } from "../core/ids.ts";
import { type Codec, type Decoded, documented, omitted, optional, struct } from "../core/json/json-codec.ts";
import {
  bool,
  groupId,
  i64,
  messageId,
  omittedBytes,
  publicKey,
  rawJson,
  rosterEntryId,
  text,
  u32,
} from "../core/json/json-scalars.ts";
import { jsonString, jsonStrings } from "../core/json/json-text.ts";
import { count, plainList } from "../wire/frame/bounded.ts";

/*
 * Wire with the original: what its service answers with, keys in its order. Ours come behind.
 */

/** Ours. Rows of one answer, which the operations behind it bound far closer. */
const ROWS_MAX = 1_000_000;

export const features = struct(
  "features",
  { fleet_enabled: bool, tasks_enabled: bool },
  { required: ["fleet_enabled", "tasks_enabled"] },
);

/** Neither is built. */
export const FEATURES = { fleet_enabled: false, tasks_enabled: false };

export const groupSummary = struct(
  "group",
  {
    group_id: groupId,
    name: optional(text),
    description: optional(text),
    tags: optional(plainList(text, ROWS_MAX)),
    members: count,
    roster_head: rosterEntryId,
    metadata: documented("for display, as it is kept here", optional(rawJson)),
  },
  { required: ["group_id", "roster_head"] },
);

export const memberSummary = struct(
  "group member",
  {
    node_id: u32,
    entmoot_pubkey: documented("32 bytes", omittedBytes),
    founder: omitted(bool),
    hostname: documented("as its profile in this moot has it", omitted(text)),
    display_name: text,
  },
  { required: ["node_id", "display_name"] },
);

const fullSyncMessage = struct(
  "message",
  {
    message_id: messageId,
    group_id: groupId,
    author: documented("node id", u32),
    topic: documented("all its topics", plainList(text, ROWS_MAX)),
    content: documented("as text; what is not UTF-8 in it reads as U+FFFD", text),
    timestamp_ms: i64,
    content_b64: documented("its bytes, where the text is not all of it", optional(omittedBytes)),
  },
  { required: ["message_id", "group_id", "author", "topic", "content", "timestamp_ms"] },
);

type SyncMessage = Decoded<typeof fullSyncMessage>;

/** Written as its fields' codecs write it, for a third of the work: it is what answers consist of. */
export const syncMessage: Codec<SyncMessage> = {
  ...fullSyncMessage,
  write(message, form) {
    const { author, content, content_b64, group_id, message_id, timestamp_ms, topic } = message;
    if (form !== "wire" || content_b64 !== undefined) return fullSyncMessage.write(message, form);
    const head = `{"message_id":"${MessageId.toBase64(message_id)}","group_id":"${groupText(group_id)}","author":${author}`;
    const said = `"topic":${jsonStrings(topic, form)},"content":${jsonString(content, form)}`;
    return `${head},${said},"timestamp_ms":${timestamp_ms}}`;
  },
};

/** Messages of one answer are of one moot. */
let written: { readonly id: GroupId; readonly text: string } | undefined;

function groupText(id: GroupId): string {
  if (written?.id !== id) written = { id, text: GroupId.toBase64(id) };
  return written.text;
}

export const mailCursor = struct(
  "cursor",
  {
    message_id: messageId,
    timestamp_ms: i64,
    place: documented("where it is in this node's log of the moot", omitted(text)),
  },
  { required: ["message_id", "timestamp_ms"] },
);

export const pullResult = struct(
  "mailbox page",
  {
    client_id: text,
    group_id: groupId,
    count,
    has_more: bool,
    next_cursor: mailCursor,
    messages: plainList(syncMessage, ROWS_MAX),
  },
  { required: ["client_id", "group_id", "count", "has_more", "next_cursor", "messages"] },
);

export const ackResult = struct(
  "mailbox acknowledged",
  { client_id: text, group_id: groupId, message_id: messageId, timestamp_ms: i64, cursor: mailCursor },
  { required: ["client_id", "group_id", "message_id", "timestamp_ms", "cursor"] },
);

export const cursorResult = struct(
  "mailbox cursor",
  { client_id: text, group_id: groupId, cursor: mailCursor, unread: count },
  { required: ["client_id", "group_id", "cursor", "unread"] },
);

export const historyResult = struct(
  "history page",
  {
    group_id: groupId,
    count,
    has_more: bool,
    next_cursor: documented("hand it back as cursor for older ones", optional(text)),
    messages: plainList(syncMessage, ROWS_MAX),
  },
  { required: ["group_id", "count", "has_more", "messages"] },
);

const topicCount = struct(
  "topic",
  { topic: text, count, latest_message_at_ms: i64 },
  { required: ["topic", "count", "latest_message_at_ms"] },
);

export const topicsResult = struct(
  "topics",
  { group_id: groupId, count, topics: plainList(topicCount, ROWS_MAX) },
  { required: ["group_id", "count", "topics"] },
);

export const deviceView = struct(
  "device",
  {
    admin_groups: plainList(groupId, ROWS_MAX),
    client_ids: plainList(text, ROWS_MAX),
    disabled: bool,
    entmoot_pubkey: optional(publicKey),
    groups: plainList(groupId, ROWS_MAX),
    id: text,
    pilot_node_id: u32,
  },
  { required: ["admin_groups", "client_ids", "disabled", "groups", "id", "pilot_node_id"] },
);

export const memberView = struct(
  "member",
  { entmoot_pubkey: publicKey, node_id: u32 },
  { required: ["entmoot_pubkey", "node_id"] },
);

export const signRequest = struct(
  "sign request",
  {
    id: text,
    device_id: documented("whose it is; absent: the bearer's", omitted(text)),
    kind: text,
    status: documented("pending, executing, completed, rejected, or expired: nobody signed it in time", text),
    group_id: documented("zero: it is about none", groupId),
    payload: documented("what is asked for, for people", optional(rawJson)),
    canonical_type: omitted(text),
    signature_algorithm: omitted(text),
    signing_payload: documented("base64 of what is to be signed", omitted(text)),
    signing_payload_sha256: documented("to be named with the signature", omitted(text)),
    signature: omitted(text),
    publish_result: optional(rawJson),
    result: optional(rawJson),
    created_at_ms: i64,
    updated_at_ms: i64,
    expires_at_ms: omitted(i64),
  },
  { required: ["id", "kind", "status", "group_id", "created_at_ms", "updated_at_ms"] },
);

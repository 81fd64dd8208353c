import { type AnswerWays, type EnvelopeMessage, envelope } from "../core/agents/envelope.ts";
import { decodeUtf8 } from "../core/bytes/utf8.ts";
import { GroupId, MessageId } from "../core/ids.ts";
import type { JsonSchema } from "../core/json/json-schema.ts";
import type { InboxRow } from "../node/operations/inbox.ts";
import { objectOf } from "./tool.ts";

/** How a model answers by the tools of this server. */
export const TOOL_WAYS: AnswerWays = {
  reply: 'call entmoot_reply(id="ID", content="…")',
  acknowledge: 'call entmoot_ack(id="ID")',
  read: 'call entmoot_read(id="ID")',
};

/** A row as programs are told of it. Words of its author stand in the text alone, within envelopes. */
export const ROW_SCHEMA: JsonSchema = objectOf({
  id: { type: "string" },
  group: { type: "string" },
  from_node: { type: "integer" },
  from_you: { type: "boolean" },
  sent: { type: "string" },
  asks_you: { type: "boolean" },
  unread: { type: "boolean" },
  state: { type: "string" },
  bytes: { type: "integer" },
});

export function rowData(row: InboxRow): Record<string, unknown> {
  return {
    id: MessageId.toBase64(row.message_id),
    group: GroupId.toBase64(row.group_id),
    from_node: row.author,
    from_you: row.self,
    sent: sentText(row),
    asks_you: row.asks,
    unread: row.unread,
    ...(row.state === undefined ? {} : { state: row.state }),
    bytes: row.content_bytes,
  };
}

/** `rows` as a model reads them, oldest first. */
export function rowsText(rows: readonly InboxRow[], nonce: () => string): string {
  return envelope(
    rows.map((row) => envelopeMessage(row, nonce())),
    TOOL_WAYS,
  );
}

export function envelopeMessage(row: InboxRow, nonce: string): EnvelopeMessage {
  return {
    id: MessageId.toBase64(row.message_id),
    nonce,
    group: GroupId.toBase64(row.group_id),
    from: row.author_key.toHex().slice(0, 12),
    nodeId: row.author,
    name: row.hostname,
    trust: row.trust,
    role: row.role,
    sentMs: Number(row.timestamp_ms),
    replyTo: row.references[0] === undefined ? undefined : MessageId.toBase64(row.references[0]),
    hop: row.hop,
    expects: row.asks ? "answer" : "none",
    words: decodeUtf8(row.content),
    bytes: row.content_bytes,
  };
}

function sentText({ timestamp_ms }: InboxRow): string {
  const ms = Number(timestamp_ms);
  return Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : String(timestamp_ms);
}

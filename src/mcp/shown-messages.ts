import { type AnswerWays, envelope } from "../core/agents/envelope.ts";
import { GroupId, MessageId } from "../core/ids.ts";
import type { JsonSchema } from "../core/json/json-schema.ts";
import type { InboxRow } from "../node/operations/inbox.ts";
import { envelopeMessage } from "../view/envelope-message.ts";
import { objectOf } from "./tool.ts";

/** How a model answers by the tools of this server. */
export const TOOL_WAYS: AnswerWays = {
  reply: 'call entmoot_reply(id="ID", content="…")',
  acknowledge: 'call entmoot_ack(id="ID")',
  read: 'call entmoot_read(id="ID")',
};

/** A row as programs are told of it. Words of its author stand beside it, within envelopes. */
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

function sentText({ timestamp_ms }: InboxRow): string {
  const ms = Number(timestamp_ms);
  return Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : String(timestamp_ms);
}

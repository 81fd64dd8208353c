import { MessageId } from "../core/ids.ts";
import type { JsonSchema } from "../core/json/json-schema.ts";
import { type InboxRow, inbox } from "../node/operations/inbox.ts";
import { objectOf, type Pending, type ToolCall } from "./tool.ts";

/** Ours. Messages that are named; of the others it is said how many there are. */
const NAMED_MAX = 3;

export const PENDING_SCHEMA: JsonSchema = objectOf({
  asks_you: { type: "integer", description: "messages that name or answer you and are unread" },
  more: { type: "boolean", description: "there are more than that" },
  ids: { type: "array", items: { type: "string" }, maxItems: NAMED_MAX },
});

/** `undefined` where it cannot be told: no answer fails for that. */
export async function pendingOf(call: ToolCall): Promise<Pending | undefined> {
  const request = { group_id: call.only, asks: true, limit: NAMED_MAX };
  const found = await call.node.call(inbox, request, { signal: call.signal }).catch(() => undefined);
  return found === undefined ? undefined : pendingIn({ ...found, asks: found.unread });
}

/** The same of an answer of the inbox about all that this server speaks of, which names those it shows. */
export function pendingIn({
  asks,
  more,
  rows,
  unread,
}: {
  readonly asks: number;
  readonly more: boolean;
  readonly rows: readonly InboxRow[];
  readonly unread: number;
}): Pending {
  const asking = rows.filter((row) => row.asks).slice(0, NAMED_MAX);
  const ids = asking.map(({ message_id }) => MessageId.toBase64(message_id));
  return { asks_you: asks, more: more && unread <= rows.length, ids };
}

/** One line of it; none where nothing waits. */
export function pendingText({ asks_you, ids }: Pending): string[] {
  if (asks_you === 0) return [];
  const which = asks_you > ids.length ? `${ids.join(", ")} and ${asks_you - ids.length} more` : ids.join(", ");
  return [`[waiting for you: ${which}; read with entmoot_inbox]`];
}

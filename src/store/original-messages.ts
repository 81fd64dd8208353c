import type { GroupId } from "../core/ids.ts";
import { decodeMessage, messageCanonical } from "../core/message.ts";
import type { Message } from "../core/records.ts";
import type { RosterLog } from "../core/roster-log.ts";
import type { NewMessage } from "./group-store.ts";
import type { OriginalDatabase } from "./original-database.ts";
import { RECORD_BYTES_MAX } from "./store-limits.ts";

/** A message of the original, judged. */
export type OriginalMessage =
  | { readonly kind: "verified"; readonly message: NewMessage }
  | {
      readonly kind: "unverified";
      readonly reason: "damaged" | "other_group" | "not_member" | "signature_invalid";
      /** As the database names it, or empty. */
      readonly id: Uint8Array;
      readonly canonical: Uint8Array;
      /** What it says, when it says anything; for the root the original had. */
      readonly message: Message | undefined;
    };

/** How many messages there are. */
export function countOriginalMessages(database: OriginalDatabase): number {
  return database.has("messages") ? Number(database.rows("SELECT count(*) FROM messages")[0]?.[0] ?? 0) : 0;
}

/**
 * Every message of the database by time, author and id, so that a cursor of the original, which is
 * a place in time, becomes exactly one in the delivery log. Judged by the whole history of the roster.
 */
export function* originalMessages(
  database: OriginalDatabase,
  { groupId, roster }: { groupId: GroupId; roster: RosterLog },
): Generator<OriginalMessage> {
  if (!database.has("messages")) return;
  const sql =
    "SELECT message_id, canonical_bytes FROM messages ORDER BY group_id DESC, timestamp_ms, author_node_id, message_id";
  for (const { message_id, canonical_bytes } of database.each(sql)) {
    const id = message_id instanceof Uint8Array ? message_id : new Uint8Array(0);
    const canonical = canonical_bytes instanceof Uint8Array ? canonical_bytes : new Uint8Array(0);
    yield judge({ id, canonical }, groupId, roster);
  }
}

function judge(
  { id, canonical }: { id: Uint8Array; canonical: Uint8Array },
  groupId: GroupId,
  roster: RosterLog,
): OriginalMessage {
  const message = decoded(canonical);
  const unverified = { kind: "unverified", id, canonical, message } as const;
  if (!message || message.id !== id.toHex()) return { ...unverified, reason: "damaged" };
  if (message.group_id !== groupId) return { ...unverified, reason: "other_group" };
  const verdict = roster.verifyMessageAuthor(message);
  if (verdict === "not_member" || verdict === "signature_invalid") return { ...unverified, reason: verdict };
  const { author, timestamp, topics, parents } = message;
  return {
    kind: "verified",
    message: { id: message.id, author_node_id: author.pilot_node_id, timestamp, topics, parents, canonical },
  };
}

/** The message if these are its canonical bytes; nothing else is ever served. */
function decoded(canonical: Uint8Array): Message | undefined {
  if (canonical.length === 0 || canonical.length > RECORD_BYTES_MAX) return undefined;
  try {
    const message = decodeMessage(canonical);
    return Buffer.compare(messageCanonical(message), canonical) === 0 ? message : undefined;
  } catch {
    return undefined;
  }
}

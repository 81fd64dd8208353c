import { type GroupId, MessageId } from "../../core/ids.ts";
import { factsOf, type NotKept, whetherKept } from "../../core/kept.ts";
import { IncrementalOrder } from "../../core/order/incremental-order.ts";
import { PolicyHistory } from "../../core/policy/policy-history.ts";
import { decodeMessage, messageCanonical, messageForms } from "../../core/record/message.ts";
import type { Message } from "../../core/record/records.ts";
import type { RosterLog } from "../../core/roster/roster-log.ts";
import type { NewMessage } from "../group-store.ts";
import type { SqlValue } from "../sqlite/sqlite-file.ts";
import { RECORD_BYTES_MAX } from "../store-limits.ts";
import type { OriginalDatabase } from "./original-database.ts";

/** A message of the original, judged. */
export type OriginalMessage =
  | { readonly kind: "verified"; readonly message: NewMessage }
  | {
      readonly kind: "unverified";
      readonly reason: "damaged" | "other_group" | NotKept["fault"];
      /** As the database names it, or empty. */
      readonly id: Uint8Array;
      readonly canonical: Uint8Array;
      /** What it says, when it says anything; for the root the original had. */
      readonly message: Message | undefined;
    };

export type Unverified = Extract<OriginalMessage, { kind: "unverified" }>;

/** How many messages there are. */
export function countOriginalMessages(database: OriginalDatabase): number {
  return database.has("messages") ? Number(database.rows("SELECT count(*) FROM messages")[0]?.[0] ?? 0) : 0;
}

interface Judging {
  readonly groupId: GroupId;
  readonly roster: RosterLog;
  /** Signatures are verified by whoever shows a message: here only what costs little. */
  readonly signaturesLater?: boolean;
  /** Which ids are wanted; all when absent. */
  readonly only?: (id: Uint8Array) => boolean;
}

/**
 * The messages of the database in the original's order, which is the one its mailbox cursors are
 * places in, so that each becomes exactly one place in the delivery log. Judged by the whole
 * history of the roster.
 */
export function* originalMessages(
  database: OriginalDatabase,
  { groupId, roster, signaturesLater = false, only }: Judging,
): Generator<OriginalMessage> {
  if (!database.has("messages")) return;
  for (const { message_id, canonical_bytes } of inOrder(database)) {
    const id = message_id instanceof Uint8Array ? message_id : NO_BYTES;
    if (only !== undefined && !only(id)) continue;
    const canonical = canonical_bytes instanceof Uint8Array ? canonical_bytes : NO_BYTES;
    yield judge({ id, canonical }, { groupId, roster, signaturesLater });
  }
}

/** The ids of the database in the original's order, in hex. */
export function* originalIds(database: OriginalDatabase): Generator<string> {
  if (!database.has("messages")) return;
  const order = orderOf(database);
  if (order) {
    yield* order.ids();
    return;
  }
  for (const { message_id } of database.each(
    "SELECT message_id FROM messages ORDER BY timestamp_ms, author_node_id, message_id",
  )) {
    if (message_id instanceof Uint8Array) yield message_id.toHex();
  }
}

/** What the original held was let in by the policy its node had then. */
export const ANY_POLICY = new PolicyHistory(undefined);

type OriginalRow = Record<string, SqlValue>;

const NO_BYTES = new Uint8Array(0);

function* inOrder(database: OriginalDatabase): Generator<OriginalRow> {
  const order = orderOf(database);
  if (!order) {
    yield* database.each(
      "SELECT message_id, canonical_bytes FROM messages ORDER BY timestamp_ms, author_node_id, message_id",
    );
    return;
  }
  for (const id of order.ids()) {
    const sql = "SELECT message_id, canonical_bytes FROM messages WHERE message_id = ?1";
    const [[message_id = null, canonical_bytes = null] = []] = database.rows(sql, MessageId.toBytes(id));
    yield { message_id, canonical_bytes };
  }
}

/** The order its columns give; `undefined` when a row is damaged or parents go in a circle. */
function orderOf(database: OriginalDatabase): IncrementalOrder | undefined {
  const order = new IncrementalOrder(crypto.getRandomValues(new Uint32Array(1))[0]!);
  const sql = `SELECT message_id, CAST(timestamp_ms AS TEXT) AS timestamp, author_node_id, parents FROM messages
    ORDER BY timestamp_ms, author_node_id, message_id`;
  for (const { message_id, timestamp, author_node_id, parents } of database.each(sql)) {
    if (!(message_id instanceof Uint8Array) || message_id.length !== 32) return undefined;
    if (!(parents instanceof Uint8Array) || parents.length % 32 !== 0) return undefined;
    if (typeof timestamp !== "string" || !INTEGER.test(timestamp)) return undefined;
    if (typeof author_node_id !== "number" || author_node_id >>> 0 !== author_node_id) return undefined;
    order.insert(message_id, BigInt(timestamp), author_node_id, parents);
  }
  try {
    order.sequence();
    return order;
  } catch {
    return undefined;
  }
}

const INTEGER = /^-?[0-9]{1,19}$/;

function judge(
  { id, canonical }: { id: Uint8Array; canonical: Uint8Array },
  { groupId, roster, signaturesLater }: Judging,
): OriginalMessage {
  const message = decoded(canonical);
  const unverified = { kind: "unverified", id, canonical, message } as const;
  if (!message || message.id !== id.toHex()) return { ...unverified, reason: "damaged" };
  if (message.group_id !== groupId) return { ...unverified, reason: "other_group" };
  const facts = factsOf(message, messageForms(message));
  const verdict = whetherKept(signaturesLater ? { ...facts, isSignedBy: () => true } : facts, roster, ANY_POLICY);
  if (!verdict.kept) return { ...unverified, reason: verdict.fault };
  const { author, content, timestamp, topics, parents } = message;
  return {
    kind: "verified",
    message: { id: message.id, author_node_id: author.pilot_node_id, timestamp, topics, parents, canonical, content },
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

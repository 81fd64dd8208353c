import { join } from "node:path";
import { EntmootError } from "../../core/errors.ts";
import { GroupId, MessageId } from "../../core/ids.ts";
import { decodeMessage } from "../../core/record/message.ts";
import type { GroupStore } from "../group-store.ts";
import type { SqlValue } from "../sqlite/sqlite-file.ts";
import { CONSUMERS_MAX } from "../store-limits.ts";
import type { OriginalDatabase } from "./original-database.ts";
import { originalIds } from "./original-messages.ts";

/** Below the data root. */
export const MAILBOX_DATABASE = "mailbox.sqlite";

/** What a mailbox's reader is called among the consumers. */
export function mailboxConsumer(clientId: string): string {
  return `mailbox:${clientId}`;
}

export interface TakingCursors {
  /** The data root. */
  readonly root: string;
  readonly open: (path: string) => OriginalDatabase | undefined;
  readonly store: GroupStore;
}

/** Where a client of the original's mailbox stands: behind this message. */
interface Cursor {
  readonly client: string;
  readonly id: MessageId;
  readonly timestamp: bigint;
}

/** The log was filled in the order the original reads in, so each becomes exactly one place in it. Gives what was left out. */
export function copyCursors({ root, open, store }: TakingCursors): string[] {
  const { cursors, notices } = readCursors({ root, open, store });
  for (const { client, id, timestamp } of cursors) {
    const seq = store.messages.get(id)?.seq ?? lastOfRun(store, 0, (message) => message.timestamp <= timestamp);
    store.consumers.advance(mailboxConsumer(client), seq);
  }
  return notices;
}

/**
 * Moves the cursors on that the original moved since, over what its clients have read there: never past a message that
 * came to us by other ways, which they have not. None goes back. Gives what people should know.
 */
export function followCursors(taking: TakingCursors, database: OriginalDatabase | undefined): string[] {
  const { store } = taking;
  const { cursors, notices } = readCursors(taking);
  // Ids by their place in the order that the original reads in.
  const places = new Map<string, number>();
  if (database !== undefined) for (const id of originalIds(database)) places.set(id, places.size);
  let moved = 0;
  for (const { client, id, timestamp } of cursors) {
    const name = mailboxConsumer(client);
    const before = store.consumers.cursor(name);
    const end = places.get(id);
    const isRead = (message: { readonly id: MessageId; readonly timestamp: bigint }) => {
      const place = places.get(message.id);
      if (place === undefined) return false;
      return end === undefined ? message.timestamp <= timestamp : place <= end;
    };
    const seq = lastOfRun(store, before ?? 0, isRead);
    if (before !== undefined && seq === before) continue;
    store.consumers.advance(name, seq);
    moved += 1;
  }
  if (moved > 0) {
    notices.push(
      `${join(taking.root, MAILBOX_DATABASE)}: cursors that moved on since they were last read, and ours with them: ${moved}`,
    );
  }
  return notices;
}

/** Over the cursors of the group; empty where there are none. Nothing of them is worth refusing the group for. */
export function cursorsHash({ root, open }: Pick<TakingCursors, "open" | "root">, groupId: GroupId): string {
  try {
    using database = open(join(root, MAILBOX_DATABASE));
    if (!database?.has("mailbox_cursors")) return "";
    const sql = `SELECT hex(client_id), hex(message_id), CAST(timestamp_ms AS TEXT) FROM mailbox_cursors
      WHERE group_id = ?1 ORDER BY client_id`;
    const rows = database.rows(sql, GroupId.toBytes(groupId));
    return rows.length === 0 ? "" : new Bun.CryptoHasher("sha256").update(JSON.stringify(rows)).digest("hex");
  } catch (error) {
    if (error instanceof EntmootError) return "";
    throw error;
  }
}

/** The latest that there is room for. */
function readCursors({ root, open, store }: TakingCursors): { cursors: Cursor[]; notices: string[] } {
  const path = join(root, MAILBOX_DATABASE);
  const cursors: Cursor[] = [];
  const notices: string[] = [];
  using database = open(path);
  if (!database?.has("mailbox_cursors")) return { cursors, notices };
  const sql = `SELECT client_id, message_id, CAST(timestamp_ms AS TEXT) FROM mailbox_cursors WHERE group_id = ?1
    ORDER BY updated_at_ms DESC LIMIT ${CONSUMERS_MAX + 1}`;
  const rows = database.rows(sql, GroupId.toBytes(store.groupId));
  for (const [client, id, timestamp] of rows.slice(0, CONSUMERS_MAX)) {
    if (typeof client !== "string" || !(id instanceof Uint8Array) || id.length !== 32 || !isInteger(timestamp)) {
      notices.push(`not taken over: ${path}: cursor of ${JSON.stringify(client)}: damaged`);
      continue;
    }
    cursors.push({ client, id: MessageId.fromBytes(id), timestamp: BigInt(timestamp) });
  }
  if (rows.length > CONSUMERS_MAX) notices.push(`not taken over: ${path}: cursors beyond the ${CONSUMERS_MAX} latest`);
  return { cursors, notices };
}

/** The number of the last message of those behind `after` that come in a row and are all `isRead`; `after` without any. */
function lastOfRun(
  store: GroupStore,
  after: number,
  isRead: (message: { readonly id: MessageId; readonly timestamp: bigint }) => boolean,
): number {
  let seq = after;
  for (;;) {
    const page = store.messages.arrivedAfter(seq, PAGE);
    for (const { id, seq: next, canonical } of page) {
      if (!isRead({ id, timestamp: decodeMessage(canonical).timestamp })) return seq;
      seq = next;
    }
    if (page.length < PAGE) return seq;
  }
}

const PAGE = 256;

function isInteger(value: SqlValue | undefined): value is string {
  return typeof value === "string" && /^-?[0-9]{1,19}$/.test(value);
}

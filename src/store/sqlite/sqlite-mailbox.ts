import { existsSync } from "node:fs";
import { join } from "node:path";
import { EntmootError } from "../../core/errors.ts";
import { GroupId, MessageId } from "../../core/ids.ts";
import { groupDirectoryName } from "../group-directory.ts";
import type { MailboxChange, MailboxKeys, MailboxRow, MailboxStore } from "../mailbox-store.ts";
import { OriginalDatabase } from "../original/original-database.ts";
import { ORIGINAL_MESSAGES } from "../original/original-files.ts";
import { originalIds } from "../original/original-messages.ts";
import { isOnlyReadable } from "./frozen-database.ts";
import { MAILBOX_0001 } from "./migrations/0001-mailbox.ts";
import { MAILBOX_0002 } from "./migrations/0002-mailbox.ts";
import { OpeningWait } from "./opening-wait.ts";
import { type Sql, SqliteFile, type SqlValue } from "./sqlite-file.ts";

/** Below the data root. Wire with the original. */
export const MAILBOX_DATABASE = "mailbox.sqlite";

/** Ours. How long opening blocks where another process makes or changes it; who can wait tries again without blocking. */
const OPENING_MS = 40;

/** One opening of the file, with its statements. */
interface Opened {
  readonly file: SqliteFile;
  readonly mayWrite: boolean;
  readonly row: Sql;
  readonly put: Sql;
  readonly forget: Sql;
  readonly count: Sql;
}

/**
 * The original's `mailbox.sqlite`, which others write too and people copy and remove: opened when it is needed, and
 * again when another file is there.
 */
export class SqliteMailbox implements MailboxStore {
  readonly #root: string;
  readonly #path: string;
  #opened: Opened | undefined;

  /** `root`: the data root. Looks at nothing yet. */
  constructor(root: string) {
    this.#root = root;
    this.#path = join(root, MAILBOX_DATABASE);
  }

  row(groupId: GroupId, client: string): MailboxRow | undefined {
    return this.#using((opened) => opened && rowOf(opened.row.row(GroupId.toBytes(groupId), client)));
  }

  put({ checkRoom, client, expected, groupId, keys, nowMs, place }: MailboxChange): boolean {
    const group = GroupId.toBytes(groupId);
    const write = ({ count, file, put, row }: Opened) =>
      file.transact(() => {
        const now = rowOf(row.row(group, client));
        if (now?.stamp !== expected) return false;
        if (now === undefined) checkRoom((prefix) => Number(count.row(group, prefix.length, prefix)?.[0] ?? 0));
        const id = MessageId.toBytes(keys.messageId);
        put.run(group, client, id, keys.timestamp, nowMs, placedText(place, keys));
        return true;
      });
    return this.#using((opened) => write(opened?.mayWrite ? opened : this.#openToWrite()));
  }

  forget(groupId: GroupId, client: string): boolean {
    return this.#using((opened) => {
      if (opened === undefined) return false;
      return opened.file.transact(() => opened.forget.run(GroupId.toBytes(groupId), client).changes > 0);
    });
  }

  originalOrder(groupId: GroupId): ReadonlyMap<MessageId, number> | undefined {
    using database = OriginalDatabase.look(join(this.#root, "groups", groupDirectoryName(groupId), ORIGINAL_MESSAGES));
    if (!database?.has("messages")) return undefined;
    const order = new Map<MessageId, number>();
    for (const id of originalIds(database)) order.set(id as MessageId, order.size);
    return order;
  }

  [Symbol.dispose](): void {
    this.#close();
  }

  /** Works on the file that is there now; given `undefined` where there is none. What fails is not kept open. */
  #using<T>(work: (opened: Opened | undefined) => T): T {
    try {
      if (!this.#isSame()) this.#close();
      if (this.#opened === undefined && existsSync(this.#path)) this.#open();
      return work(this.#opened);
    } catch (error) {
      if (!(error instanceof EntmootError)) throw error;
      if (error.code === "conflict") throw error;
      this.#close();
      throw this.#failure(error);
    }
  }

  #isSame(): boolean {
    try {
      this.#opened?.file.requireSame();
      return true;
    } catch {
      return false;
    }
  }

  /** Says what keeps this process from writing, where something does. */
  #openToWrite(): Opened {
    this.#close();
    return this.#open("write");
  }

  /** For who may only read, as in a backup, all but `put` works. */
  #open(access: "write" | undefined = undefined): Opened {
    const how = access ?? (isOnlyReadable(this.#path) ? "read" : "write");
    const file = SqliteFile.open(this.#path, {
      label: "mailbox database",
      migrations: [MAILBOX_0001, MAILBOX_0002],
      access: how,
      patience: new OpeningWait(OPENING_MS),
    });
    const opened: Opened = {
      file,
      mayWrite: how === "write",
      row: file.prepare(
        "SELECT message_id, CAST(timestamp_ms AS TEXT), place FROM mailbox_cursors WHERE group_id = ?1 AND client_id = ?2",
      ),
      put: file.prepare(
        `INSERT INTO mailbox_cursors (group_id, client_id, message_id, timestamp_ms, updated_at_ms, place)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (group_id, client_id) DO UPDATE SET message_id = excluded.message_id,
        timestamp_ms = excluded.timestamp_ms, updated_at_ms = excluded.updated_at_ms, place = excluded.place`,
      ),
      forget: file.prepare("DELETE FROM mailbox_cursors WHERE group_id = ?1 AND client_id = ?2"),
      count: file.prepare("SELECT count(*) FROM mailbox_cursors WHERE group_id = ?1 AND substr(client_id, 1, ?2) = ?3"),
    };
    this.#opened = opened;
    return opened;
  }

  #close(): void {
    const opened = this.#opened;
    this.#opened = undefined;
    opened?.file[Symbol.dispose]();
  }

  /** Moots are not in it, so what is said of a moot's database is not to be said of this one. */
  #failure(error: EntmootError): EntmootError {
    const isDamage = error.code === "internal" || /not a sound SQLite database/.test(error.message);
    if (!isDamage) return error;
    const said = error.message.replace(`${this.#path}: `, "").split("; ")[0];
    return new EntmootError(
      "data_root_invalid",
      `${this.#path}: cannot be used: ${said}; only where each client of the mailbox is stands in it: restore it from a backup, or move it away and every client begins with the first message again`,
      { cause: error },
    );
  }
}

function placedText(place: string, { messageId, timestamp }: MailboxKeys): string {
  return `${place} ${messageId} ${timestamp}`;
}

const PLACED = /^([A-Za-z0-9_-]{1,64}) ([0-9a-f]{64}) (-?[0-9]{1,19})$/;

const INTEGER = /^-?[0-9]{1,19}$/;

function rowOf(row: SqlValue[] | undefined): MailboxRow | undefined {
  if (row === undefined) return undefined;
  const [id, timestamp, placed] = row;
  const isWhole = id instanceof Uint8Array && id.length === 32 && INTEGER.test(String(timestamp));
  const [, place, placedId, placedTime] = (typeof placed === "string" && PLACED.exec(placed)) || [];
  const shownId = id instanceof Uint8Array ? id.toHex() : String(id);
  return {
    keys: isWhole ? { messageId: MessageId.fromBytes(id), timestamp: BigInt(String(timestamp)) } : undefined,
    placed:
      place === undefined
        ? undefined
        : { place, keys: { messageId: MessageId.fromHex(placedId!), timestamp: BigInt(placedTime!) } },
    stamp: `${shownId} ${timestamp} ${placed}`,
  };
}

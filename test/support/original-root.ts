import { Database } from "bun:sqlite";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { GroupId, MessageId } from "../../src/core/ids.ts";
import { encodeWire } from "../../src/core/json/json-codec.ts";
import { messageCanonical } from "../../src/core/record/message.ts";
import { memberProfileAd, transportAd } from "../../src/core/record/record-codecs.ts";
import type { MemberProfileAd, Message, TransportAd } from "../../src/core/record/records.ts";
import { formatRosterLog } from "../../src/core/roster/roster-file.ts";
import type { RosterLog } from "../../src/core/roster/roster-log.ts";
import { groupDirectoryName } from "../../src/store/group-directory.ts";
import { GROUP } from "./message.ts";

/** The tables of the original's message database. */
const SCHEMA = `
  CREATE TABLE messages (message_id BLOB PRIMARY KEY, group_id BLOB NOT NULL, author_node_id INTEGER NOT NULL,
    timestamp_ms INTEGER NOT NULL, content BLOB NOT NULL, parents BLOB NOT NULL, signature BLOB NOT NULL,
    canonical_bytes BLOB NOT NULL);
  CREATE INDEX idx_messages_group_latest
    ON messages(group_id, timestamp_ms DESC, author_node_id DESC, message_id DESC);
  CREATE TABLE message_topics (message_id BLOB NOT NULL, topic TEXT NOT NULL, PRIMARY KEY (message_id, topic));
  CREATE TABLE transport_ads (group_id BLOB NOT NULL, author_node_id INTEGER NOT NULL, seq INTEGER NOT NULL,
    canonical BLOB NOT NULL, issued_at_ms INTEGER NOT NULL, not_after_ms INTEGER NOT NULL, signature BLOB NOT NULL,
    PRIMARY KEY (group_id, author_node_id));
  CREATE TABLE member_profile_ads (group_id BLOB NOT NULL, author_node_id INTEGER NOT NULL, seq INTEGER NOT NULL,
    canonical BLOB NOT NULL, issued_at_ms INTEGER NOT NULL, not_after_ms INTEGER NOT NULL, signature BLOB NOT NULL,
    PRIMARY KEY (group_id, author_node_id));
  CREATE TABLE transport_ad_seqs (group_id BLOB NOT NULL, author_node_id INTEGER NOT NULL, seq INTEGER NOT NULL,
    PRIMARY KEY (group_id, author_node_id));
  CREATE TABLE member_profile_ad_seqs (group_id BLOB NOT NULL, author_node_id INTEGER NOT NULL, seq INTEGER NOT NULL,
    PRIMARY KEY (group_id, author_node_id));
`;

/** A data root as the original leaves one, with one group; each part is written when asked for. */
export class OriginalRoot {
  readonly path: string;
  readonly group: string;

  constructor(path: string, groupId: GroupId = GROUP) {
    this.path = path;
    this.group = join(path, "groups", groupDirectoryName(groupId));
    mkdirSync(this.group, { recursive: true, mode: 0o700 });
  }

  roster(log: RosterLog, tail = ""): this {
    writeFileSync(join(this.group, "roster.jsonl"), Buffer.concat([formatRosterLog(log), Buffer.from(tail)]), {
      mode: 0o600,
    });
    return this;
  }

  /** The database with `messages`; it stays open, its log hot, until it is closed. */
  messages(messages: readonly Message[]): Database {
    const file = join(this.group, "messages.sqlite");
    writeFileSync(file, "", { mode: 0o600 });
    const database = new Database(file, { readwrite: true, strict: true });
    database.run("PRAGMA journal_mode = WAL");
    database.run(SCHEMA);
    insertMessages(database, messages);
    return database;
  }

  policies(text: string): this {
    mkdirSync(join(this.path, "policies"), { recursive: true, mode: 0o700 });
    writeFileSync(join(this.path, "policies", "group-policies.json"), text, { mode: 0o600 });
    return this;
  }

  metadata(text: string, groupId: GroupId = GROUP): this {
    using database = new Database(join(this.path, "esp.sqlite"), { create: true, strict: true });
    database.run(
      "CREATE TABLE esp_group_metadata (group_id BLOB PRIMARY KEY, metadata BLOB NOT NULL, updated_at_ms INTEGER NOT NULL)",
    );
    database.run("INSERT INTO esp_group_metadata VALUES (?1, ?2, 1)", [GroupId.toBytes(groupId), Buffer.from(text)]);
    return this;
  }

  /** Puts cursors where the original's mailbox keeps them, in a file of its own or the one that is there. */
  cursors(cursors: readonly OriginalCursor[], how?: OriginalWrite): this {
    putCursors(this.path, cursors, how);
    return this;
  }
}

export interface OriginalCursor {
  readonly client: string;
  readonly id: MessageId;
  readonly timestamp: bigint;
}

/** How a row that is there is written anew: its other columns stay, or go. */
type OriginalWrite = "update" | "replace";

/** As the original's mailbox writes them, in the data root at `path`. */
export function putCursors(path: string, cursors: readonly OriginalCursor[], how: OriginalWrite = "update"): void {
  using database = new Database(join(path, "mailbox.sqlite"), { create: true, strict: true });
  database.run("PRAGMA journal_mode = WAL");
  database.run(`CREATE TABLE IF NOT EXISTS mailbox_cursors (group_id BLOB NOT NULL, client_id TEXT NOT NULL,
    message_id BLOB NOT NULL, timestamp_ms INTEGER NOT NULL, updated_at_ms INTEGER NOT NULL,
    PRIMARY KEY (group_id, client_id))`);
  const names = "(group_id, client_id, message_id, timestamp_ms, updated_at_ms)";
  const sql =
    how === "replace"
      ? `INSERT OR REPLACE INTO mailbox_cursors ${names} VALUES (?1, ?2, ?3, ?4, 1)`
      : `INSERT INTO mailbox_cursors ${names} VALUES (?1, ?2, ?3, ?4, 1) ON CONFLICT DO UPDATE SET
        message_id = excluded.message_id, timestamp_ms = excluded.timestamp_ms, updated_at_ms = excluded.updated_at_ms`;
  for (const { client, id, timestamp } of cursors) {
    database.run(sql, [GroupId.toBytes(GROUP), client, MessageId.toBytes(id), timestamp]);
  }
  chmodSync(join(path, "mailbox.sqlite"), 0o600);
}

/** Stores messages as the original does, in one transaction. */
export function insertMessages(database: Database, messages: readonly Message[]): void {
  const insert = database.prepare("INSERT OR IGNORE INTO messages VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)");
  const topic = database.prepare("INSERT OR IGNORE INTO message_topics VALUES (?1, ?2)");
  database.transaction(() => {
    for (const one of messages) {
      const id = MessageId.toBytes(one.id);
      insert.run(
        id,
        GroupId.toBytes(one.group_id),
        one.author.pilot_node_id,
        one.timestamp,
        one.content,
        Uint8Array.fromHex(one.parents.join("")),
        one.signature,
        messageCanonical(one),
      );
      for (const text of one.topics) topic.run(id, text);
    }
  })();
  insert.finalize();
  topic.finalize();
}

/** Puts ads and own counters into the original's database, as it writes them: not canonical. */
export function insertAds(
  database: Database,
  ads: { transport?: readonly TransportAd[]; profile?: readonly MemberProfileAd[]; counters?: readonly bigint[] },
): void {
  const put = (
    table: string,
    { author, seq, issued_at, not_after, signature }: TransportAd | MemberProfileAd,
    bytes: Uint8Array,
  ) =>
    database.run(`INSERT INTO ${table} VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)`, [
      GroupId.toBytes(GROUP),
      author.pilot_node_id,
      seq,
      bytes,
      issued_at,
      not_after,
      signature,
    ]);
  for (const ad of ads.transport ?? []) put("transport_ads", ad, encodeWire(transportAd, ad));
  for (const ad of ads.profile ?? []) put("member_profile_ads", ad, encodeWire(memberProfileAd, ad));
  for (const [i, seq] of (ads.counters ?? []).entries()) {
    database.run("INSERT INTO transport_ad_seqs VALUES (?1, ?2, ?3)", [GroupId.toBytes(GROUP), i, seq]);
  }
}

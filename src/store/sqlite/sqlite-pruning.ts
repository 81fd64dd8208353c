import type { MessageId } from "../../core/ids.ts";
import type { Exempt, NewMessage } from "../group-store.ts";
import { INT64_MAX, RECORD_BYTES_MAX } from "../store-limits.ts";
import { RowReader, SEQ } from "./row-reader.ts";
import type { Sql, SqliteFile } from "./sqlite-file.ts";
import type { SqliteSearchIndex } from "./sqlite-search-index.ts";
import { type SqliteTopicIndex, topicsOf } from "./sqlite-topic-index.ts";

/** Ours. Bytes of messages that go in one transaction, so that none takes long. */
const PIECE_BYTES = 1024 * 1024;

/** What is to be done with a message that is about to be stored. */
export type FormerPlace =
  /** It was never pruned: it gets the next number. */
  | "none"
  /** It was, and stays so. */
  | "pruned"
  /** It was, comes back, and its number is not known any more. */
  | "forgotten"
  /** It was, and comes back at this number: negative when it was set apart. */
  | number;

/** A message that goes. */
interface Doomed {
  readonly id: MessageId;
  readonly author: number;
  /** As views have it. */
  readonly timestamp: bigint;
  readonly topics: readonly string[];
  readonly seq: number;
  readonly canonical: Uint8Array;
}

/** Forgetting messages, and letting them in again, inside the transactions of `SqliteMessageStore`. */
export class SqlitePruning {
  readonly #rows: RowReader;
  readonly #prunedRows: RowReader;
  readonly #topics: SqliteTopicIndex;
  readonly #search: SqliteSearchIndex;
  readonly #lengths: Sql;
  readonly #doomed: Sql;
  readonly #remember: Sql;
  readonly #rememberSeqs: Sql;
  readonly #rememberTimes: Sql;
  readonly #delete: Sql;
  readonly #deleteApart: Sql;
  readonly #deleteAhead: Sql;
  readonly #count: Sql;
  readonly #isPruned: Sql;
  readonly #isShed: Sql;
  readonly #shed: Sql;
  readonly #unshed: Sql;
  readonly #shedCount: Sql;
  readonly #formerSeq: Sql;
  readonly #forget: Sql;
  readonly #forgetSeq: Sql;
  readonly #forgetTime: Sql;
  readonly #countBack: Sql;
  readonly #forgetRoot: Sql;
  readonly #latest: Sql;
  /** Pruned messages from this time on are let in again; `undefined`: none is. */
  restoreFrom: bigint | undefined;

  constructor(
    file: SqliteFile,
    { search, topics }: { readonly search: SqliteSearchIndex; readonly topics: SqliteTopicIndex },
  ) {
    this.#rows = new RowReader(file.path, "messages");
    this.#prunedRows = new RowReader(file.path, "pruned_times");
    this.#topics = topics;
    this.#search = search;
    this.#lengths = file.prepare(
      `SELECT seq, length(canonical) FROM messages WHERE timestamp < ?1 AND seq NOT IN (
        SELECT seq FROM message_topics WHERE topic = (SELECT number FROM topics WHERE topic = ?2) AND timestamp < ?1
          AND author = ?3
      ) ORDER BY timestamp, author, id LIMIT ?4`,
    );
    const given = "seq IN (SELECT value FROM json_each(?1))";
    this.#doomed = file.prepare(
      `SELECT id, coalesce((SELECT arrived FROM ahead WHERE ahead.seq = messages.seq), timestamp), author, canonical, seq
      FROM messages WHERE ${given}`,
      "bigint",
    );
    this.#remember = file.prepare(`INSERT OR IGNORE INTO pruned SELECT id FROM messages WHERE ${given}`);
    this.#rememberSeqs = file.prepare(`INSERT OR REPLACE INTO pruned_seqs SELECT seq, id FROM messages WHERE ${given}`);
    this.#rememberTimes = file.prepare(
      `INSERT OR REPLACE INTO pruned_times SELECT id, timestamp FROM messages WHERE ${given}`,
    );
    this.#delete = file.prepare(`DELETE FROM messages WHERE ${given}`);
    this.#deleteApart = file.prepare(`DELETE FROM apart WHERE ${given}`);
    this.#deleteAhead = file.prepare(`DELETE FROM ahead WHERE ${given}`);
    this.#count = file.prepare("UPDATE counts SET pruned = pruned + ?1, seq = ?2");
    this.#isShed = file.prepare("SELECT 1 FROM shed WHERE id = ?1");
    this.#shed = file.prepare(`INSERT OR IGNORE INTO shed SELECT id FROM messages WHERE ${given}`);
    this.#unshed = file.prepare("DELETE FROM shed WHERE id = ?1");
    this.#shedCount = file.prepare("SELECT count(*) FROM shed");
    this.#isPruned = file.prepare("SELECT 1 FROM pruned WHERE id = ?1");
    this.#formerSeq = file.prepare("SELECT seq FROM pruned_seqs WHERE id = ?1 ORDER BY seq DESC LIMIT 1");
    this.#forget = file.prepare("DELETE FROM pruned WHERE id = ?1");
    this.#forgetSeq = file.prepare("DELETE FROM pruned_seqs WHERE seq = ?1");
    this.#forgetTime = file.prepare("DELETE FROM pruned_times WHERE id = ?1");
    // A root kept for the next opening was that of another set, whose counts this one may come to have.
    this.#forgetRoot = file.prepare("UPDATE counts SET root = NULL, inverted = 1");
    this.#countBack = file.prepare("UPDATE restored SET messages = messages + ?1");
    this.#latest = file.prepare("SELECT timestamp FROM pruned_times ORDER BY timestamp DESC LIMIT 1", "bigint");
  }

  /** The numbers of the oldest messages before `before`, at most `limit` and about `PIECE_BYTES`, as a JSON list. */
  doomed(before: bigint, exempt: Exempt | undefined, limit: number): string | undefined {
    const bound = before > INT64_MAX ? INT64_MAX : before;
    const seqs: number[] = [];
    let bytes = 0;
    for (const [seq, length] of this.#lengths.rows(bound, exempt?.topic ?? "", exempt?.author_node_id ?? -1, limit)) {
      seqs.push(seq as number);
      bytes += length as number;
      if (bytes >= PIECE_BYTES) break;
    }
    return seqs.length === 0 ? undefined : `[${seqs.join()}]`;
  }

  /** Forgets those of the numbers that are still there, and gives their ids. `lastSeq`: the highest number given out. */
  prune(seqs: string, lastSeq: number): MessageId[] {
    this.#remember.run(seqs);
    this.#rememberTimes.run(seqs);
    return this.#remove(seqs, lastSeq);
  }

  /** The same of those that leave for another reason than their age, and are asked for again. */
  shed(seqs: string, lastSeq: number): MessageId[] {
    this.#shed.run(seqs);
    return this.#remove(seqs, lastSeq);
  }

  /** How many left so, and are not back. */
  get shedNow(): number {
    return this.#rows.number(this.#shedCount.row()?.[0], "shed");
  }

  #remove(seqs: string, lastSeq: number): MessageId[] {
    const gone = this.#doomed.rows(seqs).map(([id, timestamp, author, canonical, seq]) => ({
      id: this.#rows.hex32<MessageId>(id, id),
      timestamp: this.#rows.int64(timestamp, id),
      author: this.#rows.number(author, id, { max: 0xffffffff }),
      topics: topicsOf(canonical),
      seq: this.#rows.number(seq, id, SEQ),
      canonical: this.#rows.bytes(canonical, id, { min: 0, max: RECORD_BYTES_MAX }),
    }));
    this.#search.drop(gone);
    this.#rememberSeqs.run(seqs);
    this.#delete.run(seqs);
    this.#deleteApart.run(seqs);
    this.#deleteAhead.run(seqs);
    this.#dropTopics(gone);
    this.#count.run(gone.length, lastSeq);
    return gone.map(({ id }) => id);
  }

  /** The time of the latest message that is pruned now, as far as it was kept; `undefined` for none. */
  latest(): bigint | undefined {
    const [latest] = this.#latest.row() ?? [];
    return latest === undefined ? undefined : this.#prunedRows.int64(latest, "latest");
  }

  /** Where a message with this id, which is not held, belongs. */
  formerPlace({ timestamp }: NewMessage, id: Uint8Array): FormerPlace {
    const isPruned = this.#isPruned.row(id) !== undefined;
    if (!isPruned && this.#isShed.row(id) === undefined) return "none";
    if (isPruned && (this.restoreFrom === undefined || timestamp < this.restoreFrom)) return "pruned";
    const [seq] = this.#formerSeq.row(id) ?? [];
    return seq === undefined ? "forgotten" : this.#rows.number(seq, id, SEQ);
  }

  /** Call when a message has been stored again; `seq`: the number it had. */
  restored(id: Uint8Array, seq: number | undefined): void {
    this.#forget.run(id);
    this.#forgetTime.run(id);
    this.#unshed.run(id);
    if (seq !== undefined) this.#forgetSeq.run(seq);
  }

  /** Call once in a transaction in which messages came back, `count` at their numbers. They may sort before held children. */
  countRestored(count: number): void {
    this.#countBack.run(count);
    this.#forgetRoot.run();
  }

  #dropTopics(gone: readonly Doomed[]): void {
    const rows = gone.flatMap(({ topics, ...place }) => topics.map((topic) => ({ topic, ...place })));
    for (const [topic, of] of Map.groupBy(rows, (row) => row.topic)) this.#topics.drop(topic, of);
  }
}

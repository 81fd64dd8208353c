import type { MessageId } from "../../core/ids.ts";
import type { NewMessage } from "../group-store.ts";
import { INT64_MAX } from "../store-limits.ts";
import { RowReader } from "./row-reader.ts";
import type { Sql, SqliteFile } from "./sqlite-file.ts";
import { exemptSeqs, type SqliteTopicIndex } from "./sqlite-topic-index.ts";

/** What is to be done with a message that is about to be stored. */
export type FormerPlace =
  /** It was never pruned: it gets the next number. */
  | "none"
  /** It was, and stays so. */
  | "pruned"
  /** It was, comes back, and its number is not known any more. */
  | "forgotten"
  /** It was, and comes back at this number. */
  | number;

/** Forgetting messages, and letting them in again, inside the transactions of `SqliteMessageStore`. */
export class SqlitePruning {
  readonly #rows: RowReader;
  readonly #topics: SqliteTopicIndex;
  readonly #doomed: Sql;
  readonly #remember: Sql;
  readonly #rememberSeqs: Sql;
  readonly #delete: Sql;
  readonly #count: Sql;
  readonly #isPruned: Sql;
  readonly #formerSeq: Sql;
  readonly #forget: Sql;
  readonly #forgetSeq: Sql;
  readonly #countBack: Sql;
  readonly #forgetRoot: Sql;
  /** Pruned messages from this time on are let in again; `undefined`: none is. */
  restoreFrom: bigint | undefined;

  constructor(file: SqliteFile, topics: SqliteTopicIndex) {
    this.#rows = new RowReader(file.path, "messages");
    this.#topics = topics;
    this.#doomed = file.prepare(
      `SELECT seq, id, timestamp FROM messages WHERE timestamp < ?1 AND seq NOT IN (${exemptSeqs("?1", "?2")})
      ORDER BY timestamp, author, id LIMIT ?3`,
      "bigint",
    );
    const given = "seq IN (SELECT value FROM json_each(?1))";
    this.#remember = file.prepare(`INSERT OR IGNORE INTO pruned SELECT id FROM messages WHERE ${given}`);
    this.#rememberSeqs = file.prepare(`INSERT OR REPLACE INTO pruned_seqs SELECT seq, id FROM messages WHERE ${given}`);
    this.#delete = file.prepare(`DELETE FROM messages WHERE ${given}`);
    this.#count = file.prepare("UPDATE counts SET pruned = pruned + ?1, seq = ?2");
    this.#isPruned = file.prepare("SELECT 1 FROM pruned WHERE id = ?1");
    this.#formerSeq = file.prepare("SELECT seq FROM pruned_seqs WHERE id = ?1 ORDER BY seq DESC LIMIT 1");
    this.#forget = file.prepare("DELETE FROM pruned WHERE id = ?1");
    this.#forgetSeq = file.prepare("DELETE FROM pruned_seqs WHERE seq = ?1");
    // A root kept for the next opening was that of another set, whose counts this one may come to have.
    this.#forgetRoot = file.prepare("UPDATE counts SET root = NULL, inverted = 1");
    this.#countBack = file.prepare("UPDATE restored SET messages = messages + ?1");
  }

  /** Forgets the oldest messages before `before`, at most `limit`, and gives their ids. `lastSeq`: the highest number. */
  prune(before: bigint, exempt: readonly string[], limit: number, lastSeq: number): MessageId[] {
    const bound = before > INT64_MAX ? INT64_MAX : before;
    const doomed = this.#doomed.rows(bound, JSON.stringify(exempt), limit);
    if (doomed.length === 0) return [];
    const seqs = `[${doomed.map(([seq]) => seq).join()}]`;
    this.#remember.run(seqs);
    this.#rememberSeqs.run(seqs);
    this.#delete.run(seqs);
    this.#topics.prune(this.#rows.int64(doomed.at(-1)![2], doomed.at(-1)![0]), seqs);
    this.#count.run(doomed.length, lastSeq);
    return doomed.map(([seq, id]) => this.#rows.hex32<MessageId>(id, seq));
  }

  /** Where a message with this id, which is not held, belongs. */
  formerPlace({ timestamp }: NewMessage, id: Uint8Array): FormerPlace {
    if (this.#isPruned.row(id) === undefined) return "none";
    if (this.restoreFrom === undefined || timestamp < this.restoreFrom) return "pruned";
    const [seq] = this.#formerSeq.row(id) ?? [];
    return seq === undefined ? "forgotten" : this.#rows.number(seq, id, { min: 1 });
  }

  /** Call when a message has been stored again; `seq`: the number it had. */
  restored(id: Uint8Array, seq: number | undefined): void {
    this.#forget.run(id);
    if (seq !== undefined) this.#forgetSeq.run(seq);
  }

  /** Call once in a transaction in which `count` messages came back at their numbers. They may sort before held children. */
  countRestored(count: number): void {
    this.#countBack.run(count);
    this.#forgetRoot.run();
  }
}

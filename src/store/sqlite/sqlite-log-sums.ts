import { LogSums, type SummedId } from "../log-sums.ts";
import { RowReader } from "./row-reader.ts";
import type { Sql, SqliteFile, SqlValue } from "./sqlite-file.ts";

/** Ours. Ids read at a time: 128 KiB of them, so that a long log is never in memory whole. */
const PAGE = 4096;

/** The sums of the log in `moot.sqlite`, read once when somebody asks for the first and gone on with as it grows. */
export class SqliteLogSums {
  readonly #file: SqliteFile;
  readonly #rows: RowReader;
  readonly #sums = new LogSums();
  readonly #byId: Sql;
  readonly #bySeq: Sql;
  readonly #pruned: Sql;

  constructor(file: SqliteFile) {
    this.#file = file;
    this.#rows = new RowReader(file.path, "messages");
    // The index has all it takes; the table would be read with every message in it.
    this.#byId = file.prepare(
      "SELECT seq, id FROM messages INDEXED BY messages_by_id WHERE id > ?1 ORDER BY id LIMIT ?2",
    );
    this.#bySeq = file.prepare("SELECT seq, id FROM messages WHERE seq > ?1 ORDER BY seq LIMIT ?2");
    this.#pruned = file.prepare("SELECT seq, id FROM pruned_seqs WHERE seq > ?1 ORDER BY seq LIMIT ?2");
  }

  /** `seq`: at most what `lastSeq` gives, which is asked when the sum is not known yet. */
  at(seq: number, lastSeq: () => number): number {
    if (seq > this.#sums.upTo) this.#file.snapshot(() => this.#sums.extend(lastSeq(), this.#idsSince(this.#sums.upTo)));
    return this.#sums.at(seq);
  }

  *#idsSince(upTo: number): Generator<SummedId> {
    if (upTo === 0) yield* this.#paged(this.#byId, new Uint8Array(0), (row) => row[1]!);
    else yield* this.#paged(this.#bySeq, upTo, (row) => row[0]!);
    yield* this.#paged(this.#pruned, upTo, (row) => row[0]!);
  }

  *#paged(sql: Sql, from: SqlValue, next: (row: SqlValue[]) => SqlValue): Generator<SummedId> {
    for (let after = from; ; ) {
      const page = sql.rows(after, PAGE);
      for (const [seq, id] of page) {
        const bytes = this.#rows.bytes(id, seq, 32);
        const first4 = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
        yield { seq: this.#rows.number(seq, seq, { min: 1 }), first4 };
      }
      if (page.length < PAGE) return;
      after = next(page.at(-1)!);
    }
  }
}

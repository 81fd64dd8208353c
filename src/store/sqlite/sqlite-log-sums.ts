import { BoundedMap } from "../../core/bounded-map.ts";
import type { MessageId } from "../../core/ids.ts";
import { addToSum } from "../../core/place.ts";
import { SUM_EVERY } from "./log-sum-step.ts";
import { RowReader } from "./row-reader.ts";
import type { Sql, SqliteFile } from "./sqlite-file.ts";

/** Ours. Runs of numbers whose sums are remembered. */
const RUNS_KEPT = 4096;

/** A number of the log and the sum over the ids up to it. */
interface LogSum {
  readonly seq: number;
  readonly sum: number;
}

/** The sums from a kept one on. */
interface Run {
  readonly sums: Uint32Array;
  /** How many after the first are known. */
  read: number;
}

/**
 * For each number of the log the sum over the ids up to it, in `moot.sqlite`: kept at every so many numbers, from which
 * the few ids up to a number are added when somebody asks.
 */
export class SqliteLogSums {
  readonly #file: SqliteFile;
  readonly #rows: RowReader;
  readonly #runs = new BoundedMap<number, Run>(RUNS_KEPT);
  readonly #ids: Sql;
  readonly #kept: Sql;
  readonly #keep: Sql;
  /** The sum at the end of what was stored last: most messages come one after another. */
  #last: LogSum | undefined;

  constructor(file: SqliteFile) {
    this.#file = file;
    this.#rows = new RowReader(file.path, "messages");
    this.#ids = file.prepare(
      `SELECT seq, substr(id, 1, 4) FROM messages WHERE seq > ?1 AND seq <= ?2
      UNION ALL SELECT seq, substr(id, 1, 4) FROM pruned_seqs WHERE seq > ?1 AND seq <= ?2`,
    );
    this.#kept = file.prepare("SELECT seq, sum FROM log_sums WHERE seq <= ?1 ORDER BY seq DESC LIMIT 1");
    this.#keep = file.prepare("INSERT OR REPLACE INTO log_sums VALUES (?1, ?2)");
  }

  /** `seq`: at most what `lastSeq` gives, which is asked when the sum is not known yet. */
  at(seq: number, lastSeq: () => number): number {
    const from = seq - (seq % SUM_EVERY);
    const known = this.#runs.get(from);
    if (known !== undefined && seq <= from + known.read) return known.sums[seq - from]!;
    return this.#file.snapshot(() => {
      const run = known ?? this.#begin(from);
      this.#readOn(run, from, Math.min(from + SUM_EVERY - 1, lastSeq()));
      this.#runs.set(from, run);
      return run.sums[seq - from]!;
    });
  }

  /** Call within the transaction that gave the numbers after `before` to `ids`, in their order. Gives the sum at the end. */
  stored(before: number, ids: readonly MessageId[]): LogSum {
    let { seq, sum } = this.#last?.seq === before ? this.#last : { seq: before, sum: this.#sumAt(before) };
    for (const id of ids) {
      seq += 1;
      sum = addToSum(sum, id);
      if (seq % SUM_EVERY === 0) this.#keep.run(seq, sum);
    }
    return { seq, sum };
  }

  /** Call after the commit, with what `stored` gave. */
  committed(last: LogSum): void {
    this.#last = last;
  }

  #begin(from: number): Run {
    const sums = new Uint32Array(SUM_EVERY);
    sums[0] = this.#sumAt(from);
    return { sums, read: 0 };
  }

  #readOn(run: Run, from: number, to: number): void {
    const { sums } = run;
    for (const { first4, seq } of this.#idsIn(from + run.read, to)) sums[seq - from] = first4;
    // A number without an id counts nothing.
    for (let at = run.read + 1; at <= to - from; at++) sums[at]! += sums[at - 1]!;
    run.read = Math.max(run.read, to - from);
  }

  /** From the last sum that is kept. */
  #sumAt(seq: number): number {
    const [from = 0, sum = 0] = this.#kept.row(seq) ?? [];
    const start = this.#rows.number(from, seq);
    let total = this.#rows.number(sum, seq, { max: 0xffffffff });
    for (const { first4 } of this.#idsIn(start, seq)) total = (total + first4) >>> 0;
    return total;
  }

  #idsIn(after: number, upTo: number): { readonly seq: number; readonly first4: number }[] {
    if (upTo <= after) return [];
    return this.#ids.rows(after, upTo).map(([seq, first]) => {
      const bytes = this.#rows.bytes(first, seq, 4);
      const first4 = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
      return { seq: this.#rows.number(seq, seq, { min: 1 }), first4 };
    });
  }
}

import { RowReader, SEQ } from "./row-reader.ts";
import { DOC_END } from "./search-doc.ts";
import type { Sql, SqliteFile } from "./sqlite-file.ts";

/** Ours. Finding the next mark goes through as many: a tenth of a millisecond. */
const MARK_EVERY = 4096;
/** Ours. Marks kept, half a megabyte of them: beyond, places are looked up anew. */
const MARKS_MAX = 16_384;
/** Ours. Once so many messages have come since, the marks may stand for more than they say. */
const STALE_AFTER = 32_768;

/**
 * Where in the index so many messages lie above: FTS5 goes through all of a word's messages in a range, so that a range bounds
 * what one question costs. Marks are found on the way down, as far as searches go, and kept until many messages have come.
 */
export class SearchMarks {
  readonly #every: number;
  readonly #staleAfter: number;
  readonly #rows: RowReader;
  /** Grows with each message that comes, or is taken into the index. */
  readonly #taken: Sql;
  readonly #nth: Sql;
  /** Numbers in the index, from the newest on. */
  #marks: bigint[] = [];
  #madeAt = 0;

  constructor(file: SqliteFile, { every = MARK_EVERY, staleAfter = STALE_AFTER } = {}) {
    this.#every = every;
    this.#staleAfter = staleAfter;
    this.#rows = new RowReader(file.path, "search_docs");
    this.#taken = file.prepare(
      "SELECT coalesce((SELECT max(seq) FROM messages), 0) + coalesce((SELECT done FROM search_state), 0)",
    );
    this.#nth = file.prepare(
      `SELECT doc FROM search_docs WHERE doc < ?1 ORDER BY doc DESC LIMIT 1 OFFSET ${every - 1}`,
      "bigint",
    );
  }

  /** A number below `top` down to which there are about `messages` of them; `undefined` where there are not so many. */
  below(top: bigint, messages: number): bigint | undefined {
    this.#freshen();
    const wanted = Math.max(1, Math.floor(messages / this.#every));
    const reaches = () => firstBelow(this.#marks, top) + wanted <= this.#marks.length;
    while (!reaches() && this.#marks.length < MARKS_MAX) {
      const doc = this.#mark(this.#marks.at(-1) ?? DOC_END);
      if (doc === undefined) return undefined;
      this.#marks.push(doc);
    }
    if (reaches()) return this.#marks[firstBelow(this.#marks, top) + wanted - 1];
    let doc: bigint | undefined = top;
    for (let at = 0; at < wanted && doc !== undefined; at++) doc = this.#mark(doc);
    return doc;
  }

  #mark(top: bigint): bigint | undefined {
    const [doc] = this.#nth.row(top) ?? [];
    return doc === undefined ? undefined : this.#rows.int64(doc, "doc");
  }

  #freshen(): void {
    const taken = this.#rows.number(this.#taken.row()?.[0], "search_state", SEQ);
    if (Math.abs(taken - this.#madeAt) < this.#staleAfter) return;
    this.#marks = [];
    this.#madeAt = taken;
  }
}

/** The place of the first of `marks`, which fall, that is below `top`. */
function firstBelow(marks: readonly bigint[], top: bigint): number {
  let [from, to] = [0, marks.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (marks[middle]! < top) to = middle;
    else from = middle + 1;
  }
  return from;
}

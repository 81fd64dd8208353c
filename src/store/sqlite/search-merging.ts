import { RowReader } from "./row-reader.ts";
import type { Sql, SqliteFile } from "./sqlite-file.ts";

/** Ours. Messages taken in before it is looked whether to merge. */
const LOOK_AFTER = 4096;
/** Ours. Pages that one step writes, some ten milliseconds' work. */
const STEP_PAGES = 96;
/** Ours. Merged is what has so many parts, of which all but the largest are more than so much of the whole: each page is written again some nine times. */
const PARTS_MIN = 4;
const REST_SHARE = 1 / 8;
const REST_PAGES_MIN = 32;

/**
 * Makes one of the parts of the word index, in steps: each commit adds a part, and a search looks into all of them. What commits
 * merge themselves leaves some twenty in a moot of a million messages, where a search takes twice as long as with one.
 */
export class SearchMerging {
  readonly #rows: RowReader;
  readonly #parts: Sql;
  readonly #merge: Sql;
  readonly #changes: Sql;
  /** Before the first look it is not known what was left by who wrote before. */
  #added = LOOK_AFTER;
  #isMerging = false;

  constructor(file: SqliteFile) {
    this.#rows = new RowReader(file.path, "search_terms_idx");
    this.#parts = file.prepare(
      "SELECT count(*), coalesce(max(pages), 0), coalesce(sum(pages), 0) FROM (SELECT count(*) AS pages FROM search_terms_idx GROUP BY segid)",
    );
    this.#merge = file.prepare("INSERT INTO search_terms (search_terms, rank) VALUES ('merge', ?1)");
    this.#changes = file.prepare("SELECT total_changes()");
  }

  /** So many messages were taken in. */
  added(messages: number): void {
    this.#added += messages;
  }

  /** Whether `step` may have something to do. */
  get isDue(): boolean {
    return this.#isMerging || this.#added >= LOOK_AFTER;
  }

  /** Call within a transaction of its own. */
  step(): void {
    if (!this.#isMerging) {
      this.#added = 0;
      if (!this.#isWorthIt()) return;
    }
    const before = this.#count(this.#changes.row()?.[0]);
    // The first asks for all parts to be made one; FTS5 tells that it had nothing to do by changing nothing else.
    this.#merge.run(this.#isMerging ? STEP_PAGES : -STEP_PAGES);
    this.#isMerging = this.#count(this.#changes.row()?.[0]) - before >= 2;
  }

  #isWorthIt(): boolean {
    const [parts, largest, pages] = this.#parts.row() ?? [];
    const all = this.#count(pages);
    const rest = all - this.#count(largest);
    return this.#count(parts) >= PARTS_MIN && rest > Math.max(REST_PAGES_MIN, REST_SHARE * all);
  }

  #count(value: Parameters<RowReader["number"]>[0]): number {
    return this.#rows.number(value, "parts");
  }
}

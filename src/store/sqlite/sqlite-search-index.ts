import { EntmootError } from "../../core/errors.ts";
import type { MessageId } from "../../core/ids.ts";
import { decodeSpoken } from "../../core/record/message.ts";
import type { NewMessage } from "../group-store.ts";
import type { CountedMessage, IndexProgress } from "../search-store.ts";
import { RECORD_BYTES_MAX } from "../store-limits.ts";
import { RowReader, SEQ } from "./row-reader.ts";
import { docHome, PROBED } from "./search-doc.ts";
import { SearchMerging } from "./search-merging.ts";
import { type IndexedText, indexTermsOf, TERMS_VERSION } from "./search-terms.ts";
import type { Sql, SqliteFile, SqlValue } from "./sqlite-file.ts";
import type { SqliteTallies } from "./sqlite-tallies.ts";

/** Ours. Terms that one commit takes into the index, some ten milliseconds' work; what has no room follows later. */
const TERMS_AT_ONCE = 16_384;
/** Ours. The same of messages that were there before, with the messages and bytes read for it: a step goes on beside the daemon's work. */
const STEP_TERMS = 8192;
const STEP_MESSAGES = 256;
const STEP_BYTES = 1024 * 1024;
const READ_AT_ONCE = 16;
/** Ours. Parts of the index that are merged at a time: with more a commit costs less, and a search looks into more of them. SQLite has 4. */
const MERGED_AT_ONCE = 8;
/** Below every number there is: all was looked at. */
const FIRST_SEQ = Number.MIN_SAFE_INTEGER;

/** A message as it is found. */
export interface Findable {
  readonly seq: number;
  readonly author: number;
  /** As views have it. */
  readonly timestamp: bigint;
  readonly canonical: Uint8Array;
}

/** Says which rows of `search_state` there are from when on. */
const RESTART = `UPDATE search_state SET done = 0, terms = ${TERMS_VERSION},
  below = coalesce((SELECT max(seq) + 1 FROM messages), ${FIRST_SEQ}), wanted = (
    SELECT max(seq, coalesce((SELECT max(seq) FROM messages), 0)) - pruned + restored.messages + ever - placed
    FROM counts, restored, apart_counts
  )`;

/** The index of words and the counts by hour, inside the transactions of `SqliteMessageStore`. */
export class SqliteSearchIndex {
  readonly #file: SqliteFile;
  readonly #rows: RowReader;
  readonly #tallies: SqliteTallies;
  readonly #merging: SearchMerging;
  readonly #modules: Sql;
  #fullText: boolean | undefined;
  readonly #state: Sql;
  readonly #setTerms: Sql;
  readonly #setBelow: Sql;
  readonly #docOf: Sql;
  readonly #insertDoc: Sql;
  readonly #deleteDoc: Sql;
  readonly #insertTerms: Sql;
  readonly #deleteTerms: Sql;
  readonly #owe: Sql;
  readonly #owed: Sql;
  readonly #owedCount: Sql;
  readonly #settle: Sql;
  readonly #before: Sql;
  readonly #bySeq: Sql;

  /** Whether `step` may have something to do. */
  isBehind = true;

  constructor(file: SqliteFile, { fullText, tallies }: { fullText?: boolean; tallies: SqliteTallies }) {
    this.#file = file;
    this.#rows = new RowReader(file.path, "search_state");
    this.#tallies = tallies;
    this.#merging = new SearchMerging(file);
    this.#modules = file.prepare("SELECT 1 FROM pragma_module_list WHERE name = 'fts5'");
    this.#fullText = fullText;
    this.#state = file.prepare("SELECT below, done, wanted, terms FROM search_state");
    this.#setTerms = file.prepare("UPDATE search_state SET terms = ?1");
    this.#setBelow = file.prepare("UPDATE search_state SET below = ?1, done = done + ?2");
    this.#docOf = file.prepare(
      `SELECT doc FROM search_docs WHERE doc >= ?1 AND doc < ?1 + ${PROBED} AND seq = ?2`,
      "bigint",
    );
    this.#insertDoc = file.prepare("INSERT INTO search_docs VALUES (?1, ?2) ON CONFLICT DO NOTHING");
    this.#deleteDoc = file.prepare("DELETE FROM search_docs WHERE doc = ?1");
    this.#insertTerms = file.prepare("INSERT INTO search_terms (rowid, terms) VALUES (?1, ?2)");
    this.#deleteTerms = file.prepare("INSERT INTO search_terms (search_terms, rowid, terms) VALUES ('delete', ?1, ?2)");
    this.#owe = file.prepare("INSERT OR IGNORE INTO search_owed VALUES (?1)");
    this.#owed = file.prepare("SELECT seq FROM search_owed LIMIT ?1");
    this.#owedCount = file.prepare("SELECT count(*) FROM search_owed");
    this.#settle = file.prepare("DELETE FROM search_owed WHERE seq = ?1");
    const findable = `SELECT seq, author,
      coalesce((SELECT arrived FROM ahead WHERE ahead.seq = messages.seq), timestamp), canonical FROM messages`;
    this.#before = file.prepare(`${findable} WHERE seq < ?1 ORDER BY seq DESC LIMIT ${READ_AT_ONCE}`, "bigint");
    this.#bySeq = file.prepare(`${findable} WHERE seq = ?1`, "bigint");
  }

  /** Whether the SQLite of this process has FTS5. Ours has; on macOS it is the system's. */
  get hasFullText(): boolean {
    this.#fullText ??= this.#modules.row() !== undefined;
    return this.#fullText;
  }

  /** Whether what is found by words is all that there is, but for what `progress` says. */
  get isReady(): boolean {
    return this.hasFullText && this.#readState().terms === TERMS_VERSION;
  }

  /** As `MessageSearch.progress`. */
  progress(): IndexProgress | undefined {
    const { below, done, isUnmade, wanted } = this.#readState();
    const owed = this.#rows.number(this.#owedCount.row()?.[0], "search_owed");
    if (below === FIRST_SEQ && owed === 0 && !isUnmade) return undefined;
    return { done: isUnmade ? 0 : Math.min(done, wanted), of: wanted + owed };
  }

  /** Call within the transaction that stores these. `seqs`, `arrivals` as for `SqliteTopicIndex.add`, which comes first. */
  add(
    messages: readonly NewMessage[],
    seqs: readonly (number | undefined)[],
    arrivals: ReadonlyMap<MessageId, bigint>,
  ): void {
    this.#begin();
    const taking = new IndexTaking();
    for (const [at, message] of messages.entries()) {
      const seq = seqs[at];
      if (seq === undefined) continue;
      const { author_node_id: author, canonical, content, id, topics } = message;
      const timestamp = arrivals.get(id) ?? message.timestamp;
      if (taking.terms >= TERMS_AT_ONCE) this.#owes(seq);
      else this.#take({ seq, author, timestamp, canonical }, content && { topics, content }, taking);
    }
    this.#write(taking);
  }

  /** Call within the transaction that removes these, before their topics are dropped. */
  drop(gone: readonly Findable[]): void {
    this.#begin();
    const counted: CountedMessage[] = [];
    for (const { author, canonical, seq, timestamp } of gone) {
      this.#settle.run(seq);
      const doc = this.#docAt(timestamp, seq);
      if (doc === undefined) continue;
      const { content, topics } = spokenIn(canonical);
      counted.push({ author, timestamp, topics, bytes: canonical.length });
      this.#deleteDoc.run(doc);
      if (!this.hasFullText) continue;
      this.#deleteTerms.run(doc, indexTermsOf({ author_node_id: author, content, topics }).join(" "));
    }
    this.#tallies.drop(counted);
  }

  /** Call within the transaction that gives this message another number or another time, before it does; it is found again after the next step. */
  move(message: Findable, to: number): void {
    this.drop([message]);
    this.#owes(to);
  }

  #owes(seq: number): void {
    this.#owe.run(seq);
    this.isBehind = true;
  }

  /** As `MessageSearch.index`, in a transaction of its own. */
  step(): boolean {
    if (this.#file.access === "read" || !this.#look()) return false;
    this.#file.transact(() => {
      this.#begin();
      if (this.progress() === undefined) this.#merging.step();
      else this.#takeMore();
    });
    return this.#look();
  }

  #takeMore(): void {
    const taking = new IndexTaking();
    for (const [seq] of this.#owed.rows(STEP_MESSAGES)) {
      if (taking.terms >= STEP_TERMS || taking.bytes >= STEP_BYTES) break;
      const row = this.#bySeq.row(seq!);
      if (row !== undefined) this.#takeOnce(this.#findable(row), taking);
      this.#settle.run(seq!);
    }
    this.#takeOlder(taking);
    this.#write(taking);
  }

  #look(): boolean {
    this.isBehind = this.progress() !== undefined || (this.hasFullText && this.#merging.isDue);
    return this.isBehind;
  }

  /** Where it was written by a program without FTS5, or by one that indexed otherwise, all is taken in anew. */
  #begin(): void {
    const { isUnmade, terms } = this.#readState();
    if (!this.hasFullText && terms > 0) this.#setTerms.run(-1);
    if (!isUnmade) return;
    this.#file.exec(`CREATE VIRTUAL TABLE IF NOT EXISTS search_terms
      USING fts5(terms, content='', columnsize=0, detail=none, tokenize='ascii')`);
    this.#file.exec("INSERT INTO search_terms (search_terms) VALUES ('delete-all')");
    this.#file.exec(`INSERT INTO search_terms (search_terms, rank) VALUES ('automerge', ${MERGED_AT_ONCE})`);
    for (const table of ["search_docs", "search_owed", "hour_authors", "hour_topics"]) {
      this.#file.exec(`DELETE FROM ${table}`);
    }
    this.#file.exec(RESTART);
    this.isBehind = true;
  }

  #takeOlder(taking: IndexTaking): void {
    let { below } = this.#readState();
    if (below === FIRST_SEQ) return;
    let looked = 0;
    const isFull = () => looked >= STEP_MESSAGES || taking.bytes >= STEP_BYTES || taking.terms >= STEP_TERMS;
    while (below !== FIRST_SEQ && !isFull()) {
      const rows = this.#before.rows(below);
      if (rows.length === 0) below = FIRST_SEQ;
      for (const row of rows) {
        if (isFull()) break;
        const message = this.#findable(row);
        this.#takeOnce(message, taking);
        below = message.seq;
        looked += 1;
      }
    }
    this.#setBelow.run(below, looked);
  }

  #takeOnce(message: Findable, taking: IndexTaking): void {
    if (this.#docAt(message.timestamp, message.seq) === undefined) this.#take(message, undefined, taking);
  }

  #take(message: Findable, said: SaidWords | undefined, taking: IndexTaking): void {
    const { author, canonical, seq, timestamp } = message;
    const doc = this.#newDoc(timestamp, seq);
    if (doc === undefined) return;
    const { content, topics } = said ?? spokenIn(canonical);
    taking.bytes += canonical.length;
    taking.counted.push({ author, timestamp, topics, bytes: canonical.length });
    if (!this.hasFullText) return;
    const terms = indexTermsOf({ author_node_id: author, content, topics });
    taking.terms += terms.length;
    taking.entries.push({ doc, terms: terms.join(" ") });
  }

  #write({ counted, entries }: IndexTaking): void {
    this.#tallies.add(counted);
    // FTS5 writes out what it gathered whenever a number is below the one before.
    this.#merging.added(entries.length);
    this.isBehind ||= this.#merging.isDue;
    for (const { doc, terms } of entries.sort((a, b) => (a.doc < b.doc ? -1 : 1))) this.#insertTerms.run(doc, terms);
  }

  #docAt(timestamp: bigint, seq: number): bigint | undefined {
    const [doc] = this.#docOf.row(docHome(timestamp, seq), seq) ?? [];
    return doc === undefined ? undefined : this.#rows.int64(doc, seq);
  }

  /** `undefined`: all that it may have are taken. */
  #newDoc(timestamp: bigint, seq: number): bigint | undefined {
    const home = docHome(timestamp, seq);
    for (let doc = home; doc < home + PROBED; doc += 1n) if (this.#insertDoc.run(doc, seq).changes === 1) return doc;
    return undefined;
  }

  #findable([seq, author, timestamp, canonical]: SqlValue[]): Findable {
    return {
      seq: this.#rows.number(seq, seq, SEQ),
      author: this.#rows.number(author, seq, { max: 0xffffffff }),
      timestamp: this.#rows.int64(timestamp, seq),
      canonical: this.#rows.bytes(canonical, seq, { min: 1, max: RECORD_BYTES_MAX }),
    };
  }

  /** `isUnmade`: this program would make an index, and there is none that it can go on with. */
  #readState() {
    const [below, done, wanted, made] = this.#state.row() ?? [];
    const terms = this.#rows.number(made, "terms", { min: -1 });
    return {
      below: this.#rows.number(below, "below", SEQ),
      done: this.#rows.number(done, "done"),
      wanted: this.#rows.number(wanted, "wanted"),
      terms,
      isUnmade: this.hasFullText && terms !== TERMS_VERSION,
    };
  }
}

type SaidWords = Pick<IndexedText, "content" | "topics">;

/** What one commit takes in. */
class IndexTaking {
  readonly entries: { readonly doc: bigint; readonly terms: string }[] = [];
  readonly counted: CountedMessage[] = [];
  terms = 0;
  bytes = 0;
}

/** One that cannot be read is found by nothing. */
function spokenIn(canonical: Uint8Array): SaidWords {
  try {
    return decodeSpoken(canonical);
  } catch (error) {
    if (!(error instanceof EntmootError)) throw error;
    return { content: new Uint8Array(0), topics: [] };
  }
}

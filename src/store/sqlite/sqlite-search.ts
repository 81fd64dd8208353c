import type { MessageId } from "../../core/ids.ts";
import { comparePlaces, placeBefore, type TimePlace } from "../../core/order/time-place.ts";
import { isReserved, isTopic } from "../../core/policy/topic.ts";
import type { MessageQuery, QueryPiece, StoredMessage } from "../group-store.ts";
import type { CandidateQuery, IndexProgress, MessageSearch } from "../search-store.ts";
import { checkLimit, QUERY_BYTES, QUERY_PLACES } from "../store-limits.ts";
import { RowReader, SEQ } from "./row-reader.ts";
import { bucketOf, DOC_END, DOC_MIN, type DocBucket, docStart } from "./search-doc.ts";
import { SearchMarks } from "./search-marks.ts";
import { authorTerm, quoted, topicTerm, wordMatch } from "./search-terms.ts";
import type { Sql, SqliteFile } from "./sqlite-file.ts";
import { STORED_COLUMNS, storedOf } from "./sqlite-message-query.ts";
import type { SqliteSearchIndex } from "./sqlite-search-index.ts";

/**
 * Ours. Messages that one piece holds several terms against, divided by how many these are: two words that never stand together
 * would have a whole moot looked through. Of each term FTS5 takes some 60 ns for a message that has it, those above the
 * piece among them, so that few large pieces cost less than many. The first is small: words that many have are found in it.
 */
const HELD_AGAINST = 786_432;
const HELD_AT_FIRST = 32_768;
/**
 * Ours. Words that the index is asked for, the longest ones, which fewest messages have; whoever reads what is found looks for
 * all. Where no message has them together FTS5 goes through all that have each, in one go: each word costs 16 ms with half a
 * million messages, and a question has room for a hundred words.
 */
const WORDS_ASKED_MAX = 8;
/** Ours. Messages of one millisecond that are put in order; of more, messages are looked at one by one. */
const SORTED_MAX = 1024;

/** Ours. Messages no longer than this are read as they are found, some hundred KiB at a time; others once it is known which are meant. */
const READ_ALONG_BYTES = 4096;

interface SearchParts {
  readonly index: SqliteSearchIndex;
  /** As `MessageStore.query`: the way without an index. */
  readonly walk: (query: MessageQuery) => QueryPiece;
}

/** A message that is found: its number in the index, and in the log. */
interface IndexHit {
  readonly doc: bigint;
  readonly seq: number;
  /** In views. */
  readonly place: TimePlace;
  readonly bytes: number;
  /** Where it was read along. */
  readonly stored: StoredMessage | undefined;
}

/** Messages of one group by the words in them, from the index of `moot.sqlite`. */
export class SqliteSearch implements MessageSearch {
  readonly #file: SqliteFile;
  readonly #rows: RowReader;
  readonly #parts: SearchParts;
  readonly #found: Sql;
  readonly #marks: SearchMarks;
  readonly #bodies: Sql;

  constructor(file: SqliteFile, parts: SearchParts) {
    this.#file = file;
    this.#rows = new RowReader(file.path, "search_docs");
    this.#parts = parts;
    this.#marks = new SearchMarks(file);
    this.#found = file.prepare(
      `SELECT search_terms.rowid, messages.seq, messages.timestamp, messages.author, messages.id,
        CASE WHEN EXISTS (SELECT 1 FROM ahead) THEN (SELECT arrived FROM ahead WHERE ahead.seq = messages.seq) END,
        length(canonical),
        CASE WHEN length(canonical) <= ${READ_ALONG_BYTES} THEN canonical END
      FROM search_terms CROSS JOIN search_docs ON doc = search_terms.rowid
      CROSS JOIN messages ON messages.seq = search_docs.seq
      WHERE search_terms MATCH ?1 AND search_terms.rowid < ?2 AND search_terms.rowid >= ?3
      ORDER BY search_terms.rowid DESC LIMIT ?4`,
      "bigint",
    );
    // All at once: each statement alone costs more than what it reads.
    this.#bodies = file.prepare(
      `SELECT ${STORED_COLUMNS} FROM messages WHERE seq IN (SELECT value FROM json_each(?1))`,
    );
  }

  get isIndexed(): boolean {
    return this.#parts.index.isReady && !this.#isLeftUnfinished;
  }

  progress(): IndexProgress | undefined {
    const { index } = this.#parts;
    return this.#file.access === "read" || !index.hasFullText ? undefined : index.progress();
  }

  get isBehind(): boolean {
    return this.#parts.index.isBehind;
  }

  index(): boolean {
    return this.#parts.index.step();
  }

  candidates(query: CandidateQuery): QueryPiece {
    checkLimit(query.limit);
    return this.#file.snapshot(() => (this.isIndexed ? this.#piece(query) : this.#walk(query)));
  }

  /** Who only reads does not finish it. */
  get #isLeftUnfinished(): boolean {
    return this.#file.access === "read" && this.#parts.index.progress() !== undefined;
  }

  #walk({ author_node_id, from, limit, since, topic, until }: CandidateQuery): QueryPiece {
    return this.#parts.walk({
      order: "desc",
      limit: Math.min(limit, QUERY_PLACES),
      ...(author_node_id === undefined ? {} : { author_node_id }),
      ...(from === undefined ? {} : { from }),
      ...(since === undefined ? {} : { since }),
      ...(until === undefined ? {} : { until }),
      // Of others no pattern tells; they are told apart by whoever asks.
      ...(topic === undefined || !isTopic(topic) ? {} : { topic }),
    });
  }

  #piece(query: CandidateQuery): QueryPiece {
    const { limit } = query;
    const asked = matchesOf(query);
    const lowest = query.since === undefined ? DOC_MIN : docStart(query.since);
    const top = highest(query);
    const floor = this.#floor(asked.length, lowest, top, query);
    const match = asked.join(" AND ");
    const hits = this.#hits(match, top, floor, limit + 1);
    const isMore = hits.length > limit;
    const meant: IndexHit[] = [];
    let bytes = 0;
    const told = (rest: TimePlace | undefined) => ({ found: this.#read(meant), rest });
    for (let at = 0; at < hits.length; ) {
      const bucket = bucketOf(hits[at]!.doc);
      const same = this.#ofBucket(hits, at, bucket, { match, isMore });
      if (same === undefined) return meant.length > 0 ? told(meant.at(-1)!.place) : this.#walkIn(bucket, query);
      while (at < hits.length && hits[at]!.doc >= bucket.start) at += 1;
      for (const hit of same.sort((a, b) => comparePlaces(b.place, a.place))) {
        if (!isWithin(hit.place, query)) continue;
        meant.push(hit);
        bytes += hit.bytes;
        if (meant.length === limit || bytes >= QUERY_BYTES) return told(hit.place);
      }
    }
    // The last millisecond that was looked at was so to its end.
    const { since } = isMore ? bucketOf(hits.at(-1)!.doc) : bucketOf(floor);
    if ((!isMore && floor === lowest) || since === undefined) return told(undefined);
    return told(placeBefore(since));
  }

  /** From where on a piece looks: the fewer messages the more terms are held against each other. */
  #floor(terms: number, lowest: bigint, top: bigint, { from }: CandidateQuery): bigint {
    if (terms === 1) return lowest;
    const below = this.#marks.below(top, Math.floor((from === undefined ? HELD_AT_FIRST : HELD_AGAINST) / terms));
    if (below === undefined) return lowest;
    const { start } = bucketOf(below);
    return start > lowest ? start : lowest;
  }

  /** All of one millisecond, of which `hits` may have only the first; `undefined` where they are too many. */
  #ofBucket(
    hits: readonly IndexHit[],
    at: number,
    { start }: DocBucket,
    { isMore, match }: { readonly isMore: boolean; readonly match: string },
  ): IndexHit[] | undefined {
    const end = hits.findIndex(({ doc }, index) => index > at && doc < start);
    const same = hits.slice(at, end < 0 ? hits.length : end);
    if (end < 0 && isMore) same.push(...this.#hits(match, same.at(-1)!.doc, start, SORTED_MAX + 1));
    return same.length > SORTED_MAX ? undefined : same;
  }

  #walkIn({ since, start, until }: DocBucket, query: CandidateQuery): QueryPiece {
    const within = {
      ...query,
      ...(since === undefined ? {} : { since: query.since !== undefined && query.since > since ? query.since : since }),
      ...(until === undefined ? {} : { until: query.until !== undefined && query.until < until ? query.until : until }),
    };
    const piece = this.#walk(within);
    if (piece.rest !== undefined || start <= DOC_MIN) return piece;
    return { ...piece, rest: placeBefore(since!) };
  }

  #hits(match: string, below: bigint, floor: bigint, limit: number): IndexHit[] {
    return this.#found
      .rows(match, below, floor, limit)
      .map(([doc, number, timestamp, author, id, arrived, bytes, body]) => {
        const seq = this.#rows.number(number, "seq", SEQ);
        const isRead = body !== null && body !== undefined;
        const stored = isRead ? storedOf(this.#rows, [number!, id!, body, arrived!]) : undefined;
        return {
          doc: this.#rows.int64(doc, "doc"),
          seq,
          place: {
            timestamp: this.#rows.int64(arrived ?? timestamp, seq),
            author_node_id: this.#rows.number(author, seq, { max: 0xffffffff }),
            id: stored?.id ?? this.#rows.hex32<MessageId>(id, seq),
          },
          bytes: stored?.canonical.length ?? this.#rows.number(bytes, seq),
          stored,
        };
      });
  }

  /** In their order. */
  #read(hits: readonly IndexHit[]): StoredMessage[] {
    const long = hits.filter(({ stored }) => stored === undefined);
    const rows = long.length === 0 ? [] : this.#bodies.rows(`[${long.map(({ seq }) => seq).join()}]`);
    const bySeq = new Map(rows.map((row) => storedOf(this.#rows, row)).map((message) => [message.seq, message]));
    return hits.flatMap(({ seq, stored }) => stored ?? bySeq.get(seq) ?? []);
  }
}

/** What FTS5 is asked for, all of which a message that is meant has. */
function matchesOf({ author_node_id, reserved, terms, topic }: CandidateQuery): string[] {
  const withReserved = reserved || (topic !== undefined && isReserved(topic));
  const asked = terms.toSorted((a, b) => b.length - a.length).slice(0, WORDS_ASKED_MAX);
  const matches = asked.map((term) => wordMatch(term, withReserved));
  if (topic !== undefined) matches.push(quoted(topicTerm(topic)));
  if (author_node_id !== undefined) matches.push(quoted(authorTerm(author_node_id)));
  return matches;
}

/** Messages with this number or a higher one are not asked for. */
function highest({ from, until }: CandidateQuery): bigint {
  const byPlace = from === undefined ? DOC_END : bucketOf(docStart(from.timestamp)).end;
  const byTime = until === undefined ? DOC_END : bucketOf(docStart(until - 1n)).end;
  return byPlace < byTime ? byPlace : byTime;
}

/** Times share numbers, so that some are found that lie beyond, or were told before. */
function isWithin(place: TimePlace, { from, since, until }: CandidateQuery): boolean {
  const { timestamp } = place;
  if ((since !== undefined && timestamp < since) || (until !== undefined && timestamp >= until)) return false;
  return from === undefined || comparePlaces(place, from) < 0;
}

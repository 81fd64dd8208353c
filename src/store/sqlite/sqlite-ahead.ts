import { AHEAD_MAX_MS } from "../../core/ahead.ts";
import { MessageId } from "../../core/ids.ts";
import type { NewMessage } from "../group-store.ts";
import { INT64_MAX, INT64_MIN } from "../store-limits.ts";
import type { TimeRange } from "../time-range.ts";
import { OWN_PLACE } from "./newest-places.ts";
import { RowReader, SEQ } from "./row-reader.ts";
import type { Sql, SqliteFile, SqlValue } from "./sqlite-file.ts";
import type { SqliteSearchIndex } from "./sqlite-search-index.ts";
import { type SqliteTopicIndex, type TopicHit, topicsOf } from "./sqlite-topic-index.ts";

/** Ours. Messages before one in the log that are asked when it may have come. */
const NEIGHBOURS = 256;

/** One message that gets another place in time. */
interface MovedMessage {
  readonly seq: number;
  readonly id: MessageId;
  readonly author: number;
  /** Its own date. */
  readonly timestamp: bigint;
  /** Where it stands by its arrival; `undefined` where it stands by its own date. */
  readonly arrived: bigint | undefined;
}

/** Which messages are placed by when they came, inside the transactions of `SqliteMessageStore`. */
export class SqliteAhead {
  readonly #file: SqliteFile;
  readonly #rows: RowReader;
  readonly #topics: SqliteTopicIndex;
  readonly #search: SqliteSearchIndex;
  readonly #insert: Sql;
  readonly #arrival: Sql;
  readonly #renumber: Sql;
  readonly #last: Sql;
  readonly #top: Sql;
  readonly #unsure: Sql;
  readonly #makeSure: Sql;
  readonly #forget: Sql;
  readonly #late: Sql;
  readonly #misplaced: Sql;
  readonly #neighbour: Sql;
  readonly #canonical: Sql;
  readonly #ascending: Sql;
  readonly #descending: Sql;
  /** No message that is placed by its own date has a later one; as of `version`, and what was stored here since. */
  #known: { readonly version: number; top: bigint } | undefined;
  /** Whether some came while the clock was not known to be right, as of the same. */
  #isUnsure = false;

  constructor(
    file: SqliteFile,
    { search, topics }: { readonly search: SqliteSearchIndex; readonly topics: SqliteTopicIndex },
  ) {
    this.#file = file;
    this.#rows = new RowReader(file.path, "ahead");
    this.#topics = topics;
    this.#search = search;
    this.#insert = file.prepare("INSERT OR REPLACE INTO ahead VALUES (?1, ?2, ?3, ?4, ?5, ?6)");
    this.#arrival = file.prepare("SELECT arrived FROM ahead WHERE seq = ?1", "bigint");
    this.#renumber = file.prepare("UPDATE ahead SET seq = ?2 WHERE seq = ?1");
    this.#last = file.prepare("SELECT max(arrived) FROM ahead", "bigint");
    this.#top = file.prepare(
      `SELECT timestamp FROM messages WHERE ${OWN_PLACE} ORDER BY timestamp DESC, author DESC, id DESC LIMIT 1`,
      "bigint",
    );
    const moved = "SELECT seq, id, author, timestamp, arrived FROM ahead WHERE";
    this.#unsure = file.prepare(`${moved} sure = 0 AND timestamp <= ?1 LIMIT ?2`, "bigint");
    this.#makeSure = file.prepare("UPDATE ahead SET sure = 1 WHERE sure = 0");
    this.#forget = file.prepare("DELETE FROM ahead WHERE seq = ?1");
    this.#misplaced = file.prepare(`${moved} arrived > ?1 LIMIT ?2`, "bigint");
    this.#late = file.prepare(
      `SELECT seq, id, author, timestamp, NULL FROM messages WHERE timestamp > ?1 AND ${OWN_PLACE}
      ORDER BY timestamp, author, id LIMIT ?2`,
      "bigint",
    );
    this.#neighbour = file.prepare(
      `SELECT max(timestamp) FROM (
        SELECT timestamp FROM messages WHERE seq < ?1 AND seq > 0 ORDER BY seq DESC LIMIT ${NEIGHBOURS}
      ) WHERE timestamp <= ?2`,
      "bigint",
    );
    this.#canonical = file.prepare("SELECT canonical FROM messages WHERE seq = ?1");
    const within = `SELECT arrived, author, id, seq FROM ahead
      WHERE (arrived, author, id) >= (?1, ?2, ?3) AND (arrived, author, id) < (?4, ?5, ?6)`;
    this.#ascending = file.prepare(`${within} ORDER BY arrived, author, id LIMIT ?7`, "bigint");
    this.#descending = file.prepare(`${within} ORDER BY arrived DESC, author DESC, id DESC LIMIT ?7`, "bigint");
  }

  /** Places the message that has this number by its arrival, after all that came before it; gives where. */
  add(message: NewMessage, seq: number, id: Uint8Array): bigint | undefined {
    const { ahead, author_node_id, timestamp } = message;
    if (ahead === undefined) {
      if (this.#known !== undefined && timestamp > this.#known.top) this.#known.top = timestamp;
      return undefined;
    }
    const { arrivedMs, isSure } = ahead;
    const last = this.#lastArrival();
    // Many may come in one millisecond; a clock that was wrong, or a flood, does not carry them away from when they came.
    const follows = last >= arrivedMs && last < arrivedMs + BigInt(AHEAD_MAX_MS);
    const arrived = follows ? last + 1n : arrivedMs;
    this.#insert.run(seq, arrived, author_node_id, id, timestamp, isSure ? 1 : 0);
    if (!isSure) this.#isUnsure = true;
    return arrived;
  }

  /** Where the message with this number is placed by its arrival; `undefined`: by its own date. */
  arrivalOf(seq: number): bigint | undefined {
    const [arrived] = this.#arrival.row(seq) ?? [];
    return arrived === undefined ? undefined : this.#rows.int64(arrived, seq);
  }

  renumber(from: number, to: number): void {
    this.#renumber.run(from, to);
  }

  /** Places by arrival within `range`, the first `limit` in `order`. */
  placesIn({ lo, hi }: TimeRange, order: "asc" | "desc", limit: number): TopicHit[] {
    const sql = order === "asc" ? this.#ascending : this.#descending;
    const rows = sql.rows(lo.timestamp, lo.author, lo.id, hi.timestamp, hi.author, hi.id, limit);
    return rows.map(([arrived, author, id, seq]) => ({
      timestamp: this.#rows.int64(arrived, id),
      author: this.#rows.number(author, id, { max: 0xffffffff }),
      id: this.#rows.bytes(id, id, 32),
      seq: this.#rows.number(seq, id, SEQ),
    }));
  }

  /** No message that is placed by its own date has a later one: what lies beyond need not be looked through. */
  top(version = this.#known?.version ?? this.#file.version()): bigint {
    if (this.#known?.version !== version) {
      const [top] = this.#top.row() ?? [];
      this.#known = { version, top: top === undefined ? INT64_MIN : this.#rows.int64(top, "top") };
      this.#isUnsure = this.#unsure.row(INT64_MAX, 1) !== undefined;
    }
    return this.#known.top;
  }

  /** Whether `settle` may find something. */
  isUnsettled(latest: bigint, version: number): boolean {
    return this.top(version) > latest || this.#isUnsure || this.#lastArrival() > latest;
  }

  /** As `MessageStore.settleAhead`, within a transaction. */
  settle({ latest, now }: { readonly latest: bigint; readonly now: bigint }, limit: number): number {
    const back = this.#read(this.#unsure.rows(latest, limit));
    for (const moved of back) this.#move(moved, undefined);
    let left = limit - back.length;
    if (left > 0) this.#makeSure.run();
    const wrong = left > 0 ? this.#read(this.#misplaced.rows(latest, left)) : [];
    for (const moved of wrong) this.#move(moved, now);
    left -= wrong.length;
    const late = left > 0 ? this.#read(this.#late.rows(latest, left)) : [];
    for (const moved of late) this.#move(moved, this.#guess(moved.seq, latest) ?? now);
    this.#known = undefined;
    return back.length + wrong.length + late.length;
  }

  /** Call when a transaction did not commit. */
  forgetKnown(): void {
    this.#known = undefined;
  }

  #lastArrival(): bigint {
    const [last] = this.#last.row() ?? [];
    return last === undefined || last === null ? INT64_MIN : this.#rows.int64(last, "last");
  }

  /** The date of what came shortly before it. */
  #guess(seq: number, latest: bigint): bigint | undefined {
    const [date] = this.#neighbour.row(seq, latest) ?? [];
    return date === undefined || date === null ? undefined : this.#rows.int64(date, seq);
  }

  #move({ arrived, author, id, seq, timestamp }: MovedMessage, to: bigint | undefined): void {
    const [canonical] = this.#canonical.row(seq) ?? [];
    const topics = topicsOf(canonical);
    if (canonical instanceof Uint8Array) {
      this.#search.move({ seq, author, timestamp: arrived ?? timestamp, canonical }, seq);
    }
    const place = { author_node_id: author, id, timestamp: arrived ?? timestamp };
    this.#topics.move(topics, place, { seq, timestamp: to ?? timestamp });
    if (to === undefined) this.#forget.run(seq);
    else this.#insert.run(seq, to, author, MessageId.toBytes(id), timestamp, 1);
  }

  #read(rows: readonly SqlValue[][]): MovedMessage[] {
    return rows.map(([seq, id, author, timestamp, arrived]) => ({
      seq: this.#rows.number(seq, seq, SEQ),
      id: this.#rows.hex32(id, seq),
      author: this.#rows.number(author, seq, { max: 0xffffffff }),
      timestamp: this.#rows.int64(timestamp, seq),
      arrived: arrived === null || arrived === undefined ? undefined : this.#rows.int64(arrived, seq),
    }));
  }
}

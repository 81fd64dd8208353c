import { MessageId } from "../../core/ids.ts";
import { topologicalOrder } from "../../core/order/order.ts";
import type { TimePlace } from "../../core/order/time-place.ts";
import { compilePattern, tailSees } from "../../core/policy/topic.ts";
import { decodeMessage } from "../../core/record/message.ts";
import type { MessageQuery, PlacesPiece, QueryPiece, StoredMessage } from "../group-store.ts";
import { checkLimit, QUERY_BYTES, QUERY_PLACES, RECORD_BYTES_MAX } from "../store-limits.ts";
import { type Bound, compareBounds, placeAfter, rangeOf, type TimeRange, timeRange } from "../time-range.ts";
import { OWN_PLACE } from "./newest-places.ts";
import { RowReader, SEQ } from "./row-reader.ts";
import type { SqliteAhead } from "./sqlite-ahead.ts";
import type { Sql, SqliteFile, SqlValue } from "./sqlite-file.ts";
import type { SqliteTopicIndex, TopicHit } from "./sqlite-topic-index.ts";

/** Ours. Places of all topics together that one piece of a query merges. */
const MERGED_PLACES = 2048;
/** Ours. Messages read in one piece of a query while looking for those that match a wide pattern. */
const WALK_ROWS = 256;

const EVERYTHING = timeRange(undefined, undefined);

/** Messages of one group by time, topic and author, found by the indexes of `moot.sqlite`, a piece at a time. */
export class SqliteMessageQuery {
  readonly #file: SqliteFile;
  readonly #rows: RowReader;
  readonly #topics: SqliteTopicIndex;
  readonly #ahead: SqliteAhead;
  readonly #getSeq: Sql;
  readonly #ascending: Sql;
  readonly #descending: Sql;

  constructor(file: SqliteFile, { ahead, topics }: { readonly ahead: SqliteAhead; readonly topics: SqliteTopicIndex }) {
    this.#file = file;
    this.#rows = new RowReader(file.path, "messages");
    this.#topics = topics;
    this.#ahead = ahead;
    this.#getSeq = file.prepare(`SELECT ${STORED_COLUMNS} FROM messages WHERE seq = ?1`);
    const within = `SELECT timestamp, author, id, seq, NOT ${OWN_PLACE} FROM messages
      WHERE (timestamp, author, id) >= (?1, ?2, ?3) AND (timestamp, author, id) < (?4, ?5, ?6)`;
    this.#ascending = file.prepare(`${within} ORDER BY timestamp, author, id LIMIT ?7`, "bigint");
    this.#descending = file.prepare(`${within} ORDER BY timestamp DESC, author DESC, id DESC LIMIT ?7`, "bigint");
  }

  /** As `MessageStore.query`. `hasAhead`: whether any may be placed by its arrival. */
  piece(query: MessageQuery, hasAhead: boolean): QueryPiece {
    const { author_node_id: author, topic, order, limit } = query;
    checkLimit(limit);
    return this.#piece({ ...this.#wayTo(topic), range: rangeOf(query), author, order, limit, hasAhead });
  }

  /** As `MessageStore.latest`. */
  latest(limit: number, topic: string | undefined, hasAhead: boolean): StoredMessage[] {
    const newest: StoredMessage[] = [];
    if (limit <= 0) return newest;
    const way = topic === "#" ? { matches: (topics: readonly string[]) => tailSees("#", topics) } : this.#wayTo(topic);
    for (let range = EVERYTHING; ; ) {
      const left = limit - newest.length;
      const { found, rest } = this.#piece({ ...way, range, author: undefined, order: "desc", limit: left, hasAhead });
      newest.push(...found);
      if (newest.length === limit || rest === undefined) return this.#inOwnOrder(newest);
      range = rangeOf({ order: "desc", from: rest });
    }
  }

  /** As `MessageStore.placesAfter`. */
  placesAfter(after: TimePlace | undefined, limit: number): TimePlace[] {
    checkLimit(limit);
    const { lo, hi } = rangeOf({ order: "asc", ...(after && { from: after }) });
    return this.#placesIn({ lo, hi }, "asc", limit).map(timePlaceOf);
  }

  /** As `MessageStore.shownAfter`. */
  shownAfter(after: TimePlace | undefined, limit: number, hasAhead: boolean): PlacesPiece {
    checkLimit(limit);
    const range = rangeOf({ order: "asc", ...(after && { from: after }) });
    const { places, rest } = this.#shownIn({ range, order: "asc", hasAhead }, limit);
    return { found: places.map(timePlaceOf), rest: rest && timePlaceOf(rest) };
  }

  /** By their own dates. */
  #placesIn({ lo, hi }: TimeRange, order: "asc" | "desc", limit: number): OwnPlace[] {
    const sql = order === "asc" ? this.#ascending : this.#descending;
    const rows = sql.rows(lo.timestamp, lo.author, lo.id, hi.timestamp, hi.author, hi.id, limit);
    return rows.map(([timestamp, author, id, seq, isAhead]) => ({
      timestamp: this.#rows.int64(timestamp, id),
      author: this.#rows.number(author, id, { max: 0xffffffff }),
      id: this.#rows.bytes(id, id, 32),
      seq: this.#rows.number(seq, id, SEQ),
      isAhead: isAhead === 1n,
    }));
  }

  /** As views have them: those by their own dates, and those by their arrival among them. */
  #shownIn({ hasAhead, order, range }: Pick<PieceRequest, "hasAhead" | "order" | "range">, limit: number): Places {
    if (!hasAhead) return placesUpTo(this.#placesIn(range, order, limit), limit);
    const { lo, hi } = range;
    const end = { ...hi, timestamp: this.#ahead.top(), author: 2 ** 32 };
    const own = placesUpTo(this.#placesIn({ lo, hi: compareBounds(end, hi) < 0 ? end : hi }, order, limit), limit);
    const looked =
      own.rest === undefined ? range : order === "desc" ? { lo: own.rest, hi } : { lo, hi: placeAfter(own.rest) };
    const late = placesUpTo(this.#ahead.placesIn(looked, order, limit), limit);
    const rest = late.rest ?? own.rest;
    const sign = order === "asc" ? 1 : -1;
    const places = [...own.places.filter(({ isAhead }) => !isAhead), ...late.places]
      .sort((a, b) => sign * compareBounds(a, b))
      .filter((place) => rest === undefined || sign * compareBounds(place, rest) <= 0);
    return places.length > limit ? placesUpTo(places.slice(0, limit), limit) : { places, rest };
  }

  /** By the topic index where it tells what matches, else by what each message says. */
  #wayTo(topic: string | undefined): TopicWay {
    if (topic === undefined) return {};
    const topics = this.#topics.matching(topic);
    if (topics !== undefined) return { topics };
    const matches = compilePattern(topic);
    return { matches: (found) => found.some(matches) };
  }

  /** Looks at places by an index; only the messages that may be meant are read. */
  #piece(asked: TopicWay & PieceRequest): QueryPiece {
    const { author, limit, matches } = asked;
    return this.#file.snapshot(() => {
      const { places, rest } = this.#nextPlaces(asked);
      const found: StoredMessage[] = [];
      let bytes = 0;
      for (const place of places) {
        if (author === undefined || place.author === author) {
          const message = this.#bySeq(place.seq);
          bytes += message.canonical.length;
          if (matches === undefined || matches(this.#decode(message).topics)) found.push(message);
        }
        if (found.length === limit || bytes >= QUERY_BYTES) return { found, rest: timePlaceOf(place) };
      }
      return { found, rest: rest && timePlaceOf(rest) };
    });
  }

  /** Places to look at in one piece. */
  #nextPlaces({ author, hasAhead, limit, matches, order, range, topics }: TopicWay & PieceRequest): Places {
    const wanted = matches !== undefined ? WALK_ROWS : author !== undefined ? QUERY_PLACES : limit;
    const most = Math.min(wanted, QUERY_PLACES);
    if (topics === undefined) return this.#shownIn({ range, order, hasAhead }, most);
    const share = Math.min(most, Math.ceil(MERGED_PLACES / Math.max(1, topics.length)));
    return placesUpTo(this.#topics.find({ topics, range, order, limit: share }), share);
  }

  /** As parents and time order them among themselves. */
  #inOwnOrder(messages: readonly StoredMessage[]): StoredMessage[] {
    const byId = new Map(messages.map((message) => [message.id, message]));
    const nodes = messages.map((message) => {
      const { id, author, timestamp, parents } = this.#decode(message);
      return { id, author: author.pilot_node_id, timestamp: message.arrivedMs ?? timestamp, parents };
    });
    return topologicalOrder(nodes).map((id) => byId.get(id)!);
  }

  #decode({ seq, canonical }: StoredMessage) {
    return this.#rows.decoded(seq, () => decodeMessage(canonical));
  }

  #bySeq(seq: number): StoredMessage {
    return storedOf(this.#rows, this.#getSeq.row(seq) ?? [seq, null, null, null]);
  }
}

/** When one came that lay ahead. */
export const ARRIVED_COLUMN = "(SELECT arrived FROM ahead WHERE ahead.seq = messages.seq)";
/** What `storedOf` reads of `messages`. */
export const STORED_COLUMNS = `seq, id, canonical, ${ARRIVED_COLUMN}`;

/** A row of `STORED_COLUMNS`, checked. */
export function storedOf(rows: RowReader, [seq, id, canonical, arrived]: SqlValue[]): StoredMessage {
  const stored = {
    seq: rows.number(seq, seq, SEQ),
    id: rows.hex32<MessageId>(id, seq),
    canonical: rows.bytes(canonical, seq, { min: 1, max: RECORD_BYTES_MAX }),
  };
  if (arrived === null || arrived === undefined) return stored;
  return { ...stored, arrivedMs: BigInt(rows.number(arrived, seq, { min: Number.MIN_SAFE_INTEGER })) };
}

/** A place by the message's own date, which views have at another where it lay ahead. */
interface OwnPlace extends TopicHit {
  readonly isAhead: boolean;
}

/** Places in order, and up to where was looked; `undefined` where nothing follows. */
interface Places<Place extends TopicHit = TopicHit> {
  readonly places: readonly Place[];
  readonly rest: TopicHit | undefined;
}

/** What was found with a limit. */
function placesUpTo<Place extends TopicHit>(places: readonly Place[], limit: number): Places<Place> {
  return { places, rest: places.length < limit ? undefined : places.at(-1) };
}

/** How it is known which messages match; neither: all do. */
interface TopicWay {
  readonly topics?: readonly number[];
  readonly matches?: (topics: readonly string[]) => boolean;
}

interface PieceRequest {
  readonly range: TimeRange;
  readonly author: number | undefined;
  readonly order: "asc" | "desc";
  readonly limit: number;
  readonly hasAhead: boolean;
}

function timePlaceOf({ author, id, timestamp }: Bound): TimePlace {
  return { timestamp, author_node_id: author, id: MessageId.fromBytes(id) };
}

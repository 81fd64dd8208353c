import { MessageId } from "../../core/ids.ts";
import { topologicalOrder } from "../../core/order/order.ts";
import type { TimePlace } from "../../core/order/time-place.ts";
import { compilePattern, tailSees } from "../../core/policy/topic.ts";
import { decodeMessage } from "../../core/record/message.ts";
import type { MessageQuery, QueryPiece, StoredMessage } from "../group-store.ts";
import { checkLimit, QUERY_BYTES, QUERY_PLACES, RECORD_BYTES_MAX } from "../store-limits.ts";
import { type Bound, rangeOf, type TimeRange, timeRange } from "../time-range.ts";
import { RowReader, SEQ } from "./row-reader.ts";
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
  readonly #getSeq: Sql;
  readonly #ascending: Sql;
  readonly #descending: Sql;

  constructor(file: SqliteFile, topics: SqliteTopicIndex) {
    this.#file = file;
    this.#rows = new RowReader(file.path, "messages");
    this.#topics = topics;
    this.#getSeq = file.prepare("SELECT seq, id, canonical FROM messages WHERE seq = ?1");
    const within = `SELECT timestamp, author, id, seq FROM messages
      WHERE (timestamp, author, id) >= (?1, ?2, ?3) AND (timestamp, author, id) < (?4, ?5, ?6)`;
    this.#ascending = file.prepare(`${within} ORDER BY timestamp, author, id LIMIT ?7`, "bigint");
    this.#descending = file.prepare(`${within} ORDER BY timestamp DESC, author DESC, id DESC LIMIT ?7`, "bigint");
  }

  /** As `MessageStore.query`. */
  piece(query: MessageQuery): QueryPiece {
    const { author_node_id: author, topic, order, limit } = query;
    checkLimit(limit);
    return this.#piece({ ...this.#wayTo(topic), range: rangeOf(query), author, order, limit });
  }

  /** As `MessageStore.latest`. */
  latest(limit: number, topic?: string): StoredMessage[] {
    const newest: StoredMessage[] = [];
    if (limit <= 0) return newest;
    const way = topic === "#" ? { matches: (topics: readonly string[]) => tailSees("#", topics) } : this.#wayTo(topic);
    for (let range = EVERYTHING; ; ) {
      const left = limit - newest.length;
      const { found, rest } = this.#piece({ ...way, range, author: undefined, order: "desc", limit: left });
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

  #placesIn({ lo, hi }: TimeRange, order: "asc" | "desc", limit: number): TopicHit[] {
    const sql = order === "asc" ? this.#ascending : this.#descending;
    const rows = sql.rows(lo.timestamp, lo.author, lo.id, hi.timestamp, hi.author, hi.id, limit);
    return rows.map(([timestamp, author, id, seq]) => ({
      timestamp: this.#rows.int64(timestamp, id),
      author: this.#rows.number(author, id, { max: 0xffffffff }),
      id: this.#rows.bytes(id, id, 32),
      seq: this.#rows.number(seq, id, SEQ),
    }));
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
      const { isWhole, places } = this.#nextPlaces(asked);
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
      return { found, rest: isWhole ? undefined : timePlaceOf(places.at(-1)!) };
    });
  }

  /** Places to look at in one piece, and whether they are all there are. */
  #nextPlaces({ author, limit, matches, order, range, topics }: TopicWay & PieceRequest) {
    const wanted = matches !== undefined ? WALK_ROWS : author !== undefined ? QUERY_PLACES : limit;
    const most = Math.min(wanted, QUERY_PLACES);
    if (topics === undefined) {
      const places = this.#placesIn(range, order, most);
      return { places, isWhole: places.length < most };
    }
    const share = Math.min(most, Math.ceil(MERGED_PLACES / Math.max(1, topics.length)));
    const places = this.#topics.find({ topics, range, order, limit: share });
    return { places, isWhole: places.length < share };
  }

  /** As parents and time order them among themselves. */
  #inOwnOrder(messages: readonly StoredMessage[]): StoredMessage[] {
    const byId = new Map(messages.map((message) => [message.id, message]));
    const nodes = messages.map((message) => {
      const { id, author, timestamp, parents } = this.#decode(message);
      return { id, author: author.pilot_node_id, timestamp, parents };
    });
    return topologicalOrder(nodes).map((id) => byId.get(id)!);
  }

  #decode({ seq, canonical }: StoredMessage) {
    return this.#rows.decoded(seq, () => decodeMessage(canonical));
  }

  #bySeq(seq: number): StoredMessage {
    return storedOf(this.#rows, this.#getSeq.row(seq) ?? [seq, null, null]);
  }
}

/** A row of (seq, id, canonical), checked. */
export function storedOf(rows: RowReader, [seq, id, canonical]: SqlValue[]): StoredMessage {
  return {
    seq: rows.number(seq, seq, SEQ),
    id: rows.hex32(id, seq),
    canonical: rows.bytes(canonical, seq, { min: 1, max: RECORD_BYTES_MAX }),
  };
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
}

function timePlaceOf({ author, id, timestamp }: Bound): TimePlace {
  return { timestamp, author_node_id: author, id: MessageId.fromBytes(id) };
}

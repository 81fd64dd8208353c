import { EntmootError } from "../../core/errors.ts";
import { MessageId } from "../../core/ids.ts";
import type { TimePlace } from "../../core/order/time-place.ts";
import { compilePattern, indexedTopics, RESERVED_ROOT } from "../../core/policy/topic.ts";
import { decodeMessage } from "../../core/record/message.ts";
import { SaltedMap } from "../../core/salted-map.ts";
import type { NewMessage } from "../group-store.ts";
import { type Bound, compareBounds, type TimeRange } from "../time-range.ts";
import { RowReader, SEQ } from "./row-reader.ts";
import type { Sql, SqliteFile } from "./sqlite-file.ts";

/** Ours. A pattern that covers more topics than this is answered by walking the messages instead. */
const MERGED_TOPICS_MAX = 256;
/** Ours. Topics held against a pattern, of which members make as many as they like. */
const CANDIDATES_MAX = 2048;
/** Ours. Numbers of topics remembered between batches. */
const NUMBERS_KEPT = 4096;

/** Where a message found by topic is. */
export interface TopicHit extends Bound {
  readonly seq: number;
}

/** Where a message of some topic stands in the time order. */
export interface TopicPlace {
  readonly timestamp: bigint;
  readonly author: number;
  readonly id: MessageId;
}

export interface TopicCount {
  topic: string;
  messages: number;
  latest: bigint;
}

/** Which messages have which topics, in the time order of views per topic, with a count and the latest of each. */
export class SqliteTopicIndex {
  readonly #rows: RowReader;
  readonly #number: Sql;
  readonly #nameOf: Sql;
  readonly #names: Sql;
  readonly #namesFrom: Sql;
  readonly #create: Sql;
  readonly #count: Sql;
  readonly #insert: Sql;
  readonly #top: Sql;
  readonly #ascending: Sql;
  readonly #descending: Sql;
  readonly #delete: Sql;
  readonly #renumber: Sql;
  readonly #recount: Sql;
  readonly #drop: Sql;
  readonly #numbers = new SaltedMap<string, number>();

  constructor(file: SqliteFile) {
    this.#rows = new RowReader(file.path, "message_topics");
    this.#number = file.prepare("SELECT number FROM topics WHERE topic = ?1");
    this.#nameOf = file.prepare("SELECT topic FROM topics WHERE number = ?1");
    this.#names = file.prepare(`SELECT topic, number FROM topics LIMIT ${CANDIDATES_MAX + 1}`);
    this.#namesFrom = file.prepare(
      `SELECT topic, number FROM topics WHERE topic = ?1 OR (topic >= ?1 || '/' AND topic < ?1 || '0')
      LIMIT ${CANDIDATES_MAX + 1}`,
    );
    this.#create = file.prepare("INSERT INTO topics (topic, messages, latest) VALUES (?1, 0, ?2)");
    this.#count = file.prepare(
      "UPDATE topics SET messages = messages + ?2, latest = max(latest, ?3) WHERE number = ?1",
    );
    this.#insert = file.prepare("INSERT OR IGNORE INTO message_topics VALUES (?1, ?2, ?3, ?4, ?5)");
    this.#top = file.prepare(
      `SELECT topic, messages, latest FROM topics
      WHERE ?2 OR NOT (topic = '${RESERVED_ROOT}' OR (topic >= '${RESERVED_ROOT}/' AND topic < '${RESERVED_ROOT}0'))
      ORDER BY messages DESC, latest DESC, topic LIMIT ?1`,
      "bigint",
    );
    const within = `SELECT timestamp, author, id, seq FROM message_topics WHERE topic = ?1
      AND (timestamp, author, id) >= (?2, ?3, ?4) AND (timestamp, author, id) < (?5, ?6, ?7)`;
    this.#ascending = file.prepare(`${within} ORDER BY timestamp, author, id LIMIT ?8`, "bigint");
    this.#descending = file.prepare(`${within} ORDER BY timestamp DESC, author DESC, id DESC LIMIT ?8`, "bigint");
    this.#delete = file.prepare(
      "DELETE FROM message_topics WHERE topic = ?1 AND timestamp = ?2 AND author = ?3 AND id = ?4",
    );
    this.#renumber = file.prepare(
      "UPDATE message_topics SET seq = ?5 WHERE topic = ?1 AND timestamp = ?2 AND author = ?3 AND id = ?4",
    );
    this.#recount = file.prepare(`UPDATE topics SET messages = messages - ?2,
      latest = coalesce((SELECT timestamp FROM message_topics WHERE topic = ?1 ORDER BY timestamp DESC LIMIT 1), latest) WHERE number = ?1`);
    this.#drop = file.prepare("DELETE FROM topics WHERE number = ?1 AND messages <= 0");
  }

  /**
   * Call within the transaction that stores the messages. `seqs`: their numbers, `undefined` for those not stored;
   * `arrivals`: where views place those whose date lies ahead.
   */
  add(
    messages: readonly NewMessage[],
    seqs: readonly (number | undefined)[],
    arrivals: ReadonlyMap<MessageId, bigint>,
  ): void {
    const counts = new Map<number, { messages: number; latest: bigint }>();
    for (const [at, { topics, author_node_id, id, ...message }] of messages.entries()) {
      const seq = seqs[at];
      if (seq === undefined || topics.length === 0) continue;
      const timestamp = arrivals.get(id) ?? message.timestamp;
      const bytes = Uint8Array.fromHex(id);
      for (const topic of indexedTopics(topics)) {
        const number = this.numberOf(topic, timestamp);
        this.#insert.run(number, timestamp, author_node_id, bytes, seq);
        const count = counts.get(number);
        if (!count) counts.set(number, { messages: 1, latest: timestamp });
        else {
          count.messages += 1;
          if (timestamp > count.latest) count.latest = timestamp;
        }
      }
    }
    for (const [number, { messages: added, latest }] of counts) this.#count.run(number, added, latest);
  }

  /** Call when a transaction that called `add` or `drop` did not commit, or when something was pruned since. */
  forgetNumbers(): void {
    this.#numbers.clear();
  }

  /** Call within the transaction that prunes: the messages at these places are no more. */
  drop(topic: string, places: readonly TopicPlace[]): void {
    const number = this.#number.row(topic)?.[0];
    if (typeof number !== "number") return;
    let gone = 0;
    for (const { author, id, timestamp } of places) {
      gone += this.#delete.run(number, timestamp, author, Uint8Array.fromHex(id)).changes;
    }
    this.#recount.run(number, gone);
    if (this.#drop.run(number).changes > 0) this.#numbers.delete(topic);
  }

  /** Call within the transaction that gives the message at this place another number. */
  renumber(topics: readonly string[], { author_node_id, id, timestamp }: TimePlace, seq: number): void {
    for (const topic of indexedTopics(topics)) {
      this.#renumber.run(this.numberOf(topic, timestamp), timestamp, author_node_id, MessageId.toBytes(id), seq);
    }
  }

  /** Call within the transaction that gives the message at this place another place in time. */
  move(
    topics: readonly string[],
    { author_node_id, id, timestamp }: TimePlace,
    to: { seq: number; timestamp: bigint },
  ): void {
    const bytes = MessageId.toBytes(id);
    for (const topic of indexedTopics(topics)) {
      const number = this.numberOf(topic, to.timestamp);
      this.#delete.run(number, timestamp, author_node_id, bytes);
      this.#insert.run(number, to.timestamp, author_node_id, bytes, to.seq);
      this.#recount.run(number, 0);
    }
  }

  /** Most used first, then latest, then by name. */
  top(limit: number, { reserved }: { readonly reserved: boolean }): TopicCount[] {
    return this.#top.rows(limit, reserved ? 1 : 0).map(([topic, messages, latest]) => ({
      topic: this.#rows.text(topic, topic),
      messages: this.#rows.number(messages, topic),
      latest: this.#rows.int64(latest, topic),
    }));
  }

  /** `undefined` for a number that no topic has. */
  nameOf(number: number): string | undefined {
    const [name] = this.#nameOf.row(number) ?? [];
    return name === undefined ? undefined : this.#rows.text(name, number);
  }

  /** Numbers of the topics `pattern` covers; `undefined` when they are too many to look through or merge. Throws `invalid_argument`. */
  matching(pattern: string): number[] | undefined {
    const matches = compilePattern(pattern);
    const segments = pattern.split("/");
    const wild = segments.findIndex((segment) => segment === "+" || segment === "#");
    const literal = (wild < 0 ? segments : segments.slice(0, wild)).join("/");
    const rows = wild < 0 ? this.#number.rows(pattern).map(([n]) => [pattern, n!]) : this.#candidates(literal);
    if (rows.length > CANDIDATES_MAX) return undefined;
    const numbers: number[] = [];
    for (const [topic, number] of rows) {
      if (!matches(this.#rows.text(topic, number))) continue;
      if (numbers.length === MERGED_TOPICS_MAX) return undefined;
      numbers.push(this.#rows.number(number, topic));
    }
    return numbers;
  }

  /** The first `limit` places in `range` that have one of the topics, each once, in `order`. */
  find(request: { topics: readonly number[]; range: TimeRange; order: "asc" | "desc"; limit: number }): TopicHit[] {
    const { topics, range, order, limit } = request;
    const { lo, hi } = range;
    const sql = order === "asc" ? this.#ascending : this.#descending;
    const hits = new Map<number, TopicHit>();
    for (const topic of topics) {
      const rows = sql.rows(topic, lo.timestamp, lo.author, lo.id, hi.timestamp, hi.author, hi.id, limit);
      for (const [timestamp, by, id, seq] of rows) {
        const hit = {
          timestamp: this.#rows.int64(timestamp, id),
          author: this.#rows.number(by, id),
          id: this.#rows.bytes(id, id, 32),
          seq: this.#rows.number(seq, id, SEQ),
        };
        hits.set(hit.seq, hit);
      }
    }
    const sorted = [...hits.values()].sort(compareBounds);
    if (order === "desc") sorted.reverse();
    return sorted.slice(0, limit);
  }

  #candidates(literal: string) {
    return literal === "" ? this.#names.rows() : this.#namesFrom.rows(literal);
  }

  /** Call within a transaction; a topic that is new gets one. */
  numberOf(topic: string, timestamp: bigint): number {
    const known = this.#numbers.get(topic);
    if (known !== undefined) return known;
    const found = this.#number.row(topic)?.[0];
    const number = typeof found === "number" ? found : this.#create.run(topic, timestamp).lastInsertRowid;
    if (this.#numbers.size >= NUMBERS_KEPT) this.#numbers.clear();
    this.#numbers.set(topic, number);
    return number;
  }
}

/** The topics of a stored message that are in the index. One that cannot be read has none: its rows in the index lead nowhere and do no harm. */
export function topicsOf(canonical: unknown): readonly string[] {
  try {
    return canonical instanceof Uint8Array ? indexedTopics(decodeMessage(canonical).topics) : [];
  } catch (error) {
    if (!(error instanceof EntmootError)) throw error;
    return [];
  }
}

import { indexedTopics } from "../../core/policy/topic.ts";
import {
  type CountedMessage,
  type HoursAsked,
  hourOf,
  type MessageStats,
  type MessageTallies,
  type MessageTally,
} from "../search-store.ts";
import { StatsSum } from "../stats-sum.ts";
import { RowReader } from "./row-reader.ts";
import type { Sql, SqliteFile } from "./sqlite-file.ts";
import type { SqliteTopicIndex } from "./sqlite-topic-index.ts";

/** Ours. Rows of one step: a few milliseconds. */
const STEP_ROWS = 8192;
/** Hours are within int64 milliseconds. */
const HOUR = { min: -2_562_047_788_016, max: 2_562_047_788_016 };

/** How many messages there are by hour, author and topic, inside the transactions of `SqliteMessageStore`. */
export class SqliteTallies implements MessageTallies {
  readonly #rows: RowReader;
  readonly #topics: SqliteTopicIndex;
  readonly #countAuthor: Sql;
  readonly #countTopic: Sql;
  readonly #dropAuthor: Sql;
  readonly #dropTopic: Sql;
  readonly #ends: Sql;
  readonly #authorRows: Sql;
  readonly #topicRows: Sql;
  readonly #file: SqliteFile;

  constructor(file: SqliteFile, topics: SqliteTopicIndex) {
    this.#file = file;
    this.#rows = new RowReader(file.path, "hour_authors");
    this.#topics = topics;
    const [author, topic] = (["author", "topic"] as const).map((of) => ({
      count: file.prepare(
        `INSERT INTO hour_${of}s VALUES (?1, ?2, ?3, ?4)
        ON CONFLICT DO UPDATE SET messages = messages + excluded.messages, bytes = bytes + excluded.bytes`,
      ),
      drop: file.prepare(`DELETE FROM hour_${of}s WHERE hour = ?1 AND ${of} = ?2 AND messages <= 0`),
      rows: file.prepare(
        `SELECT hour, ${of}, messages, bytes FROM hour_${of}s WHERE (hour, ${of}) > (?1, ?2) AND hour < ?3
        ORDER BY hour, ${of} LIMIT ${STEP_ROWS}`,
      ),
    }));
    this.#countAuthor = author!.count;
    this.#dropAuthor = author!.drop;
    this.#authorRows = author!.rows;
    this.#countTopic = topic!.count;
    this.#dropTopic = topic!.drop;
    this.#topicRows = topic!.rows;
    this.#ends = file.prepare("SELECT (SELECT min(hour) FROM hour_authors), (SELECT max(hour) FROM hour_authors)");
  }

  hours(): { first: number; last: number } | undefined {
    const [first, last] = this.#ends.row() ?? [];
    if (first === null || first === undefined) return undefined;
    return { first: this.#rows.number(first, "first", HOUR), last: this.#rows.number(last, "last", HOUR) };
  }

  *statsInSteps({ from, step, to }: HoursAsked): Generator<undefined, MessageStats> {
    const authors = new StatsSum<number>();
    const numbers = new StatsSum<number>();
    const steps = new Map<number, MessageTally>();
    for (let after: readonly [number, number] | undefined = [from, -1]; after !== undefined; ) {
      after = this.#step(this.#authorRows, after, to, (hour, author, messages, bytes) => {
        authors.add(author, messages, bytes);
        const start = from + Math.floor((hour - from) / step) * step;
        const sum = steps.get(start);
        if (sum === undefined) steps.set(start, { messages, bytes });
        else {
          sum.messages += messages;
          sum.bytes += bytes;
        }
      });
      yield;
    }
    for (let after: readonly [number, number] | undefined = [from, -1]; after !== undefined; ) {
      after = this.#step(this.#topicRows, after, to, (_, number, messages, bytes) =>
        numbers.add(number, messages, bytes),
      );
      yield;
    }
    const topics = new Map<string, MessageTally>();
    for (const [number, tally] of numbers.sums) {
      const name = this.#topics.nameOf(number);
      if (name !== undefined) topics.set(name, tally);
    }
    return { authors: authors.sums, topics, steps, isCut: authors.isCut || numbers.isCut };
  }

  /** Call within the transaction that takes these in, after their topics are known. */
  add(counted: readonly CountedMessage[]): void {
    this.#change(counted, 1);
  }

  /** Call within the transaction that takes these out, before their topics are dropped. */
  drop(counted: readonly CountedMessage[]): void {
    this.#change(counted, -1);
  }

  #change(counted: readonly CountedMessage[], sign: 1 | -1): void {
    const authors = new Map<string, TallyChange>();
    const topics = new Map<string, TallyChange>();
    for (const { author, bytes, timestamp, topics: named } of counted) {
      const hour = hourOf(timestamp);
      sum(authors, { hour, of: author, bytes });
      for (const topic of indexedTopics(named)) {
        sum(topics, { hour, of: this.#topics.numberOf(topic, timestamp), bytes });
      }
    }
    this.#write(authors.values(), sign, this.#countAuthor, this.#dropAuthor);
    this.#write(topics.values(), sign, this.#countTopic, this.#dropTopic);
  }

  #write(changes: Iterable<TallyChange>, sign: 1 | -1, count: Sql, drop: Sql): void {
    for (const { bytes, hour, messages, of } of changes) {
      count.run(hour, of, sign * messages, sign * bytes);
      if (sign < 0) drop.run(hour, of);
    }
  }

  #step(
    sql: Sql,
    after: readonly [number, number],
    to: number,
    each: (hour: number, of: number, messages: number, bytes: number) => void,
  ): readonly [number, number] | undefined {
    const rows = this.#file.snapshot(() => sql.rows(...after, to));
    let last: readonly [number, number] = after;
    for (const [hour, of, messages, bytes] of rows) {
      last = [this.#rows.number(hour, hour, HOUR), this.#rows.number(of, hour)];
      each(...last, this.#rows.number(messages, hour), this.#rows.number(bytes, hour));
    }
    return rows.length < STEP_ROWS ? undefined : last;
  }
}

interface TallyChange {
  readonly hour: number;
  readonly of: number;
  messages: number;
  bytes: number;
}

function sum(changes: Map<string, TallyChange>, { bytes, hour, of }: Omit<TallyChange, "messages">): void {
  const key = `${hour} ${of}`;
  const change = changes.get(key);
  if (change === undefined) changes.set(key, { hour, of, messages: 1, bytes });
  else {
    change.messages += 1;
    change.bytes += bytes;
  }
}

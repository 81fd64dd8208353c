import { RECORD_BYTES_MAX } from "../store-limits.ts";
import { placeAfter, type TimeRange } from "../time-range.ts";
import { RowReader } from "./row-reader.ts";
import type { Sql, SqliteFile, SqlValue } from "./sqlite-file.ts";

/** Ours. Rows a page of the index holds while loading; bounds what one page costs in memory. */
const PAGE_ROWS = 4096;

const TIMESTAMP = `CASE WHEN timestamp BETWEEN -9007199254740991 AND 9007199254740991
  THEN timestamp ELSE CAST(timestamp AS TEXT) END`;

/** What an order needs of one message; `parents` end to end, 32 bytes each. */
export type Visit = (id: Uint8Array, timestamp: bigint | number, author: number, parents: Uint8Array) => void;

/** Reads what orders are made of, without the bodies. */
export class OrderRows {
  readonly #file: SqliteFile;
  readonly #rows: RowReader;
  readonly #page: Sql;
  readonly #arrived: Sql;

  constructor(file: SqliteFile) {
    this.#file = file;
    this.#rows = new RowReader(file.path, "messages");
    this.#page = file.prepare(`SELECT id, ${TIMESTAMP}, author, parents FROM messages
      WHERE (timestamp, author, id) >= (?1, ?2, ?3) AND (timestamp, author, id) < (?4, ?5, ?6)
      ORDER BY timestamp, author, id LIMIT ?7`);
    this.#arrived = file.prepare(`SELECT id, ${TIMESTAMP}, author, parents, seq FROM messages
      WHERE seq > ?1 ORDER BY seq LIMIT ${PAGE_ROWS}`);
  }

  /** All of `range` in time order, as of one instant. */
  each(range: TimeRange, visit: Visit): void {
    this.#file.snapshot(() => {
      for (let rest: TimeRange | undefined = range; rest !== undefined; ) rest = this.page(rest, PAGE_ROWS, visit);
    });
  }

  /** What `work` reads is as of one instant. */
  together<T>(work: () => T): T {
    return this.#file.snapshot(work);
  }

  /** The first `limit` of `range` in time order; gives what is left, `undefined` when nothing is. */
  page({ hi, lo }: TimeRange, limit: number, visit: Visit): TimeRange | undefined {
    const rows = this.#page.rows(lo.timestamp, lo.author, lo.id, hi.timestamp, hi.author, hi.id, limit);
    for (const row of rows) this.#read(row, visit);
    if (rows.length < limit) return undefined;
    const [id, timestamp, author] = rows.at(-1)!;
    const last = { timestamp: BigInt(timestamp as string), author: author as number, id: id as Uint8Array };
    return { lo: placeAfter(last), hi };
  }

  /** What has a number above `seq`, as it arrived. */
  arrivedAfter(seq: number, visit: Visit): void {
    for (let after = seq; ; ) {
      const rows = this.#arrived.rows(after);
      for (const row of rows) this.#read(row, visit);
      if (rows.length < PAGE_ROWS) return;
      after = rows.at(-1)![4] as number;
    }
  }

  #read([id, timestamp, author, parents]: SqlValue[], visit: Visit): void {
    const rows = this.#rows;
    const node = rows.bytes(id, id, 32);
    const edges = rows.bytes(parents, id, { min: 0, max: RECORD_BYTES_MAX });
    if (edges.length % 32 !== 0) rows.bytes(parents, id, edges.length - (edges.length % 32));
    const time = typeof timestamp === "string" ? BigInt(timestamp) : rows.number(timestamp, id, SAFE);
    visit(node, time, rows.number(author, id, UINT32), edges);
  }
}

const SAFE = { min: Number.MIN_SAFE_INTEGER };
const UINT32 = { max: 0xffffffff };

import type { MessageId } from "../../core/ids.ts";
import { IncrementalOrder } from "../../core/order/incremental-order.ts";
import { MessageSet } from "../../core/order/message-set.ts";
import type { NewMessage } from "../group-store.ts";
import { RECORD_BYTES_MAX } from "../store-limits.ts";
import { placeAfter, type TimeRange, timeRange } from "../time-range.ts";
import { RowReader } from "./row-reader.ts";
import type { Sql, SqliteFile, SqlValue } from "./sqlite-file.ts";

/**
 * What the set of held messages was at one instant; two equal stamps mean equal sets. Numbers given out and prunings only
 * grow, and so do messages let in again, which is what the three of them say together.
 */
export interface SetStamp {
  readonly seq: number;
  /** Ever, whether let in again or not. */
  readonly pruned: number;
  readonly held: number;
}

export function sameStamp(a: SetStamp, b: SetStamp): boolean {
  return a.seq === b.seq && a.pruned === b.pruned && a.held === b.held;
}

/** Ours. Rows a page of the index holds while loading; bounds what one page costs in memory. */
const PAGE_ROWS = 4096;

/** Ours. The same where others get their turn between two: some two milliseconds. */
const STEP_ROWS = 512;

const TIMESTAMP = `CASE WHEN timestamp BETWEEN -9007199254740991 AND 9007199254740991
  THEN timestamp ELSE CAST(timestamp AS TEXT) END`;

/**
 * The order over the messages of a group and its Merkle tree, in memory from the first time
 * someone needs it, and kept in step with the database, also when another process writes.
 */
export class SqliteOrder {
  readonly #file: SqliteFile;
  readonly #rows: RowReader;
  readonly #page: Sql;
  readonly #step: Sql;
  readonly #arrived: Sql;
  #set: MessageSet | undefined;
  #stamp: SetStamp = { seq: 0, pruned: 0, held: 0 };
  /** Pruned, and still in the set. */
  #gone: MessageId[] = [];
  readonly #range: TimeRange;
  readonly #since: bigint | undefined;

  /** `since`: the set is of the messages from then on alone (Unix milliseconds). */
  constructor(file: SqliteFile, since?: bigint) {
    this.#range = timeRange(since, undefined);
    this.#since = since;
    this.#file = file;
    this.#rows = new RowReader(file.path, "messages");
    const paged = `SELECT id, ${TIMESTAMP}, author, parents FROM messages
      WHERE (timestamp, author, id) >= (?1, ?2, ?3) AND (timestamp, author, id) < (?4, ?5, ?6)
      ORDER BY timestamp, author, id LIMIT`;
    this.#page = file.prepare(`${paged} ${PAGE_ROWS}`);
    this.#step = file.prepare(`${paged} ${STEP_ROWS}`);
    this.#arrived = file.prepare(`SELECT id, ${TIMESTAMP}, author, parents, seq FROM messages
      WHERE seq > ?1 ORDER BY seq LIMIT ${PAGE_ROWS}`);
  }

  /** The set as the database had it at `stamp`, which the caller just read. */
  at(stamp: SetStamp): MessageSet {
    const known = this.#upToDate();
    const before = this.#stamp;
    const onlyGrew = stamp.pruned === before.pruned && stamp.held - before.held === stamp.seq - before.seq;
    if (known && onlyGrew && stamp.seq >= before.seq) {
      if (stamp.seq > this.#stamp.seq) this.#catchUp(known);
    } else {
      const set = new MessageSet(crypto.getRandomValues(new Uint32Array(1))[0]!);
      if (this.#since === undefined) set.reserve(stamp.held);
      this.#each(this.#range, (id, timestamp, author, parents) => set.addBytes(id, timestamp, author, parents));
      this.#set = set;
    }
    this.#stamp = stamp;
    return this.#set!;
  }

  /** The set if it is in memory and is that of `stamp`. */
  loaded(stamp: SetStamp): MessageSet | undefined {
    return sameStamp(this.#stamp, stamp) ? this.#upToDate() : undefined;
  }

  /** Call after the commit that led from `before` to `after` by storing `messages`. */
  stored(messages: readonly NewMessage[], before: SetStamp, after: SetStamp): void {
    const set = this.loaded(before);
    if (!set) return;
    for (const { id, timestamp, author_node_id, parents } of messages) {
      if (this.#since !== undefined && timestamp < this.#since) continue;
      set.add({ id, timestamp, author: author_node_id, parents });
    }
    this.#stamp = after;
  }

  /** Call after the commit that led from `before` to `after` by pruning `ids`. */
  pruned(ids: readonly MessageId[], before: SetStamp, after: SetStamp): void {
    if (this.#set === undefined || !sameStamp(this.#stamp, before)) return;
    // Removing costs a pass over the set, and messages go in many small pieces.
    for (const id of ids) this.#gone.push(id);
    this.#stamp = after;
  }

  #upToDate(): MessageSet | undefined {
    if (this.#gone.length > 0) this.#set?.remove(this.#gone);
    this.#gone = [];
    return this.#set;
  }

  /** Ids of the messages in `range` in the topological order they have among themselves. */
  idsIn(range: TimeRange): MessageId[] {
    const order = new IncrementalOrder(crypto.getRandomValues(new Uint32Array(1))[0]!);
    this.#each(range, (id, timestamp, author, parents) => order.insert(id, timestamp, author, parents));
    return [...order.ids(0)];
  }

  /** The same as bytes, about `count` of them, a page of the index at a step. Other work may come between: a message it adds or removes may be in it or not. */
  *idsInSteps({ hi, lo: first }: TimeRange, count: number): Generator<undefined, Uint8Array> {
    const order = new IncrementalOrder(crypto.getRandomValues(new Uint32Array(1))[0]!);
    order.reserve(count);
    for (let lo: TimeRange["lo"] | undefined = first; lo !== undefined; ) {
      const rows = this.#step.rows(lo.timestamp, lo.author, lo.id, hi.timestamp, hi.author, hi.id);
      for (const row of rows) {
        this.#read(row, (id, timestamp, author, parents) => order.insert(id, timestamp, author, parents));
      }
      lo = rows.length < STEP_ROWS ? undefined : placeBehind(rows.at(-1)!);
      yield;
    }
    return order.idBytes();
  }

  #catchUp(set: MessageSet): void {
    for (let after = this.#stamp.seq; ; ) {
      const rows = this.#arrived.rows(after);
      for (const row of rows) {
        this.#read(row, (id, timestamp, author, parents) => {
          if (this.#since === undefined || timestamp >= this.#since) set.addBytes(id, timestamp, author, parents);
        });
      }
      if (rows.length < PAGE_ROWS) return;
      after = rows.at(-1)![4] as number;
    }
  }

  #each(range: TimeRange, visit: Visit): void {
    const { hi } = range;
    let { lo } = range;
    this.#file.snapshot(() => {
      for (;;) {
        const rows = this.#page.rows(lo.timestamp, lo.author, lo.id, hi.timestamp, hi.author, hi.id);
        for (const row of rows) this.#read(row, visit);
        if (rows.length < PAGE_ROWS) return;
        lo = placeBehind(rows.at(-1)!);
      }
    });
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

type Visit = (id: Uint8Array, timestamp: bigint | number, author: number, parents: Uint8Array) => void;

const SAFE = { min: Number.MIN_SAFE_INTEGER };
const UINT32 = { max: 0xffffffff };

/** Where the page behind the one that ends with `row` begins. */
function placeBehind([id, timestamp, author]: SqlValue[]): TimeRange["lo"] {
  return placeAfter({ timestamp: BigInt(timestamp as string), author: author as number, id: id as Uint8Array });
}

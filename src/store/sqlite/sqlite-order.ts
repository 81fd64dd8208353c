import type { MessageId } from "../../core/ids.ts";
import { IncrementalOrder } from "../../core/order/incremental-order.ts";
import { MessageSet } from "../../core/order/message-set.ts";
import type { NewMessage } from "../group-store.ts";
import { type TimeRange, timeRange } from "../time-range.ts";
import { OrderRows } from "./order-rows.ts";
import type { SqliteFile } from "./sqlite-file.ts";

/**
 * What the set of held messages was at one instant; two equal stamps mean equal sets. Numbers given out and prunings only
 * grow, and so do messages let in again, which is what the three of them say together.
 */
export interface SetStamp {
  readonly seq: number;
  /** Ever, whether let in again or not. */
  readonly pruned: number;
  readonly held: number;
  /** Ever set apart, whether they have a place in the log by now or not. */
  readonly apart: number;
}

export function sameStamp(a: SetStamp, b: SetStamp): boolean {
  return a.seq === b.seq && a.pruned === b.pruned && a.held === b.held && a.apart === b.apart;
}

/** Ours. Rows a step reads where others get their turn between two: some two milliseconds. */
const STEP_ROWS = 512;

/**
 * The order over the messages of a group and its Merkle tree, in memory from the first time
 * someone needs it, and kept in step with the database, also when another process writes.
 */
export class SqliteOrder {
  readonly #rows: OrderRows;
  #set: MessageSet | undefined;
  #stamp: SetStamp = { seq: 0, pruned: 0, held: 0, apart: 0 };
  /** Pruned, and still in the set. */
  #gone: MessageId[] = [];

  constructor(file: SqliteFile) {
    this.#rows = new OrderRows(file);
  }

  /** The set as the database had it at `stamp`, which the caller just read. */
  at(stamp: SetStamp): MessageSet {
    const known = this.#upToDate();
    const before = this.#stamp;
    const isLogged = stamp.pruned === before.pruned && stamp.apart === before.apart;
    const onlyGrew = isLogged && stamp.held - before.held === stamp.seq - before.seq;
    if (known && onlyGrew && stamp.seq >= before.seq) {
      if (stamp.seq > before.seq) {
        this.#rows.arrivedAfter(before.seq, (id, timestamp, author, parents) =>
          known.addBytes(id, timestamp, author, parents),
        );
      }
    } else {
      const set = new MessageSet(crypto.getRandomValues(new Uint32Array(1))[0]!);
      set.reserve(stamp.held);
      this.#rows.each(ALL, (id, timestamp, author, parents) => set.addBytes(id, timestamp, author, parents));
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
    this.#rows.each(range, (id, timestamp, author, parents) => order.insert(id, timestamp, author, parents));
    return [...order.ids(0)];
  }

  /** The same as bytes, about `count` of them, a page of the index at a step. Other work may come between: a message it adds or removes may be in it or not. */
  *idsInSteps(range: TimeRange, count: number): Generator<undefined, Uint8Array> {
    const order = new IncrementalOrder(crypto.getRandomValues(new Uint32Array(1))[0]!);
    order.reserve(count);
    for (let rest: TimeRange | undefined = range; rest !== undefined; ) {
      rest = this.#rows.page(rest, STEP_ROWS, (id, timestamp, author, parents) =>
        order.insert(id, timestamp, author, parents),
      );
      yield;
    }
    return order.idBytes();
  }
}

const ALL = timeRange(undefined, undefined);

import type { MessageId } from "../../core/ids.ts";
import { IncrementalOrder } from "../../core/order/incremental-order.ts";
import type { MessageSet } from "../../core/order/message-set.ts";
import type { NewMessage } from "../group-store.ts";
import type { TimeRange } from "../time-range.ts";
import { OrderRows } from "./order-rows.ts";
import { type SetStamp, sameStamp } from "./set-stamp.ts";
import type { SqliteFile } from "./sqlite-file.ts";
import { SqliteOrderLoad } from "./sqlite-order-load.ts";

/** Ours. Rows a step reads where others get their turn between two: some two milliseconds. */
const STEP_ROWS = 512;

/** Ours. The same where nobody else gets one. */
const PASS_ROWS = 4096;

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
  #load: SqliteOrderLoad | undefined;

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
      this.#stamp = stamp;
      return known;
    }
    // What was begun in steps is gone on with; nobody else gets a turn before it is done.
    return this.#rows.together(() => {
      let set: MessageSet | undefined;
      while (set === undefined) set = this.load(stamp, PASS_ROWS);
      return set;
    });
  }

  /** The set of `stamp`, which the caller just read, once calls for it have read all; this one reads at most `limit` messages. */
  load(stamp: SetStamp, limit: number): MessageSet | undefined {
    const known = this.loaded(stamp);
    if (known !== undefined) return known;
    if (limit === 0) return undefined;
    if (this.#load?.isAt(stamp) !== true) this.#load = new SqliteOrderLoad(this.#rows, stamp);
    const set = this.#load.read(limit);
    if (set === undefined) return undefined;
    this.#load = undefined;
    this.#gone = [];
    this.#set = set;
    this.#stamp = stamp;
    return set;
  }

  /** The set if it is in memory and is that of `stamp`. */
  loaded(stamp: SetStamp): MessageSet | undefined {
    return sameStamp(this.#stamp, stamp) ? this.#upToDate() : undefined;
  }

  /** Call after the commit that led from `before` to `after` by storing `messages`. */
  stored(messages: readonly NewMessage[], before: SetStamp, after: SetStamp): void {
    this.#load?.stored(messages, before, after);
    const set = this.loaded(before);
    if (!set) return;
    for (const { id, timestamp, author_node_id, parents } of messages) {
      set.add({ id, timestamp, author: author_node_id, parents });
    }
    this.#stamp = after;
  }

  /** Call after the commit that led from `before` to `after` by pruning `ids`. */
  pruned(ids: readonly MessageId[], before: SetStamp, after: SetStamp): void {
    this.#load?.pruned(ids, before, after);
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

import { MessageId } from "../../core/ids.ts";
import { MessageSet } from "../../core/order/message-set.ts";
import type { NewMessage } from "../group-store.ts";
import { compareBounds, type TimeRange, timeRange } from "../time-range.ts";
import type { OrderRows } from "./order-rows.ts";
import { type SetStamp, sameStamp } from "./set-stamp.ts";

/** The set of all messages while it is read, in steps between which others read and write, and kept in step with what is written. */
export class SqliteOrderLoad {
  readonly #rows: OrderRows;
  readonly #set = new MessageSet(crypto.getRandomValues(new Uint32Array(1))[0]!);
  #stamp: SetStamp;
  /** Not read yet, in time order. */
  #rest: TimeRange = timeRange(undefined, undefined);
  /** Pruned meanwhile, whether they were read before or not. */
  readonly #gone: MessageId[] = [];

  /** `stamp`: what the database holds, just read. */
  constructor(rows: OrderRows, stamp: SetStamp) {
    this.#rows = rows;
    this.#stamp = stamp;
    this.#set.reserve(stamp.held);
  }

  /** Whether it is of what the database holds at `stamp`. When not, it stays so. */
  isAt(stamp: SetStamp): boolean {
    return sameStamp(this.#stamp, stamp);
  }

  /** Reads on, at most `limit` messages; the set once all are read. */
  read(limit: number): MessageSet | undefined {
    const set = this.#set;
    const rest = this.#rows.page(this.#rest, limit, (id, timestamp, author, parents) =>
      set.addBytes(id, timestamp, author, parents),
    );
    if (rest === undefined) {
      if (this.#gone.length > 0) set.remove(this.#gone);
      return set;
    }
    this.#rest = rest;
    // Messages come in time order, so little of the tree is hashed twice, and the last step has no more to hash than the first.
    set.root();
    return undefined;
  }

  /** Call after the commit that led from `before` to `after` by storing `messages`. */
  stored(messages: readonly NewMessage[], before: SetStamp, after: SetStamp): void {
    if (!this.isAt(before)) return;
    for (const { author_node_id: author, id, parents, timestamp } of messages) {
      // What stands in time order where nothing was read yet, a later step finds.
      if (compareBounds({ timestamp, author, id: MessageId.toBytes(id) }, this.#rest.lo) >= 0) continue;
      this.#set.add({ id, timestamp, author, parents });
    }
    this.#stamp = after;
  }

  /** Call after the commit that led from `before` to `after` by pruning `ids`. */
  pruned(ids: readonly MessageId[], before: SetStamp, after: SetStamp): void {
    if (!this.isAt(before)) return;
    for (const id of ids) this.#gone.push(id);
    this.#stamp = after;
  }
}

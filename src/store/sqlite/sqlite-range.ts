import { MerkleRoot, MessageId } from "../../core/ids.ts";
import type { CopyPart } from "../../core/order/copy-part.ts";
import { MessageSet } from "../../core/order/message-set.ts";
import type { NewMessage } from "../group-store.ts";
import { compareBounds, type TimeRange, timeRange } from "../time-range.ts";
import type { OrderRows } from "./order-rows.ts";
import { type SetStamp, sameStamp } from "./set-stamp.ts";

/**
 * The messages from some time on under their Merkle root, read in steps between which others read and write, and kept
 * in step with what is written.
 */
export class SqliteRange {
  readonly #rows: OrderRows;
  readonly #since: bigint;
  readonly #set = new MessageSet(crypto.getRandomValues(new Uint32Array(1))[0]!);
  #stamp: SetStamp;
  /** Not read yet, in time order; `undefined` once all is. */
  #rest: TimeRange | undefined;

  /** `stamp`: what the database holds, just read. */
  constructor(rows: OrderRows, since: bigint, stamp: SetStamp) {
    this.#rows = rows;
    this.#since = since;
    this.#stamp = stamp;
    this.#rest = timeRange(since, undefined);
  }

  /** Whether it is of what the database holds at `stamp`. When not, it stays so. */
  isAt(stamp: SetStamp): boolean {
    return sameStamp(this.#stamp, stamp);
  }

  /** Reads on, at most `limit` messages; the part once all are read. */
  read(limit: number): CopyPart | undefined {
    if (this.#rest !== undefined && limit > 0) {
      const set = this.#set;
      this.#rest = this.#rows.page(this.#rest, limit, (id, timestamp, author, parents) =>
        set.addBytes(id, timestamp, author, parents),
      );
      // Messages come in time order, so little of the tree is hashed twice, and the last step has no more to hash than the first.
      if (this.#rest !== undefined) set.root();
    }
    if (this.#rest !== undefined) return undefined;
    return { root: this.#set.size === 0 ? MerkleRoot.zero : this.#set.root(), count: this.#set.size };
  }

  /** Call after the commit that led from `before` to `after` by storing `messages`. */
  stored(messages: readonly NewMessage[], before: SetStamp, after: SetStamp): void {
    if (!this.isAt(before)) return;
    for (const message of messages) if (this.#isRead(message)) this.#add(message);
    this.#stamp = after;
  }

  /** Call after the commit that led from `before` to `after` by pruning `ids`. */
  pruned(ids: readonly MessageId[], before: SetStamp, after: SetStamp): void {
    // What begins before the cut-off is asked for no more: not worth hashing anew.
    if (this.isAt(before) && !ids.some((id) => this.#set.has(id))) this.#stamp = after;
  }

  /** Whether its place in time order is behind us; else a later step finds it. */
  #isRead({ author_node_id, id, timestamp }: NewMessage): boolean {
    if (timestamp < this.#since) return false;
    if (this.#rest === undefined) return true;
    return compareBounds({ timestamp, author: author_node_id, id: MessageId.toBytes(id) }, this.#rest.lo) < 0;
  }

  #add({ author_node_id, id, parents, timestamp }: NewMessage): void {
    this.#set.add({ id, timestamp, author: author_node_id, parents });
  }
}

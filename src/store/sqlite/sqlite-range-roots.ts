import { MerkleRoot, type MessageId } from "../../core/ids.ts";
import type { CopyPart } from "../../core/order/copy-part.ts";
import type { NewMessage } from "../group-store.ts";
import { RowReader } from "./row-reader.ts";
import type { Sql, SqliteFile } from "./sqlite-file.ts";
import { type SetStamp, SqliteOrder } from "./sqlite-order.ts";

/** Ours. Times from which a root is kept in step: this node's own, and two at which other members forget. */
const RANGES_MAX = 3;

/** Merkle roots over the messages from some time on, for members that have forgotten what is older. */
export class SqliteRangeRoots {
  readonly #file: SqliteFile;
  readonly #rows: RowReader;
  readonly #oldest: Sql;
  /** By the time they begin at, the one asked for longest ago first. */
  readonly #ranges = new Map<bigint, SqliteOrder>();

  constructor(file: SqliteFile) {
    this.#file = file;
    this.#rows = new RowReader(file.path, "messages");
    this.#oldest = file.prepare("SELECT timestamp FROM messages ORDER BY timestamp, author, id LIMIT 1", "bigint");
  }

  /** Nothing held is older than `since`. */
  isAll(since: bigint): boolean {
    const [oldest] = this.#oldest.row() ?? [];
    return oldest === undefined || this.#rows.int64(oldest, "oldest") >= since;
  }

  /** As `MessageStore.sharedSince`. `stamp`: what the database holds, just read. */
  part(since: bigint, stamp: SetStamp, build: boolean): CopyPart | undefined {
    const known = this.#ranges.get(since);
    if (known === undefined && !build) return undefined;
    const order = known ?? new SqliteOrder(this.#file, since);
    this.#ranges.delete(since);
    this.#ranges.set(since, order);
    const [eldest] = this.#ranges.keys();
    if (this.#ranges.size > RANGES_MAX) this.#ranges.delete(eldest!);
    const set = order.at(stamp);
    return { root: set.size === 0 ? MerkleRoot.zero : set.root(), count: set.size };
  }

  /** Call after the commit that led from `before` to `after` by storing `messages`. */
  stored(messages: readonly NewMessage[], before: SetStamp, after: SetStamp): void {
    for (const order of this.#ranges.values()) order.stored(messages, before, after);
  }

  /** Call after the commit that led from `before` to `after` by pruning `ids`. */
  pruned(ids: readonly MessageId[], before: SetStamp, after: SetStamp): void {
    for (const order of this.#ranges.values()) order.pruned(ids, before, after);
  }
}

import type { MessageId } from "../../core/ids.ts";
import type { CopyPart } from "../../core/order/copy-part.ts";
import type { NewMessage } from "../group-store.ts";
import { OrderRows } from "./order-rows.ts";
import { RowReader } from "./row-reader.ts";
import type { SetStamp } from "./set-stamp.ts";
import type { Sql, SqliteFile } from "./sqlite-file.ts";
import { SqliteRange } from "./sqlite-range.ts";

/** Ours. Times from which a root is kept in step, or being made: this node's own, and two at which other members forget. */
const RANGES_MAX = 3;

/** Merkle roots over the messages from some time on, for members that have forgotten what is older. */
export class SqliteRangeRoots {
  readonly #rows: OrderRows;
  readonly #messages: RowReader;
  readonly #oldest: Sql;
  /** By the time they begin at, the one asked for longest ago first. */
  readonly #ranges = new Map<bigint, SqliteRange>();

  constructor(file: SqliteFile) {
    this.#rows = new OrderRows(file);
    this.#messages = new RowReader(file.path, "messages");
    this.#oldest = file.prepare("SELECT timestamp FROM messages ORDER BY timestamp, author, id LIMIT 1", "bigint");
  }

  /** Nothing held is older than `since`. */
  isAll(since: bigint): boolean {
    const [oldest] = this.#oldest.row() ?? [];
    return oldest === undefined || this.#messages.int64(oldest, "oldest") >= since;
  }

  /** As `MessageStore.sharedSince`. `stamp`: what the database holds, just read. */
  part(since: bigint, stamp: SetStamp, limit: number): CopyPart | undefined {
    const known = this.#ranges.get(since);
    const isKept = known?.isAt(stamp) ?? false;
    if (!isKept && limit === 0) return undefined;
    const range = isKept ? known! : new SqliteRange(this.#rows, since, stamp);
    this.#ranges.delete(since);
    this.#ranges.set(since, range);
    const [eldest] = this.#ranges.keys();
    if (this.#ranges.size > RANGES_MAX) this.#ranges.delete(eldest!);
    return range.read(limit);
  }

  /** Call after the commit that led from `before` to `after` by storing `messages`. */
  stored(messages: readonly NewMessage[], before: SetStamp, after: SetStamp): void {
    for (const range of this.#ranges.values()) range.stored(messages, before, after);
  }

  /** Call after the commit that led from `before` to `after` by pruning `ids`. */
  pruned(ids: readonly MessageId[], before: SetStamp, after: SetStamp): void {
    for (const range of this.#ranges.values()) range.pruned(ids, before, after);
  }
}

import type { MessageId } from "../../core/ids.ts";
import { PARENTS_MAX } from "../../core/order/order.ts";
import { comparePlaces, type TimePlace } from "../../core/order/time-place.ts";
import { RowReader } from "./row-reader.ts";
import { type SetStamp, sameStamp } from "./set-stamp.ts";
import type { Sql, SqliteFile, SqlValue } from "./sqlite-file.ts";

/** Which of `messages` are placed by their own dates. */
export const OWN_PLACE = "NOT EXISTS (SELECT 1 FROM ahead WHERE ahead.seq = messages.seq)";

/** The end of the time order without what is set apart or lay ahead when it came, as many messages as a new one has parents, kept in step with what is stored. */
export class NewestPlaces {
  readonly #rows: RowReader;
  readonly #newest: Sql;
  readonly #newestUpTo: Sql;
  #places: readonly TimePlace[] = [];
  #stamp: SetStamp | undefined;

  constructor(file: SqliteFile) {
    this.#rows = new RowReader(file.path, "messages");
    const newest = (where: string) =>
      file.prepare(
        `SELECT timestamp, author, id FROM messages WHERE timestamp >= 0 AND seq > 0 AND ${OWN_PLACE} ${where}
        ORDER BY timestamp DESC, author DESC, id DESC LIMIT ${PARENTS_MAX}`,
        "bigint",
      );
    this.#newest = newest("");
    this.#newestUpTo = newest("AND timestamp <= ?1");
  }

  /** Ascending, of those no later than `latest`, as the database has them now. */
  upTo(latest: bigint): readonly TimePlace[] {
    return this.#read(this.#newestUpTo.rows(latest));
  }

  /** What is placed where changed. */
  forget(): void {
    this.#stamp = undefined;
  }

  /** Ascending, as the database has them at `stamp`, which the caller just read. */
  at(stamp: SetStamp): readonly TimePlace[] {
    if (!this.#isAt(stamp)) {
      this.#places = this.#read(this.#newest.rows());
      this.#stamp = stamp;
    }
    return this.#places;
  }

  #read(rows: readonly SqlValue[][]): TimePlace[] {
    const places = rows.map(([timestamp, author, id]) => ({
      timestamp: this.#rows.int64(timestamp, id),
      author_node_id: this.#rows.number(author, id, { max: 0xffffffff }),
      id: this.#rows.hex32<MessageId>(id, id),
    }));
    return places.reverse();
  }

  /** Call after the commit that led from `before` to `after` by storing `messages` or giving them a place in the log. */
  stored(messages: readonly TimePlace[], before: SetStamp, after: SetStamp): void {
    if (!this.#isAt(before)) return;
    const newer = messages.filter(({ timestamp }) => timestamp >= 0n);
    // Only the keys are needed later; holding the body would hold the memory of a batch.
    const keys = newer.map(({ timestamp, author_node_id, id }) => ({ timestamp, author_node_id, id }));
    this.#places = [...this.#places, ...keys].sort(comparePlaces).slice(-PARENTS_MAX);
    this.#stamp = after;
  }

  #isAt(stamp: SetStamp): boolean {
    return this.#stamp !== undefined && sameStamp(this.#stamp, stamp);
  }
}

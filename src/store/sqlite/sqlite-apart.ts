import { PublicKey } from "../../core/ids.ts";
import { comparePlaces, type TimePlace } from "../../core/order/time-place.ts";
import { decodeMessage } from "../../core/record/message.ts";
import type { NewMessage } from "../group-store.ts";
import { RECORD_BYTES_MAX } from "../store-limits.ts";
import { RowReader } from "./row-reader.ts";
import type { SqliteAhead } from "./sqlite-ahead.ts";
import type { Sql, SqliteFile, SqlValue } from "./sqlite-file.ts";
import type { SqliteSearchIndex } from "./sqlite-search-index.ts";
import type { SqliteTopicIndex } from "./sqlite-topic-index.ts";

/** Ours. Children looked at of one message that comes after them; who vouches is nearly always the first. */
const CHILDREN_MAX = 256;

/** A message set apart that is to get a place in the log. */
export interface Vouched extends TimePlace {
  /** Negative. */
  readonly seq: number;
  readonly parents: Uint8Array;
}

interface ApartParts {
  readonly ahead: SqliteAhead;
  readonly search: SqliteSearchIndex;
  readonly topics: SqliteTopicIndex;
}

/** How many were ever set apart, and how many of them got a place in the log since. */
interface ApartCounts {
  readonly apart: number;
  readonly placed: number;
}

/** Which messages are set apart, and which of them get a place in the log, inside the transactions of `SqliteMessageStore`. */
export class SqliteApart {
  readonly #rows: RowReader;
  readonly #topics: SqliteTopicIndex;
  readonly #search: SqliteSearchIndex;
  readonly #ahead: SqliteAhead;
  readonly #count: Sql;
  readonly #set: Sql;
  readonly #forget: Sql;
  readonly #vouch: Sql;
  readonly #vouchingChild: Sql;
  readonly #among: Sql;
  readonly #vouched: Sql;
  readonly #keys: Sql;
  readonly #ofKey: Sql;
  readonly #canonical: Sql;
  readonly #renumber: Sql;
  readonly #setCounts: Sql;
  readonly #forgetRoot: Sql;
  #hasVouched: boolean | undefined;

  constructor(file: SqliteFile, { ahead, search, topics }: ApartParts) {
    this.#rows = new RowReader(file.path, "messages");
    this.#topics = topics;
    this.#search = search;
    this.#ahead = ahead;
    this.#count = file.prepare("SELECT count(*) FROM apart");
    this.#set = file.prepare("INSERT INTO apart VALUES (?1, ?2, 0)");
    this.#forget = file.prepare("DELETE FROM apart WHERE seq = ?1");
    this.#vouch = file.prepare("UPDATE apart SET vouched = 1 WHERE seq = ?1");
    this.#vouchingChild = file.prepare(
      `SELECT 1 FROM (SELECT id FROM awaited WHERE parent = ?1 LIMIT ${CHILDREN_MAX}) AS child
      JOIN messages ON messages.id = child.id WHERE seq > 0 AND author <> ?2 LIMIT 1`,
    );
    const vouched = "SELECT messages.seq, id, timestamp, author, parents FROM messages";
    this.#among = file.prepare(
      `${vouched} WHERE id IN (SELECT unhex(value) FROM json_each(?1)) AND messages.seq < 0`,
      "bigint",
    );
    const chosen = `${vouched} JOIN apart ON apart.seq = messages.seq WHERE`;
    this.#vouched = file.prepare(`${chosen} vouched = 1 ORDER BY apart.seq DESC LIMIT ?1`, "bigint");
    this.#keys = file.prepare("SELECT DISTINCT key FROM apart");
    this.#ofKey = file.prepare(`${chosen} key = ?1 ORDER BY apart.seq DESC LIMIT ?2`, "bigint");
    this.#canonical = file.prepare("SELECT canonical FROM messages WHERE seq = ?1");
    this.#renumber = file.prepare("UPDATE messages SET seq = ?2 WHERE seq = ?1");
    this.#setCounts = file.prepare("UPDATE apart_counts SET ever = ?1, placed = ?2");
    // A root is kept by the end of the log and the removals, which are the same without what is set apart.
    this.#forgetRoot = file.prepare("UPDATE counts SET root = NULL");
  }

  /** How many are set apart now. */
  get held(): number {
    return this.#rows.number(this.#count.row()?.[0], "apart");
  }

  /** Some are vouched for and still wait for their place, of a transaction that had too many. */
  get hasVouched(): boolean {
    this.#hasVouched ??= this.#vouched.row(1) !== undefined;
    return this.#hasVouched;
  }

  /** Call when a transaction did not commit. */
  forgetVouched(): void {
    this.#hasVouched = undefined;
  }

  /** Sets the message that has this number apart; `key` signed it. */
  set(seq: number, key: PublicKey): void {
    this.#set.run(seq, PublicKey.toBytes(key));
  }

  /** Whether a message that is not set apart, of another author, named this one before it came. */
  isVouchedBefore({ author_node_id }: NewMessage, id: Uint8Array): boolean {
    return this.#vouchingChild.row(id, author_node_id) !== undefined;
  }

  /**
   * Those that `message`, which is not set apart, vouches for: parents by others, or all where others vouched for it, and
   * theirs that are apart too. The first `limit`, in time order; what is left waits.
   */
  vouchedBy({ author_node_id, outsider, parents }: NewMessage, limit: number): Vouched[] {
    if (parents.length === 0) return [];
    const isVouched = outsider !== undefined;
    const first = this.#amongIds(parents).filter((parent) => isVouched || parent.author_node_id !== author_node_id);
    return this.#withParents(first, limit);
  }

  /** Whether `waiting` would give any: takes no transaction to find out. */
  isAnyWaiting(isMember: (key: PublicKey) => boolean): boolean {
    return this.hasVouched || this.#keys.rows().some(([key]) => isMember(this.#keyOf(key)));
  }

  /** Those that wait for their place, and those by keys that are members', with what they vouch for: the first `limit`, in time order. */
  waiting(isMember: (key: PublicKey) => boolean, limit: number): Vouched[] {
    const found = this.#vouched.rows(limit).map((row) => this.#read(row));
    for (const [key] of this.#keys.rows()) {
      if (found.length >= limit) break;
      const by = this.#keyOf(key);
      if (!isMember(by)) continue;
      for (const row of this.#ofKey.rows(PublicKey.toBytes(by), limit - found.length)) found.push(this.#read(row));
    }
    this.#hasVouched = false;
    return this.#withParents(found, limit);
  }

  /** Gives one its place in the log. */
  place(message: Vouched, seq: number): void {
    const { canonical } = this.#body(message);
    const timestamp = this.#ahead.arrivalOf(message.seq) ?? message.timestamp;
    this.#search.move({ seq: message.seq, author: message.author_node_id, timestamp, canonical }, seq);
    this.#renumber.run(message.seq, seq);
    this.#topics.renumber(decodeMessage(canonical).topics, { ...message, timestamp }, seq);
    this.#ahead.renumber(message.seq, seq);
    this.#forget.run(message.seq);
  }

  /** Call once in a transaction that changed them. */
  setCounts(before: Pick<ApartCounts, "apart">, { apart, placed }: ApartCounts): void {
    this.#setCounts.run(apart, placed);
    if (apart !== before.apart) this.#forgetRoot.run();
  }

  #keyOf(value: SqlValue | undefined): PublicKey {
    return PublicKey.fromBytes(this.#rows.bytes(value, "apart", 32));
  }

  #body({ seq }: Vouched): { readonly canonical: Uint8Array } {
    const [canonical] = this.#canonical.row(seq) ?? [];
    return { canonical: this.#rows.bytes(canonical, seq, { min: 1, max: RECORD_BYTES_MAX }) };
  }

  #withParents(first: readonly Vouched[], limit: number): Vouched[] {
    const found = new Map<number, Vouched>();
    const ahead = [...first];
    for (let next = ahead.shift(); next !== undefined; next = ahead.shift()) {
      if (found.has(next.seq)) continue;
      if (found.size < limit) {
        found.set(next.seq, next);
        ahead.push(...this.#amongBytes(next.parents));
      } else {
        this.#vouch.run(next.seq);
        this.#hasVouched = true;
      }
    }
    return [...found.values()].sort(comparePlaces);
  }

  #amongBytes(parents: Uint8Array): Vouched[] {
    const ids: string[] = [];
    for (let at = 0; at < parents.length; at += 32) ids.push(parents.subarray(at, at + 32).toHex());
    return ids.length === 0 ? [] : this.#amongIds(ids);
  }

  #amongIds(ids: readonly string[]): Vouched[] {
    return this.#among.rows(JSON.stringify(ids)).map((row) => this.#read(row));
  }

  #read([seq, id, timestamp, author, parents]: SqlValue[]): Vouched {
    return {
      seq: this.#rows.number(seq, id, { min: Number.MIN_SAFE_INTEGER, max: -1 }),
      id: this.#rows.hex32(id, id),
      timestamp: this.#rows.int64(timestamp, id),
      author_node_id: this.#rows.number(author, id, { max: 0xffffffff }),
      parents: this.#rows.bytes(parents, id, { min: 0, max: RECORD_BYTES_MAX }),
    };
  }
}

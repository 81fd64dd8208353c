import { MerkleRoot, MessageId, type PublicKey } from "../../core/ids.ts";
import type { CopyPart } from "../../core/order/copy-part.ts";
import type { MessageSet } from "../../core/order/message-set.ts";
import type { TimePlace } from "../../core/order/time-place.ts";
import type {
  Exempt,
  MessageLength,
  MessageQuery,
  MessageStore,
  NewMessage,
  PlacesPiece,
  QueryPiece,
  StoredMessage,
} from "../group-store.ts";
import { checkLimit, checkNewMessage, INT64_MAX, INT64_MIN } from "../store-limits.ts";
import { timeRange } from "../time-range.ts";
import { LogEnd } from "./log-end.ts";
import { NewestPlaces } from "./newest-places.ts";
import { RowReader, SEQ } from "./row-reader.ts";
import { type SetStamp, sameStamp } from "./set-stamp.ts";
import { SqliteAhead } from "./sqlite-ahead.ts";
import { SqliteApart } from "./sqlite-apart.ts";
import type { Sql, SqliteFile } from "./sqlite-file.ts";
import { type HeldTally, SqliteIntake } from "./sqlite-intake.ts";
import { SqliteLogSums } from "./sqlite-log-sums.ts";
import { ARRIVED_COLUMN, SqliteMessageQuery, STORED_COLUMNS, storedOf } from "./sqlite-message-query.ts";
import { SqliteOrder } from "./sqlite-order.ts";
import { SqlitePruning } from "./sqlite-pruning.ts";
import { SqliteRangeRoots } from "./sqlite-range-roots.ts";
import { SqliteSearch } from "./sqlite-search.ts";
import { SqliteSearchIndex } from "./sqlite-search-index.ts";
import { SqliteTallies } from "./sqlite-tallies.ts";
import { SqliteTopicIndex } from "./sqlite-topic-index.ts";

/** Messages of one group in `moot.sqlite`; durable when `putMany` returns. */
export class SqliteMessageStore implements MessageStore {
  readonly search: SqliteSearch;
  readonly tallies: SqliteTallies;
  readonly #file: SqliteFile;
  readonly #rows: RowReader;
  readonly #countsRow: RowReader;
  readonly #order: SqliteOrder;
  readonly #newest: NewestPlaces;
  readonly #topics: SqliteTopicIndex;
  readonly #query: SqliteMessageQuery;
  readonly #intake: SqliteIntake;
  readonly #sums: SqliteLogSums;
  readonly #pruning: SqlitePruning;
  readonly #apart: SqliteApart;
  readonly #ahead: SqliteAhead;
  readonly #ranges: SqliteRangeRoots;
  readonly #counts: Sql;
  readonly #root: Sql;
  readonly #log: Sql;
  readonly #setLog: Sql;
  readonly #idAt: Sql;
  readonly #numberOf: Sql;
  readonly #prunedAfter: Sql;
  readonly #setRoot: Sql;
  readonly #find: Sql;
  readonly #knownAmong: Sql;
  readonly #wantedAmong: Sql;
  readonly #get: Sql;
  readonly #lengthOf: Sql;
  readonly #arrivedAfter: Sql;
  readonly #shortAfter: Sql;
  readonly #lengthsAfter: Sql;
  readonly #numberedLengths: Sql;
  readonly #spent: Sql;
  readonly #since: Sql;
  readonly #idsFrom: Sql;
  readonly #idsWithin: Sql;

  /** The root that was kept for what was held then: read once, and not again while nothing comes or goes. */
  #keptRoot: { readonly stamp: SetStamp; readonly root: MerkleRoot } | undefined;
  /** What was read or written last, true for as long as nobody else commits. */
  #known: { readonly version: number; readonly tally: HeldTally } | undefined;

  /** `fullText`: whether SQLite has FTS5, which is looked up unless it is told. */
  constructor(file: SqliteFile, { fullText }: { readonly fullText?: boolean } = {}) {
    this.#file = file;
    this.#rows = new RowReader(file.path, "messages");
    this.#countsRow = new RowReader(file.path, "counts");
    this.#order = new SqliteOrder(file);
    this.#newest = new NewestPlaces(file);
    this.#topics = new SqliteTopicIndex(file);
    this.tallies = new SqliteTallies(file, this.#topics);
    const search = new SqliteSearchIndex(file, {
      tallies: this.tallies,
      ...(fullText === undefined ? {} : { fullText }),
    });
    this.#ahead = new SqliteAhead(file, { search, topics: this.#topics });
    this.#query = new SqliteMessageQuery(file, { ahead: this.#ahead, topics: this.#topics });
    const walk = (query: MessageQuery) => this.query(query);
    this.search = new SqliteSearch(file, { index: search, walk });
    this.#sums = new SqliteLogSums(file);
    this.#pruning = new SqlitePruning(file, { search, topics: this.#topics });
    this.#apart = new SqliteApart(file, { ahead: this.#ahead, search, topics: this.#topics });
    this.#intake = new SqliteIntake(file, {
      topics: this.#topics,
      search,
      sums: this.#sums,
      pruning: this.#pruning,
      apart: this.#apart,
      ahead: this.#ahead,
    });
    this.#ranges = new SqliteRangeRoots(file);
    this.#counts = file.prepare(
      `SELECT pruned, (SELECT messages FROM restored), inverted, max(seq, coalesce((SELECT max(seq) FROM messages), 0)),
        ever, placed, EXISTS (SELECT 1 FROM ahead) FROM counts, apart_counts`,
    );
    this.#root = file.prepare("SELECT root FROM counts WHERE root_seq = ?1 AND root_pruned = ?2");
    this.#setRoot = file.prepare("UPDATE counts SET root = ?1, root_seq = ?2, root_pruned = ?3");
    this.#log = file.prepare("SELECT id FROM log");
    this.#setLog = file.prepare("UPDATE log SET id = randomblob(8)");
    this.#idAt = file.prepare(
      "SELECT id FROM messages WHERE seq = ?1 UNION ALL SELECT id FROM pruned_seqs WHERE seq = ?1 LIMIT 1",
    );
    this.#numberOf = file.prepare(
      `SELECT seq, timestamp FROM messages WHERE id = ?1 UNION ALL SELECT * FROM (
        SELECT seq, (SELECT timestamp FROM pruned_times WHERE id = ?1) FROM pruned_seqs WHERE id = ?1 ORDER BY seq DESC
      ) LIMIT 1`,
      "bigint",
    );
    this.#prunedAfter = file.prepare("SELECT count(*) FROM pruned_seqs WHERE seq > ?1");
    this.#find = file.prepare("SELECT seq FROM messages WHERE id = ?1");
    // All of a batch at once: each statement alone takes and frees locks, and costs more than its look-up.
    this.#knownAmong = file.prepare(
      `SELECT key FROM (SELECT key, unhex(value) AS asked FROM json_each(?1))
      WHERE EXISTS (SELECT 1 FROM messages WHERE id = asked) OR EXISTS (SELECT 1 FROM pruned WHERE id = asked)`,
    );
    this.#wantedAmong = file.prepare(
      `SELECT key FROM (SELECT key, unhex(value) AS asked FROM json_each(?1))
      WHERE EXISTS (SELECT 1 FROM messages WHERE id = asked)
        OR EXISTS (SELECT 1 FROM pruned_times WHERE id = asked AND timestamp < ?2)`,
    );
    this.#get = file.prepare(`SELECT ${STORED_COLUMNS} FROM messages WHERE id = ?1`);
    this.#lengthOf = file.prepare("SELECT length(canonical) FROM messages WHERE id = ?1");
    this.#arrivedAfter = file.prepare(`SELECT ${STORED_COLUMNS} FROM messages WHERE seq > ?1 ORDER BY seq LIMIT ?2`);
    // The length of a blob stands ahead of it: none is read for this, nor of a message that is too long here.
    this.#shortAfter = file.prepare(
      `SELECT seq, id, iif(length(canonical) <= ?3, canonical, NULL), ${ARRIVED_COLUMN}
      FROM messages WHERE seq > ?1 ORDER BY seq LIMIT ?2`,
    );
    this.#lengthsAfter = file.prepare("SELECT length(canonical) FROM messages WHERE seq > ?1 ORDER BY seq LIMIT ?2");
    this.#numberedLengths = file.prepare(
      "SELECT seq, id, length(canonical) FROM messages WHERE seq > ?1 ORDER BY seq LIMIT ?2",
    );
    // The index tells whose they are, so that only those of the author are looked at.
    this.#spent = file.prepare(
      `SELECT count(*), coalesce(sum(length(canonical)), 0) FROM messages
      WHERE author = ?1 AND timestamp >= ?2 AND timestamp <= ?3`,
    );
    this.#since = file.prepare("SELECT count(*) FROM messages WHERE timestamp >= ?1");
    this.#idsFrom = file.prepare("SELECT id FROM messages WHERE id >= ?1 ORDER BY id LIMIT ?2");
    this.#idsWithin = file.prepare("SELECT id FROM messages WHERE id >= ?1 AND id < ?2 ORDER BY id LIMIT ?3");
  }

  get size(): number {
    return this.#readTally().held;
  }

  lastSeq(): number {
    return this.#readTally().seq;
  }

  logId(): string {
    return this.#countsRow.bytes(this.#log.row()?.[0], "log", 8).toHex();
  }

  drawLog(): void {
    this.#file.transact(() => this.#setLog.run());
  }

  idAt(seq: number): MessageId | undefined {
    const id = this.#idAt.row(seq)?.[0];
    return id === undefined ? undefined : this.#rows.hex32(id, seq);
  }

  numberOf(id: MessageId): { seq: number; timestamp: bigint | undefined } | undefined {
    const [number, timestamp] = this.#numberOf.row(MessageId.toBytes(id)) ?? [];
    if (number === undefined) return undefined;
    const seq = this.#rows.number(Number(number), id, SEQ);
    if (seq < 0) return undefined;
    return { seq, timestamp: timestamp === null ? undefined : this.#rows.int64(timestamp, id) };
  }

  countAfter(seq: number): number {
    const { apart, held, placed, seq: last } = this.#readTally();
    const inLog = held - (apart > placed ? this.#apart.held : 0);
    // Every number was given to a message that is held, or is known to be gone.
    const after = last - seq - this.#countsRow.number(this.#prunedAfter.row(seq)?.[0], "pruned_seqs");
    return Math.max(0, Math.min(inLog, after));
  }

  sumAt(seq: number): number {
    return this.#sums.at(seq, () => this.lastSeq());
  }

  has(id: MessageId): boolean {
    return this.#find.row(MessageId.toBytes(id)) !== undefined;
  }

  get pruned(): number {
    const { pruned, restored } = this.#readTally();
    return pruned === restored ? 0 : pruned - restored - this.#pruning.shedNow;
  }

  latestPruned(): bigint | undefined {
    return this.pruned === 0 ? undefined : this.#pruning.latest();
  }

  restoreFrom(timestamp: bigint | undefined): void {
    this.#pruning.restoreFrom = timestamp;
  }

  knows(id: MessageId): boolean {
    return this.unknown([id]).length === 0;
  }

  unknown(ids: readonly MessageId[]): MessageId[] {
    if (ids.length === 0) return [];
    const { restoreFrom } = this.#pruning;
    const asked = JSON.stringify(ids);
    const known = restoreFrom === undefined ? this.#knownAmong.rows(asked) : this.#wantedAmong.rows(asked, restoreFrom);
    if (known.length === 0) return [...ids];
    const numbers = new Set(known.map(([number]) => number));
    return ids.filter((_, number) => !numbers.has(number));
  }

  get(id: MessageId): StoredMessage | undefined {
    const row = this.#get.row(MessageId.toBytes(id));
    return row && storedOf(this.#rows, row);
  }

  lengthOf(id: MessageId): number | undefined {
    const row = this.#lengthOf.row(MessageId.toBytes(id));
    return row && this.#rows.number(row[0], id);
  }

  reading<T>(work: () => T): T {
    return this.#file.snapshot(work);
  }

  putMany(messages: readonly NewMessage[]): (number | undefined)[] {
    for (const message of messages) checkNewMessage(message);
    if (messages.length === 0) return [];
    try {
      const { seqs, stored, shown, before, after, sum } = this.#file.transact(() => {
        const before = this.#readTally();
        return { before, ...this.#intake.insertAll(messages, { ...before, version: this.#known!.version }) };
      });
      this.#order.stored(stored, before, after);
      this.#ranges.stored(stored, before, after);
      this.#newest.stored(shown, before, after);
      this.#sums.committed(sum);
      this.#known = { ...this.#known!, tally: after };
      return seqs;
    } catch (error) {
      this.#intake.forget();
      throw error;
    }
  }

  get apart(): number {
    return this.#mayBeApart(this.#readTally()) ? this.#apart.held : 0;
  }

  get isRejoining(): boolean {
    return this.#mayBeApart(this.#readTally()) && this.#apart.hasVouched;
  }

  rejoin(isMember: (key: PublicKey) => boolean, limit: number): number {
    checkLimit(limit);
    if (!this.#mayBeApart(this.#readTally()) || !this.#apart.isAnyWaiting(isMember)) return 0;
    try {
      const { before, after, shown, sum } = this.#file.transact(() => {
        const before = this.#readTally();
        const shown = this.#apart.waiting(isMember, limit);
        const log = new LogEnd(before);
        for (const one of shown) this.#apart.place(one, log.give(one.id));
        const after = { ...before, seq: log.seq, placed: before.placed + shown.length };
        this.#apart.setCounts(before, after);
        return { before, after, shown, sum: this.#sums.stored(before.seq, log.given) };
      });
      this.#order.stored([], before, after);
      this.#ranges.stored([], before, after);
      this.#newest.stored(after.hasAhead ? this.#atOwnDate(shown) : shown, before, after);
      this.#sums.committed(sum);
      this.#known = { ...this.#known!, tally: after };
      return shown.length;
    } catch (error) {
      this.#apart.forgetVouched();
      throw error;
    }
  }

  arrivedAfter(after: number, limit: number, maxBytes?: number): StoredMessage[] {
    checkLimit(limit);
    if (maxBytes !== undefined && limit > 1) {
      // So many that are all this short are within the bytes, and need not be counted first.
      const rows = this.#shortAfter.rows(after, limit, Math.floor(maxBytes / limit));
      const long = rows.findIndex(([, , canonical]) => canonical === null);
      if (long !== 0) return (long < 0 ? rows : rows.slice(0, long)).map((row) => storedOf(this.#rows, row));
      return this.#file.snapshot(() => this.arrivedAfter(after, this.#countWithin({ after, limit, maxBytes })));
    }
    return this.#arrivedAfter.rows(after, limit).map((row) => storedOf(this.#rows, row));
  }

  query(query: MessageQuery): QueryPiece {
    return this.#query.piece(query, this.#readTally().hasAhead);
  }

  latest(limit: number, topic?: string): StoredMessage[] {
    return this.#query.latest(limit, topic, this.#readTally().hasAhead);
  }

  placesAfter(after: TimePlace | undefined, limit: number): TimePlace[] {
    return this.#query.placesAfter(after, limit);
  }

  shownAfter(after: TimePlace | undefined, limit: number): PlacesPiece {
    return this.#query.shownAfter(after, limit, this.#readTally().hasAhead);
  }

  topologicalRange({ since, until }: { since: bigint | undefined; until: bigint | undefined }): StoredMessage[] {
    const whole = since === undefined && until === undefined;
    const ids = whole ? this.#set().ids() : this.#order.idsIn(timeRange(since, until));
    const found: StoredMessage[] = [];
    for (const id of ids) {
      const message = this.get(id);
      if (message) found.push(message);
    }
    return found;
  }

  topics(limit: number, also: { readonly reserved: boolean }): { topic: string; messages: number; latest: bigint }[] {
    checkLimit(limit);
    return this.#topics.top(limit, also);
  }

  idsInRange({ lo, hi, limit }: { lo: MessageId; hi: MessageId; limit: number }): MessageId[] {
    checkLimit(limit);
    const rows =
      hi === MessageId.zero
        ? this.#idsFrom.rows(MessageId.toBytes(lo), limit)
        : this.#idsWithin.rows(MessageId.toBytes(lo), MessageId.toBytes(hi), limit);
    return rows.map(([id]) => this.#rows.hex32(id, id));
  }

  idsSince(since: bigint): MessageId[] {
    return this.#order.idsIn(timeRange(since, undefined));
  }

  *idsSinceInSteps(since: bigint): Generator<undefined, Uint8Array> {
    const tally = this.#readTally();
    const set = this.#order.loaded(tally);
    // All of it stands in order already, where the order was needed before.
    const count = this.countSince(since);
    if (set !== undefined && count === tally.held) return set.idBytes();
    return yield* this.#order.idsInSteps(timeRange(since, undefined), count);
  }

  countSince(since: bigint): number {
    const { lo } = timeRange(since, undefined);
    return this.#countsRow.number(this.#since.row(lo.timestamp)?.[0], "count", {
      min: 0,
      max: Number.MAX_SAFE_INTEGER,
    });
  }

  merkleRoot(): MerkleRoot {
    const tally = this.#readTally();
    if (tally.held === 0) return MerkleRoot.zero;
    return this.#order.loaded(tally)?.root() ?? this.#rootKept(tally) ?? this.#order.at(tally).root();
  }

  loadOrder(limit: number, { of }: { readonly of: "root" | "parents" }): boolean {
    // For parents what was read last will do, as in `nextParents`.
    const tally = (of === "parents" ? this.#known?.tally : undefined) ?? this.#readTally();
    if (tally.held === 0 || (of === "parents" && !tally.inverted)) return true;
    if (of === "root" && this.#order.loaded(tally) === undefined && this.#rootKept(tally) !== undefined) return true;
    return this.#order.load(tally, limit) !== undefined;
  }

  /** The root that was kept for what is held. */
  #rootKept(tally: HeldTally): MerkleRoot | undefined {
    if (this.#keptRoot !== undefined && sameStamp(this.#keptRoot.stamp, tally)) return this.#keptRoot.root;
    const kept = this.#root.row(tally.seq, tally.pruned)?.[0];
    if (!(kept instanceof Uint8Array)) return undefined;
    const root = this.#countsRow.hex32<MerkleRoot>(kept, 1);
    this.#keptRoot = { stamp: tally, root };
    return root;
  }

  sharedSince(since: bigint, limit: number): CopyPart | undefined {
    const tally = this.#readTally();
    if (this.#ranges.isAll(since)) return { root: this.merkleRoot(), count: tally.held };
    return this.#ranges.part(since, tally, limit);
  }

  nextParents(latest = INT64_MAX): MessageId[] {
    // Asking whether another process stored something meanwhile costs as much as half a signature, and any held
    // messages will do.
    const tally = this.#known?.tally ?? this.#readTally();
    if (this.#ahead.top(this.#known?.version) > latest) return this.#newest.upTo(latest).map(({ id }) => id);
    if (this.#mayBeApart(tally) || tally.hasAhead) return this.#newest.at(tally).map(({ id }) => id);
    const set = this.#order.loaded(tally);
    if (set) return set.nextParents();
    if (tally.inverted) return this.#order.at(tally).nextParents();
    // No child sorts before a parent of its own, so the order is the time order and its end is the index's.
    return this.#newest.at(tally).map(({ id }) => id);
  }

  newest(): readonly TimePlace[] {
    return this.#newest.at(this.#known?.tally ?? this.#readTally());
  }

  pruneBefore(before: bigint, exempt?: Exempt, limit = Number.MAX_SAFE_INTEGER): number {
    checkLimit(limit);
    // Nearly always there is nothing, which takes no transaction to find out.
    const doomed = before <= 0n ? undefined : this.#pruning.doomed(before, exempt, limit);
    if (doomed === undefined) return 0;
    return this.#remove((lastSeq) => this.#pruning.prune(doomed, lastSeq));
  }

  shed(ids: readonly MessageId[]): number {
    const seqs = ids.map((id) => this.get(id)?.seq).filter((seq) => seq !== undefined);
    return seqs.length === 0 ? 0 : this.#remove((lastSeq) => this.#pruning.shed(`[${seqs.join()}]`, lastSeq));
  }

  lengthsAfter(seq: number, limit: number): MessageLength[] {
    checkLimit(limit);
    return this.#numberedLengths.rows(seq, limit).map(([seq, id, bytes]) => {
      return {
        seq: this.#rows.number(seq, seq, SEQ),
        id: this.#rows.hex32(id, seq),
        bytes: this.#rows.number(bytes, seq),
      };
    });
  }

  spentBy(author_node_id: number, since: bigint, until: bigint): { messages: number; bytes: number } {
    // What is no int64 would be bound as another number.
    const within = [since < INT64_MIN ? INT64_MIN : since, until > INT64_MAX ? INT64_MAX : until - 1n] as const;
    const [messages, bytes] = this.#spent.row(author_node_id, ...within) ?? [];
    return { messages: this.#rows.number(messages, author_node_id), bytes: this.#rows.number(bytes, author_node_id) };
  }

  #remove(remove: (lastSeq: number) => MessageId[]): number {
    try {
      const { ids, tally, after } = this.#file.transact(() => {
        const tally = this.#readTally();
        const ids = remove(tally.seq);
        return { ids, tally, after: { ...tally, held: tally.held - ids.length, pruned: tally.pruned + ids.length } };
      });
      this.#order.pruned(ids, tally, after);
      this.#ranges.pruned(ids, tally, after);
      this.#known = { ...this.#known!, tally: after };
      return ids.length;
    } catch (error) {
      this.#topics.forgetNumbers();
      throw error;
    }
  }

  settleAhead(time: { readonly latest: bigint; readonly now: bigint }, limit: number): number {
    checkLimit(limit);
    const { hasAhead } = this.#readTally();
    const { version } = this.#known!;
    if (!hasAhead && this.#ahead.top(version) <= time.latest) return 0;
    if (!this.#ahead.isUnsettled(time.latest, version)) return 0;
    try {
      return this.#file.transact(() => this.#ahead.settle(time, limit));
    } catch (error) {
      this.#ahead.forgetKnown();
      this.#topics.forgetNumbers();
      throw error;
    } finally {
      this.#newest.forget();
      this.#known = undefined;
    }
  }

  /**
   * Keeps for the next opening what is known now: the Merkle root, and that no child sorts before its parent any more, as
   * after a return or a removal. Loses nothing when it fails.
   */
  rememberOrder(): void {
    if (this.#file.access === "read") return;
    const tally = this.#readTally();
    const set = this.#order.loaded(tally);
    if (!set) return;
    const isMended = tally.inverted && set.isAscending;
    if (!isMended && this.#root.row(tally.seq, tally.pruned)?.[0] instanceof Uint8Array) return;
    const root = MerkleRoot.toBytes(set.root());
    this.#file.transact(() => {
      if (!sameStamp(this.#readTally(), tally)) return;
      this.#setRoot.run(root, tally.seq, tally.pruned);
      if (!isMended) return;
      this.#intake.noteAscending(set);
    });
    this.#known = undefined;
  }

  #atOwnDate(messages: readonly TimePlace[]): TimePlace[] {
    return messages.filter(({ id }) => this.get(id)?.arrivedMs === undefined);
  }

  /** Whether any message may be apart now; those that were pruned while they were count too. */
  #mayBeApart({ apart, placed }: HeldTally): boolean {
    return apart > placed;
  }

  /** How many of the next messages there are until they have `maxBytes`; at least 1. */
  #countWithin({ after, limit, maxBytes }: { after: number; limit: number; maxBytes: number }): number {
    let bytes = 0;
    let count = 0;
    for (const [length] of this.#lengthsAfter.rows(after, limit)) {
      count += 1;
      bytes += length as number;
      if (bytes >= maxBytes) break;
    }
    return Math.max(1, count);
  }

  #set(): MessageSet {
    return this.#order.at(this.#readTally());
  }

  #readTally(): HeldTally {
    const version = this.#file.version();
    if (this.#known?.version === version) return this.#known.tally;
    const [pruned, restored, inverted, seq, ever, inLog, late] = this.#counts.row() ?? [];
    const rows = this.#countsRow;
    const gone = rows.number(pruned, 1);
    const back = rows.number(restored, 1, { max: gone });
    const apart = rows.number(ever, 1);
    const placed = rows.number(inLog, 1, { max: apart });
    const last = rows.number(seq, 1, { min: Math.max(0, gone - back - (apart - placed)) });
    const held = last - gone + back + apart - placed;
    const isInverted = rows.number(inverted, 1) !== 0;
    const hasAhead = rows.number(late, 1) !== 0;
    const tally = { held, pruned: gone, restored: back, inverted: isInverted, seq: last, apart, placed, hasAhead };
    this.#known = { version, tally };
    return tally;
  }
}

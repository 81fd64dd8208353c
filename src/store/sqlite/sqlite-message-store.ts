import { MerkleRoot, MessageId } from "../../core/ids.ts";
import type { CopyPart } from "../../core/order/copy-part.ts";
import type { MessageSet } from "../../core/order/message-set.ts";
import type { TimePlace } from "../../core/order/time-place.ts";
import type { Exempt, MessageQuery, MessageStore, NewMessage, QueryPiece, StoredMessage } from "../group-store.ts";
import { checkLimit, checkNewMessage } from "../store-limits.ts";
import { timeRange } from "../time-range.ts";
import { InversionWatch } from "./inversion-watch.ts";
import { NewestPlaces } from "./newest-places.ts";
import { RowReader } from "./row-reader.ts";
import type { Sql, SqliteFile } from "./sqlite-file.ts";
import { SqliteLogSums } from "./sqlite-log-sums.ts";
import { SqliteMessageQuery, storedOf } from "./sqlite-message-query.ts";
import { SqliteOrder, sameStamp } from "./sqlite-order.ts";
import { SqlitePruning } from "./sqlite-pruning.ts";
import { SqliteRangeRoots } from "./sqlite-range-roots.ts";
import { SqliteTopicIndex } from "./sqlite-topic-index.ts";

/** What the database holds. */
interface HeldTally {
  readonly held: number;
  /** Ever, and how many of them came back. */
  readonly pruned: number;
  readonly restored: number;
  /** Some held child sorts before a held parent, so time order may not be the topological one. */
  readonly inverted: boolean;
  readonly seq: number;
}

/** Messages of one group in `moot.sqlite`; durable when `putMany` returns. */
export class SqliteMessageStore implements MessageStore {
  readonly #file: SqliteFile;
  readonly #rows: RowReader;
  readonly #countsRow: RowReader;
  readonly #order: SqliteOrder;
  readonly #newest: NewestPlaces;
  readonly #topics: SqliteTopicIndex;
  readonly #query: SqliteMessageQuery;
  readonly #inversions: InversionWatch;
  readonly #sums: SqliteLogSums;
  readonly #pruning: SqlitePruning;
  readonly #ranges: SqliteRangeRoots;
  readonly #counts: Sql;
  readonly #setInverted: Sql;
  readonly #root: Sql;
  readonly #log: Sql;
  readonly #setLog: Sql;
  readonly #idAt: Sql;
  readonly #setRoot: Sql;
  readonly #find: Sql;
  readonly #knownAmong: Sql;
  readonly #wantedAmong: Sql;
  readonly #get: Sql;
  readonly #insert: Sql;
  readonly #arrivedAfter: Sql;
  readonly #lengthsAfter: Sql;
  readonly #since: Sql;
  readonly #idsFrom: Sql;
  readonly #idsWithin: Sql;

  #prunedSeen = 0;
  /** The root that was kept for what the log held then: read once, and not again while nothing comes. */
  #keptRoot: { readonly seq: number; readonly pruned: number; readonly root: MerkleRoot } | undefined;
  /** What was read or written last, true for as long as nobody else commits. */
  #known: { readonly version: number; readonly tally: HeldTally } | undefined;

  constructor(file: SqliteFile) {
    this.#file = file;
    this.#rows = new RowReader(file.path, "messages");
    this.#countsRow = new RowReader(file.path, "counts");
    this.#order = new SqliteOrder(file);
    this.#newest = new NewestPlaces(file);
    this.#topics = new SqliteTopicIndex(file);
    this.#query = new SqliteMessageQuery(file, this.#topics);
    this.#inversions = new InversionWatch(file);
    this.#sums = new SqliteLogSums(file);
    this.#pruning = new SqlitePruning(file, this.#topics);
    this.#ranges = new SqliteRangeRoots(file);
    this.#counts = file.prepare(
      `SELECT pruned, (SELECT messages FROM restored), inverted, max(seq, coalesce((SELECT max(seq) FROM messages), 0))
      FROM counts`,
    );
    this.#setInverted = file.prepare("UPDATE counts SET inverted = 1");
    this.#root = file.prepare("SELECT root FROM counts WHERE root_seq = ?1 AND root_pruned = ?2");
    this.#setRoot = file.prepare("UPDATE counts SET root = ?1, root_seq = ?2, root_pruned = ?3");
    this.#log = file.prepare("SELECT id FROM log");
    this.#setLog = file.prepare("UPDATE log SET id = randomblob(8)");
    this.#idAt = file.prepare(
      "SELECT id FROM messages WHERE seq = ?1 UNION ALL SELECT id FROM pruned_seqs WHERE seq = ?1 LIMIT 1",
    );
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
    this.#get = file.prepare("SELECT seq, id, canonical FROM messages WHERE id = ?1");
    this.#insert = file.prepare("INSERT INTO messages VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (id) DO NOTHING");
    this.#arrivedAfter = file.prepare("SELECT seq, id, canonical FROM messages WHERE seq > ?1 ORDER BY seq LIMIT ?2");
    // The length of a blob stands ahead of it: none is read for this.
    this.#lengthsAfter = file.prepare("SELECT length(canonical) FROM messages WHERE seq > ?1 ORDER BY seq LIMIT ?2");
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

  sumAt(seq: number): number {
    return this.#sums.at(seq, () => this.lastSeq());
  }

  has(id: MessageId): boolean {
    return this.#find.row(MessageId.toBytes(id)) !== undefined;
  }

  get pruned(): number {
    const { pruned, restored } = this.#readTally();
    return pruned - restored;
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

  reading<T>(work: () => T): T {
    return this.#file.snapshot(work);
  }

  putMany(messages: readonly NewMessage[]): (number | undefined)[] {
    for (const message of messages) checkNewMessage(message);
    if (messages.length === 0) return [];
    try {
      const { seqs, stored, before, after, sum } = this.#file.transact(() => this.#insertAll(messages));
      this.#order.stored(stored, before, after);
      this.#ranges.stored(stored, before, after);
      this.#newest.stored(stored, before, after);
      this.#sums.committed(sum);
      this.#known = { ...this.#known!, tally: after };
      return seqs;
    } catch (error) {
      this.#topics.forgetNumbers();
      this.#inversions.forgetRecent();
      throw error;
    }
  }

  arrivedAfter(after: number, limit: number, maxBytes?: number): StoredMessage[] {
    checkLimit(limit);
    if (maxBytes !== undefined && limit > 1) {
      return this.#file.snapshot(() => this.arrivedAfter(after, this.#countWithin({ after, limit, maxBytes })));
    }
    return this.#arrivedAfter.rows(after, limit).map((row) => storedOf(this.#rows, row));
  }

  query(query: MessageQuery): QueryPiece {
    return this.#query.piece(query);
  }

  latest(limit: number, topic?: string): StoredMessage[] {
    return this.#query.latest(limit, topic);
  }

  placesAfter(after: TimePlace | undefined, limit: number): TimePlace[] {
    return this.#query.placesAfter(after, limit);
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
    const set = this.#order.loaded(tally);
    if (set) return set.root();
    if (this.#keptRoot?.seq === tally.seq && this.#keptRoot.pruned === tally.pruned) return this.#keptRoot.root;
    const kept = this.#root.row(tally.seq, tally.pruned)?.[0];
    if (kept instanceof Uint8Array) {
      const root = this.#countsRow.hex32<MerkleRoot>(kept, 1);
      this.#keptRoot = { seq: tally.seq, pruned: tally.pruned, root };
      return root;
    }
    return this.#order.at(tally).root();
  }

  sharedSince(since: bigint, build: boolean): CopyPart | undefined {
    const tally = this.#readTally();
    if (this.#ranges.isAll(since)) return { root: this.merkleRoot(), count: tally.held };
    return this.#ranges.part(since, tally, build);
  }

  nextParents(): MessageId[] {
    // Asking whether another process stored something meanwhile costs as much as half a signature, and any held
    // messages will do.
    const tally = this.#known?.tally ?? this.#readTally();
    const set = this.#order.loaded(tally);
    if (set) return set.nextParents();
    if (tally.inverted) return this.#order.at(tally).nextParents();
    // No child sorts before a parent of its own, so the order is the time order and its end is the index's.
    return this.#newest.at(tally).map(({ id }) => id);
  }

  pruneBefore(before: bigint, exempt?: Exempt, limit = Number.MAX_SAFE_INTEGER): number {
    checkLimit(limit);
    // Nearly always there is nothing, which takes no transaction to find out.
    const doomed = before <= 0n ? undefined : this.#pruning.doomed(before, exempt, limit);
    if (doomed === undefined) return 0;
    try {
      const { ids, tally, after } = this.#file.transact(() => {
        const tally = this.#readTally();
        const ids = this.#pruning.prune(doomed, tally.seq);
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

  /** Keeps the Merkle root for the next opening, if it is known now. Loses nothing when it fails. */
  rememberRoot(): void {
    if (this.#file.access === "read") return;
    const tally = this.#readTally();
    const set = this.#order.loaded(tally);
    if (!set || this.#root.row(tally.seq, tally.pruned)?.[0] instanceof Uint8Array) return;
    const root = MerkleRoot.toBytes(set.root());
    this.#file.transact(() => {
      const now = this.#readTally();
      if (sameStamp(now, tally)) this.#setRoot.run(root, tally.seq, tally.pruned);
    });
  }

  #insertAll(messages: readonly NewMessage[]) {
    const before = this.#readTally();
    // Pruning, also by another process, may have given the number of a topic to another one.
    if (before.pruned !== this.#prunedSeen) this.#topics.forgetNumbers();
    this.#prunedSeen = before.pruned;
    const inversions = this.#inversions.begin({ ...before, version: this.#known!.version });
    let { seq } = before;
    let restored = 0;
    let isAnyBack = false;
    const seqs = messages.map((message) => {
      const id = MessageId.toBytes(message.id);
      const former = before.pruned > 0 ? this.#pruning.formerPlace(message, id) : "none";
      if (former === "pruned") return undefined;
      const number = typeof former === "number" ? former : seq + 1;
      const parents = Uint8Array.fromHex(message.parents.join(""));
      const { author_node_id, timestamp, canonical } = message;
      if (this.#insert.run(number, id, author_node_id, timestamp, parents, canonical).changes === 0) return undefined;
      inversions.stored(message, id);
      if (former !== "none") this.#pruning.restored(id, typeof former === "number" ? former : undefined);
      isAnyBack ||= former !== "none";
      if (typeof former === "number") restored += 1;
      else seq += 1;
      return number;
    });
    this.#topics.add(messages, seqs);
    if (isAnyBack) this.#pruning.countRestored(restored);
    else if (inversions.found && !before.inverted) this.#setInverted.run();
    const stored = messages.filter((_, at) => seqs[at] !== undefined);
    const added = messages.filter((_, at) => (seqs[at] ?? 0) > before.seq);
    const sum = this.#sums.stored(
      before.seq,
      added.map(({ id }) => id),
    );
    const after = {
      ...before,
      held: before.held + stored.length,
      seq,
      restored: before.restored + restored,
      inverted: inversions.found || isAnyBack,
    };
    return { seqs, stored, before, after, sum };
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
    const [pruned, restored, inverted, seq] = this.#counts.row() ?? [];
    const rows = this.#countsRow;
    const gone = rows.number(pruned, 1);
    const back = rows.number(restored, 1, { max: gone });
    const last = rows.number(seq, 1, { min: gone - back });
    const held = last - gone + back;
    const tally = { held, pruned: gone, restored: back, inverted: rows.number(inverted, 1) !== 0, seq: last };
    this.#known = { version, tally };
    return tally;
  }
}

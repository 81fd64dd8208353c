import { MessageId } from "../../core/ids.ts";
import type { MessageSet } from "../../core/order/message-set.ts";
import type { TimePlace } from "../../core/order/time-place.ts";
import type { NewMessage } from "../group-store.ts";
import { InversionWatch } from "./inversion-watch.ts";
import { LogEnd, placeOf } from "./log-end.ts";
import type { SqliteAhead } from "./sqlite-ahead.ts";
import type { SqliteApart } from "./sqlite-apart.ts";
import type { Sql, SqliteFile } from "./sqlite-file.ts";
import type { SqliteLogSums } from "./sqlite-log-sums.ts";
import type { SqlitePruning } from "./sqlite-pruning.ts";
import type { SqliteSearchIndex } from "./sqlite-search-index.ts";
import type { SqliteTopicIndex } from "./sqlite-topic-index.ts";

/** What the database holds. */
export interface HeldTally {
  readonly held: number;
  /** Ever, and how many of them came back. */
  readonly pruned: number;
  readonly restored: number;
  /** Some held child sorts before a held parent, so time order may not be the topological one. */
  readonly inverted: boolean;
  readonly seq: number;
  /** Ever set apart, and how many of them got a place in the log since. */
  readonly apart: number;
  readonly placed: number;
  /** Whether any may be placed by its arrival. */
  readonly hasAhead: boolean;
}

/** Ours. Messages apart that one transaction gives a place in the log beside as many as it stores; others wait. */
const VOUCHED_AT_ONCE = 64;

interface IntakeParts {
  readonly topics: SqliteTopicIndex;
  readonly search: SqliteSearchIndex;
  readonly sums: SqliteLogSums;
  readonly pruning: SqlitePruning;
  readonly apart: SqliteApart;
  readonly ahead: SqliteAhead;
}

/** Storing messages, each at its number, inside the transactions of `SqliteMessageStore`. */
export class SqliteIntake {
  readonly #topics: SqliteTopicIndex;
  readonly #search: SqliteSearchIndex;
  readonly #sums: SqliteLogSums;
  readonly #pruning: SqlitePruning;
  readonly #apart: SqliteApart;
  readonly #ahead: SqliteAhead;
  readonly #inversions: InversionWatch;
  readonly #find: Sql;
  readonly #insert: Sql;
  readonly #setInverted: Sql;
  #prunedSeen = 0;

  constructor(file: SqliteFile, { ahead, apart, pruning, search, sums, topics }: IntakeParts) {
    this.#topics = topics;
    this.#search = search;
    this.#sums = sums;
    this.#pruning = pruning;
    this.#apart = apart;
    this.#ahead = ahead;
    this.#inversions = new InversionWatch(file);
    this.#find = file.prepare("SELECT seq FROM messages WHERE id = ?1");
    this.#insert = file.prepare("INSERT INTO messages VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (id) DO NOTHING");
    this.#setInverted = file.prepare("UPDATE counts SET inverted = ?1");
  }

  /** Call when the transaction did not commit. */
  forget(): void {
    this.#topics.forgetNumbers();
    this.#inversions.forgetRecent();
    this.#apart.forgetVouched();
    this.#ahead.forgetKnown();
  }

  /** No held child sorts before a held parent any more in `set`, which is all that is held. Call within a transaction. */
  noteAscending(set: Pick<MessageSet, "lacking">): void {
    this.#inversions.noteLacking(set);
    this.#setInverted.run(0);
  }

  /** Call within the transaction, with what the database held before. */
  insertAll(messages: readonly NewMessage[], before: HeldTally & { readonly version: number }) {
    // Pruning, also by another process, may have given the number of a topic to another one.
    if (before.pruned !== this.#prunedSeen) this.#topics.forgetNumbers();
    this.#prunedSeen = before.pruned;
    const inversions = this.#inversions.begin(before);
    const log = new LogEnd(before);
    let { apart, placed, restored } = before;
    let isAnyBack = false;
    let budget = VOUCHED_AT_ONCE + messages.length;
    /** What takes part in the log since, at its own date. */
    const shown: TimePlace[] = [];
    /** Where those are placed whose date lies ahead. */
    const arrivals = new Map<MessageId, bigint>();
    /** Of messages apart that got a place, perhaps of this batch. */
    const placedAt = new Map<MessageId, number>();
    const stayed = messages.map((message) => {
      const id = MessageId.toBytes(message.id);
      const mayBeApart = message.outsider !== undefined || apart > placed;
      if (mayBeApart && this.#find.row(id) !== undefined) return undefined;
      const former = before.pruned > 0 ? this.#pruning.formerPlace(message, id) : "none";
      if (former === "pruned") return undefined;
      const hadPlace = typeof former === "number" && former > 0;
      const isApart = message.outsider !== undefined && !hadPlace && !this.#apart.isVouchedBefore(message, id);
      if (mayBeApart && !isApart) {
        const vouched = this.#apart.vouchedBy(message, budget);
        for (const one of vouched) {
          const number = log.give(one.id);
          this.#apart.place(one, number);
          placedAt.set(one.id, number);
        }
        placed += vouched.length;
        budget -= vouched.length;
        shown.push(...vouched.filter(({ id }) => this.#ahead.arrivalOf(placedAt.get(id)!) === undefined));
      }
      const number = placeOf(former, isApart, { seq: log.seq, apart });
      const parents = Uint8Array.fromHex(message.parents.join(""));
      const { author_node_id, timestamp, canonical } = message;
      if (this.#insert.run(number, id, author_node_id, timestamp, parents, canonical).changes === 0) return undefined;
      inversions.stored(message, id);
      const arrived = this.#ahead.add(message, number, id);
      if (arrived !== undefined) arrivals.set(message.id, arrived);
      if (former !== "none") this.#pruning.restored(id, typeof former === "number" ? former : undefined);
      isAnyBack ||= former !== "none";
      if (typeof former === "number") restored += 1;
      if (number < 0) {
        if (number !== former) apart += 1;
        this.#apart.set(number, message.outsider!);
      } else {
        if (arrived === undefined) shown.push(message);
        if (number !== former) log.give(message.id);
        // It was apart when it was pruned.
        if (typeof former === "number" && former < 0) placed += 1;
      }
      return number;
    });
    const seqs = stayed.map((seq, at) => {
      return seq === undefined || seq > 0 ? seq : (placedAt.get(messages[at]!.id) ?? seq);
    });
    this.#topics.add(messages, seqs, arrivals);
    this.#search.add(messages, seqs, arrivals);
    if (isAnyBack) this.#pruning.countRestored(restored - before.restored);
    else if (inversions.found && !before.inverted) this.#setInverted.run(1);
    const { version: _, ...rest } = before;
    const after: HeldTally = {
      ...rest,
      held: before.held + seqs.filter((seq) => seq !== undefined).length,
      seq: log.seq,
      restored,
      inverted: inversions.found || isAnyBack,
      apart,
      placed,
      hasAhead: before.hasAhead || arrivals.size > 0,
    };
    if (apart !== before.apart || placed !== before.placed) this.#apart.setCounts(before, after);
    const stored = messages.filter((_, at) => seqs[at] !== undefined);
    return { seqs, stored, shown, after, sum: this.#sums.stored(before.seq, log.given) };
  }
}

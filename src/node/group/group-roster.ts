import { EntmootError } from "../../core/errors.ts";
import { ForksDigest, type PublicKey, type RosterEntryId } from "../../core/ids.ts";
import { keyOf } from "../../core/record/node-key.ts";
import type { NodeInfo, RosterEntry } from "../../core/record/records.ts";
import {
  countingHeal,
  followRoster,
  historyTo,
  type KnownRoster,
  type RosterFork,
} from "../../core/roster/roster-forks.ts";
import { isRosterHealOf, type RosterHeal } from "../../core/roster/roster-heal.ts";
import { checkRosterEntry, checkSeal, RosterLog } from "../../core/roster/roster-log.ts";
import { SaltedMap, SaltedSet } from "../../core/salted-map.ts";
import type { RosterSyncOutcome } from "../../machine/event.ts";
import type { RosterView } from "../../machine/group-view.ts";
import type { RosterStore } from "../../store/group-store.ts";
import {
  forksTexts,
  HEALS_MAX,
  readForks,
  SIDE_BYTES_MAX,
  SIDE_ENTRIES_MAX,
  SIDE_ENTRY_BYTES_MAX,
  sizeOfEntry,
} from "./kept-forks.ts";

/**
 * A group's roster on this node: the log that is followed, verified once, other histories of the same founder as
 * evidence, and what heals their forks; with what the daemon asks of them.
 */
export class GroupRoster implements RosterView {
  readonly #store: RosterStore;
  #log: RosterLog;
  /** Verified entries that are not in the log, parents first. */
  #side = new SaltedMap<RosterEntryId, RosterEntry>();
  /** The one that counts, by the fork it heals. */
  #heals: ReadonlyMap<RosterEntryId, RosterHeal> = new Map();
  #isSettled = true;
  #fork: RosterFork | undefined;
  #digest = ForksDigest.zero;
  #members: SaltedMap<PublicKey, NodeInfo> | undefined;
  #authors: SaltedSet<PublicKey> | undefined;

  /** `verified`: what the store holds, where that is known. Throws `roster_rejected` when the entries kept do not chain, `data_root_invalid` for forks that cannot be read. */
  constructor(store: RosterStore, verified?: RosterLog) {
    this.#store = store;
    const log = verified ?? verifiedLog(store.entries());
    this.#log = log;
    if (log.entries.length === 0) return;
    const kept = readForks(store.forks());
    if (kept.entries.length === 0 && kept.heals.length === 0) return;
    const draft = this.#draft();
    draft.add(kept.entries, kept.heals);
    const { digest, fork, path } = followRoster({ log: log.entries, side: draft.side.values(), heals: draft.heals });
    this.#side = draft.side;
    this.#heals = draft.heals;
    this.#fork = fork;
    this.#digest = digest;
    this.#log = log.withFormer(draft.side.values());
    this.#isSettled = path.length === log.entries.length && path.at(-1)?.id === log.head;
  }

  /** For who may write: what a crash left half done is done now. */
  settle(): void {
    if (!this.#isSettled) this.#follow(this.#draft());
  }

  get log(): RosterLog {
    return this.#log;
  }

  get head(): RosterEntryId {
    return this.#log.head;
  }

  get length(): number {
    return this.#log.entries.length;
  }

  /** What is known of forks and heals, for comparison; zero for none. */
  get forks(): ForksDigest {
    return this.#digest;
  }

  get isForked(): boolean {
    return this.#fork !== undefined;
  }

  /** The fork that nothing heals yet, if there is one. */
  get fork(): RosterFork | undefined {
    return this.#fork;
  }

  /** Entries of other histories, parents first. */
  get sideEntries(): readonly RosterEntry[] {
    return [...this.#side.values()];
  }

  /** All behind the first fork, healed or not, in the log and beside it, parents first; none where nothing forked. */
  get forkedEntries(): readonly RosterEntry[] {
    const { entries } = this.#log;
    const parents = [...this.#side.values()].map(({ parents: [parent] }) => parent!);
    const points = [...parents, ...this.#heals.keys()].map((id) => this.#log.position(id) ?? entries.length);
    return points.length === 0 ? [] : [...entries.slice(Math.min(...points) + 1), ...this.#side.values()];
  }

  get heals(): readonly RosterHeal[] {
    return [...this.#heals.values()];
  }

  /** Current members by key; of several ids with one key the lowest. Members whose key is no key are left out. */
  get members(): SaltedMap<PublicKey, NodeInfo> {
    if (this.#members === undefined) {
      const members = new SaltedMap<PublicKey, NodeInfo>();
      for (const member of this.#log.members.toReversed()) {
        const key = keyOf(member);
        if (key !== undefined) members.set(key, member);
      }
      this.#members = members;
    }
    return this.#members;
  }

  /** The founder's key, when it is one. */
  get founder(): PublicKey | undefined {
    const founder = this.#log.founder;
    return founder === undefined ? undefined : keyOf(founder);
  }

  knowsAuthor(author: PublicKey): boolean {
    this.#authors ??= new SaltedSet([...this.#log.everKeys()].map(keyOf).filter((key) => key !== undefined));
    return this.#authors.has(author);
  }

  /** Whether an entry is known here, in the log or beside it. */
  knows(id: RosterEntryId): boolean {
    return this.#log.has(id) || this.#side.has(id);
  }

  /**
   * Looks at the signatures of what is new in `entries`, a few between two steps, so that taking them in afterwards is
   * quick. Ends before what would not be taken, with `false`: at a bad one, one behind nothing that is known, or one
   * that came before. `seen`: those of what came before.
   */
  *lookAt(entries: readonly RosterEntry[], seen = new SaltedSet<RosterEntryId>()): Generator<undefined, boolean> {
    const key = this.#log.founder?.entmoot_pubkey ?? null;
    for (const entry of entries) {
      if (seen.has(entry.id)) return false;
      const isKnown = this.knows(entry.id);
      const [parent] = entry.parents;
      if (!isKnown) {
        if (parent === undefined || !(this.knows(parent) || seen.has(parent))) return false;
        if (checkSeal(entry, key) !== undefined) return false;
      }
      seen.add(entry.id);
      if (!isKnown) yield undefined;
    }
    return true;
  }

  /** From the genesis to an entry of any history; `undefined` when it is not known. */
  historyTo(id: RosterEntryId): RosterEntry[] | undefined {
    return historyTo(this.#known, id);
  }

  /** Adds an entry of our own, durable on return. Throws `roster_rejected`. */
  append(entry: RosterEntry): void {
    const step = this.#log.entries.length === 0 ? this.#log.acceptGenesis(entry) : this.#log.apply(entry);
    if (!step.ok) throw new EntmootError("roster_rejected", `roster entry: refused by the log: ${step.rejection}`);
    this.#store.append([entry]);
    this.#grow(step.log, [entry]);
  }

  /** Takes what a peer's log adds to ours, durable on return. */
  sync(entries: readonly RosterEntry[]): RosterSyncOutcome {
    if (this.isForked) return this.#compare(entries);
    const { log, applied, stopped } = this.#log.sync(entries);
    if (applied.length > 0) {
      this.#store.append(applied);
      this.#grow(log, applied);
      return "extended";
    }
    if (stopped === "missing_local_head") return this.#compare(entries);
    return stopped === undefined ? "same" : "rejected";
  }

  /** Takes what a peer knows of forks and their ends, in any order, durable on return. */
  learn(entries: readonly RosterEntry[], heals: readonly RosterHeal[]): RosterSyncOutcome {
    const draft = this.#draft();
    draft.add(entries, heals);
    if (!draft.isNew) return draft.isBroken ? "rejected" : "same";
    const { head } = this.#log;
    this.#follow(draft);
    if (this.#log.head !== head) return "extended";
    return this.isForked ? "forked" : "same";
  }

  get #known(): KnownRoster {
    return { log: this.#log.entries, side: this.#side.values(), heals: this.#heals };
  }

  /** A log without our head is a part of ours, a later part of the same, or another history. */
  #compare(entries: readonly RosterEntry[]): RosterSyncOutcome {
    const [first] = entries;
    if (first === undefined) return "rejected";
    if (entries.every(({ id }) => this.knows(id))) return this.#log.has(entries.at(-1)!.id) ? "behind" : "same";
    const [parent] = first.parents;
    if (parent === undefined ? first.id !== this.#log.entries[0]?.id : false) return "rejected";
    if (parent !== undefined && !this.knows(first.id) && !this.knows(parent)) return "gap";
    return this.learn(entries, []);
  }

  #draft(): Draft {
    return new Draft(this.#log, this.#side, this.#heals);
  }

  /** Decides anew which history is followed, and keeps it; nothing is changed when it cannot be kept. */
  #follow({ heals, side: known }: Draft): void {
    const before = this.#log.entries;
    const { digest, fork, path, side } = followRoster({ log: before, side: known.values(), heals });
    const common = commonLength(before, path);
    // What leaves the log is kept beside it before it leaves it.
    this.#store.keepForks(forksTexts({ entries: side, heals: [...heals.values()] }));
    if (common < before.length || common < path.length) this.#store.rebranch(common, path.slice(common));
    this.#side = new SaltedMap(side.map((entry) => [entry.id, entry]));
    this.#heals = heals;
    this.#fork = fork;
    this.#digest = digest;
    this.#isSettled = true;
    this.#become(RosterLog.ofVerified(path).withFormer(side));
  }

  /** Becomes a log with `entries` more. Where they only admit, all that was known of the others goes on to hold. */
  #grow(log: RosterLog, entries: readonly RosterEntry[]): void {
    const before = this.#log;
    const [members, authors] = [this.#members, this.#authors];
    this.#become(log);
    const { op, subject } = entries[0]!;
    const isOneMore = entries.length === 1 && op === "add" && before.history(subject.pilot_node_id).length === 0;
    const key = keyOf(subject);
    if (!isOneMore || key === undefined) return;
    authors?.add(key);
    this.#authors = authors;
    if (members === undefined || members.has(key)) return;
    // Others may still look at what was.
    this.#members = new SaltedMap(members).set(key, subject);
  }

  #become(log: RosterLog): void {
    this.#log = log;
    this.#members = undefined;
    this.#authors = undefined;
  }
}

function verifiedLog(entries: readonly RosterEntry[]): RosterLog {
  if (entries.length === 0) return RosterLog.empty;
  const { log, stopped } = RosterLog.empty.sync(entries);
  if (stopped === undefined) return log;
  throw new EntmootError(
    "roster_rejected",
    `roster entry ${log.entries.length + 1} of ${entries.length}: expected the next entry of the chain, found ${stopped}; restore the group's database from a backup`,
  );
}

/** What is known of other histories, with what is to be added. */
class Draft {
  readonly side: SaltedMap<RosterEntryId, RosterEntry>;
  readonly heals: Map<RosterEntryId, RosterHeal>;
  /** Something was new. */
  isNew = false;
  /** One was no entry of this roster. */
  isBroken = false;
  readonly #log: RosterLog;
  #bytes: number | undefined;

  constructor(
    log: RosterLog,
    side: SaltedMap<RosterEntryId, RosterEntry>,
    heals: ReadonlyMap<RosterEntryId, RosterHeal>,
  ) {
    this.#log = log;
    this.side = new SaltedMap(side);
    this.heals = new Map(heals);
  }

  add(entries: readonly RosterEntry[], heals: readonly RosterHeal[]): void {
    for (const entry of entries) if (!this.#addEntry(entry)) break;
    for (const heal of heals) if (!this.#addHeal(heal)) break;
  }

  /** `false` where those behind it are not worth a look. */
  #addEntry(entry: RosterEntry): boolean {
    if (this.#entry(entry.id) !== undefined) return true;
    const { founder } = this.#log;
    const parent = this.#entry(entry.parents[0]);
    if (founder === undefined || parent === undefined) return false;
    this.#bytes ??= [...this.side.values()].reduce((sum, each) => sum + sizeOfEntry(each), 0);
    const bytes = sizeOfEntry(entry);
    if (bytes > SIDE_ENTRY_BYTES_MAX || this.#bytes + bytes > SIDE_BYTES_MAX) return false;
    if (this.side.size >= SIDE_ENTRIES_MAX) return false;
    this.isBroken = checkRosterEntry(entry, parent, founder) !== undefined;
    if (this.isBroken) return false;
    this.side.set(entry.id, entry);
    this.#bytes += bytes;
    this.isNew = true;
    return true;
  }

  /** `false` where those behind it are not worth a look. */
  #addHeal(heal: RosterHeal): boolean {
    const held = this.heals.get(heal.fork);
    if (held === undefined && this.heals.size >= HEALS_MAX) return false;
    if (countingHeal(held, heal) === held || this.#entry(heal.fork) === undefined) return true;
    if (!isRosterHealOf(heal, this.#log.founder?.entmoot_pubkey ?? null)) return false;
    this.heals.set(heal.fork, heal);
    this.isNew = true;
    return true;
  }

  #entry(id: RosterEntryId | undefined): RosterEntry | undefined {
    if (id === undefined) return undefined;
    return this.side.get(id) ?? this.#log.entry(id);
  }
}

function commonLength(a: readonly RosterEntry[], b: readonly RosterEntry[]): number {
  let length = 0;
  while (length < a.length && a[length]!.id === b[length]?.id) length += 1;
  return length;
}

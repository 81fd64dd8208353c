import { EntmootError } from "../../core/errors.ts";
import type { PublicKey, RosterEntryId } from "../../core/ids.ts";
import { keyOf } from "../../core/record/node-key.ts";
import type { NodeInfo, RosterEntry } from "../../core/record/records.ts";
import { RosterLog } from "../../core/roster/roster-log.ts";
import type { RosterSyncOutcome } from "../../machine/event.ts";
import type { RosterView } from "../../machine/group-view.ts";
import type { RosterStore } from "../../store/group-store.ts";

/** A group's roster log on this node: what is kept, verified once, with what the daemon asks of it. */
export class GroupRoster implements RosterView {
  readonly #store: RosterStore;
  #log: RosterLog;
  #members: ReadonlyMap<PublicKey, NodeInfo> | undefined;
  #authors: ReadonlySet<PublicKey> | undefined;

  /** Throws `roster_rejected` when the entries kept do not chain. */
  constructor(store: RosterStore) {
    this.#store = store;
    this.#log = RosterLog.empty;
    const entries = store.entries();
    if (entries.length === 0) return;
    const { log, stopped } = RosterLog.empty.sync(entries);
    if (stopped !== undefined) {
      throw new EntmootError(
        "roster_rejected",
        `roster entry ${log.entries.length + 1} of ${entries.length}: expected the next entry of the chain, found ${stopped}; restore the group's database from a backup`,
      );
    }
    this.#log = log;
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

  /** Current members by key; of several ids with one key the lowest. Members whose key is no key are left out. */
  get members(): ReadonlyMap<PublicKey, NodeInfo> {
    if (this.#members === undefined) {
      const members = new Map<PublicKey, NodeInfo>();
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
    this.#authors ??= new Set(
      this.#log.entries.map(({ subject }) => keyOf(subject)).filter((key) => key !== undefined),
    );
    return this.#authors.has(author);
  }

  /** Adds an entry of our own, durable on return. Throws `roster_rejected`. */
  append(entry: RosterEntry): void {
    const step = this.#log.entries.length === 0 ? this.#log.acceptGenesis(entry) : this.#log.apply(entry);
    if (!step.ok) throw new EntmootError("roster_rejected", `roster entry: refused by the log: ${step.rejection}`);
    this.#store.append([entry]);
    this.#become(step.log);
  }

  /** Takes what a peer's log adds to ours, durable on return. */
  sync(entries: readonly RosterEntry[]): RosterSyncOutcome {
    const { log, applied, stopped } = this.#log.sync(entries);
    if (applied.length > 0) {
      this.#store.append(applied);
      this.#become(log);
      return "extended";
    }
    if (stopped === "missing_local_head") return this.#compare(entries);
    return stopped === undefined ? "same" : "rejected";
  }

  /** A log without our head is a part of ours, a later part of the same, or another history. */
  #compare(entries: readonly RosterEntry[]): RosterSyncOutcome {
    if (entries.every(({ id }) => this.#log.has(id))) return "behind";
    const [first] = entries;
    if (first !== undefined && first.parents.length > 0) return "gap";
    // Verified last: a stranger's log of thousands of entries would cost seconds, and its first one tells.
    if (first?.id !== this.#log.entries[0]?.id) return "rejected";
    return RosterLog.empty.sync(entries).stopped === undefined ? "forked" : "rejected";
  }

  #become(log: RosterLog): void {
    this.#log = log;
    this.#members = undefined;
    this.#authors = undefined;
  }
}

import { sha256Hex } from "../bytes/sha256.ts";
import { ForksDigest, type RosterEntryId } from "../ids.ts";
import type { RosterEntry } from "../record/records.ts";
import { SaltedMap, SaltedSet } from "../salted-map.ts";
import { type RosterHeal, rosterHealId } from "./roster-heal.ts";

/** All that is known of one roster; every entry was verified behind the one it names as its parent. */
export interface KnownRoster {
  /** The log as it was followed so far, from the genesis on. */
  readonly log: readonly RosterEntry[];
  /** Those known besides. */
  readonly side: Iterable<RosterEntry>;
  /** The one that counts for each fork. */
  readonly heals: ReadonlyMap<RosterEntryId, RosterHeal>;
}

/** One of the histories that part at a fork. */
export interface RosterBranch {
  /** With those of the other branches the proof: two entries of one founder behind one. */
  readonly first: RosterEntry;
  /** Its last entry, as far as it is known. */
  readonly head: RosterEntryId;
  /** How many it has. */
  readonly entries: number;
}

/**
 * Two entries or more behind one: the founder signed several histories, and nobody but it can say which is meant. One or
 * none where the founder has kept a history that is not known here yet.
 */
export interface RosterFork {
  /** The last entry that all have. */
  readonly point: RosterEntryId;
  /** By the id of the first entry. */
  readonly branches: readonly RosterBranch[];
}

export interface FollowedRoster {
  /** From the genesis on, and past forks that were healed. */
  readonly path: readonly RosterEntry[];
  /** What is not on it, parents first. */
  readonly side: readonly RosterEntry[];
  /** The first fork on the path that nothing heals; nothing behind it is followed that was not followed before. */
  readonly fork: RosterFork | undefined;
  /** The same for all who know the same, however long the roster has gone on behind its last healed fork. */
  readonly digest: ForksDigest;
}

/** Of two heals of one fork the one that counts: everybody ends with the same, in whatever order they come. */
export function countingHeal(a: RosterHeal | undefined, b: RosterHeal): RosterHeal {
  return a !== undefined && rosterHealId(a) >= rosterHealId(b) ? a : b;
}

/** Which history is followed, as far as what is known decides it. */
export function followRoster(known: KnownRoster): FollowedRoster {
  const tree = new HistoryTree(known);
  const path: RosterEntry[] = [];
  let fork: RosterFork | undefined;
  for (let at = known.log[0]; at !== undefined; ) {
    path.push(at);
    const next: RosterEntry | "undecided" | undefined = tree.next(at.id);
    if (next === "undecided") {
      fork = tree.forkAt(at.id);
      break;
    }
    at = next;
  }
  // Where nothing decides, what was followed is followed no further.
  if (fork !== undefined && known.log[path.length - 1]?.id === fork.point) path.push(...known.log.slice(path.length));
  const onPath = new SaltedSet(path.map(({ id }) => id));
  const side = [...tree.all()].filter(({ id }) => !onPath.has(id));
  const trunk = fork === undefined ? path.at(-1)?.id : undefined;
  return { path, side, fork, digest: tree.digest(trunk) };
}

/** From the genesis to an entry; `undefined` when it is not known. */
export function historyTo(known: KnownRoster, id: RosterEntryId): RosterEntry[] | undefined {
  return new HistoryTree(known).historyTo(id);
}

class HistoryTree {
  readonly #known: KnownRoster;
  readonly #byId = new SaltedMap<RosterEntryId, RosterEntry>();
  readonly #children = new SaltedMap<RosterEntryId, RosterEntry[]>();

  constructor(known: KnownRoster) {
    this.#known = known;
    for (const entry of [...known.log, ...known.side]) {
      if (this.#byId.has(entry.id)) continue;
      this.#byId.set(entry.id, entry);
      const [parent] = entry.parents;
      if (parent === undefined) continue;
      const siblings = this.#children.get(parent);
      if (siblings === undefined) this.#children.set(parent, [entry]);
      else siblings.push(entry);
    }
  }

  after(id: RosterEntryId): readonly RosterEntry[] {
    return this.#children.get(id) ?? [];
  }

  /** What follows an entry; undecided where several do that nothing heals, and while what a heal keeps is not known. */
  next(id: RosterEntryId): RosterEntry | "undecided" | undefined {
    const heal = this.#known.heals.get(id);
    if (heal !== undefined) {
      let at = this.#byId.get(heal.kept);
      if (at === undefined) return "undecided";
      while (at !== undefined && at.parents[0] !== id) at = this.#parentOf(at);
      // One that keeps what is not behind its fork decides nothing.
      if (at !== undefined) return at;
    }
    const [only, ...others] = this.after(id);
    return others.length > 0 ? "undecided" : only;
  }

  forkAt(point: RosterEntryId): RosterFork {
    const branches = this.after(point)
      .toSorted((a, b) => (a.id < b.id ? -1 : 1))
      .map((first) => ({ first, ...this.#end(first) }));
    return { point, branches };
  }

  historyTo(id: RosterEntryId): RosterEntry[] | undefined {
    const path: RosterEntry[] = [];
    for (let at = this.#byId.get(id); at !== undefined; at = this.#parentOf(at)) path.push(at);
    return path.length === 0 ? undefined : path.reverse();
  }

  /** Parents first. */
  *all(): Generator<RosterEntry> {
    const waiting = this.#known.log.slice(0, 1);
    for (let entry = waiting.pop(); entry !== undefined; entry = waiting.pop()) {
      yield entry;
      waiting.push(...this.after(entry.id));
    }
  }

  /** `trunk`: the end that all who know as much as we follow by themselves. */
  digest(trunk: RosterEntryId | undefined): ForksDigest {
    const ends = [...this.#byId.keys()].filter((id) => id !== trunk && !this.#children.has(id));
    const heals = [...this.#known.heals.values()].map(rosterHealId);
    // The one end there is belongs to who has no fork at all.
    if (heals.length === 0 && ends.length === 0) return ForksDigest.zero;
    return ForksDigest.fromHex(sha256Hex([...ends.sort(), "", ...heals.sort()].join("\n")));
  }

  /** Where a branch ends. Where it parts again the longest way counts, and of equal ones the lower id. */
  #end(first: RosterEntry): { head: RosterEntryId; entries: number } {
    let end = { head: first.id, entries: 1 };
    const waiting = [{ entry: first, entries: 1 }];
    for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
      const { entries, entry } = at;
      const isLower = entries === end.entries && entry.id < end.head;
      if (entries > end.entries || isLower) end = { head: entry.id, entries };
      for (const next of this.after(entry.id)) waiting.push({ entry: next, entries: entries + 1 });
    }
    return end;
  }

  #parentOf({ parents }: RosterEntry): RosterEntry | undefined {
    const [parent] = parents;
    return parent === undefined ? undefined : this.#byId.get(parent);
  }
}

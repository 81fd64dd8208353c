import { RosterEntryId } from "../ids.ts";
import type { NodeInfo, RosterEntry } from "../record/records.ts";
import { SaltedMap } from "../salted-map.ts";
import { verifySignature } from "../signature.ts";
import { rosterEntryIdOf, rosterEntrySigningForm } from "./roster-entry.ts";
import type { RosterRejection } from "./roster-rejection.ts";

type RosterStep =
  | { readonly ok: true; readonly log: RosterLog }
  | { readonly ok: false; readonly rejection: RosterRejection };

/** What came of several entries. */
interface RosterAppend {
  /** The log with every entry up to the first rejected one; the old log itself when none was new. */
  readonly log: RosterLog;
  readonly applied: readonly RosterEntry[];
  /** Why the entry after `applied` was rejected, if one was. */
  readonly stopped: RosterRejection | undefined;
}

/** What came of a whole roster response. */
export type RosterResponseOutcome = Omit<RosterAppend, "stopped"> & {
  /**
   * `missing_local_head`: the response does not continue this log; the peer is behind or on a fork,
   * and another may do better.
   */
  readonly stopped: RosterAppend["stopped"] | "empty_response" | "missing_local_head";
};

/** An entry of the log, as the start or the end of something. */
interface RosterPoint {
  /** Position in the log; the genesis is 0. */
  readonly index: number;
  /** int64, Unix milliseconds, the founder's clock. */
  readonly timestamp: bigint;
}

/** One stretch of the log through which a node id belonged to a key. */
interface KeySpan {
  /** As the log has it: null, or of any length. */
  readonly key: Uint8Array | null;
  readonly from: RosterPoint;
  /** The entry that removed or replaced the key; `undefined` while it holds. */
  readonly until: RosterPoint | undefined;
}

/** Of what stands in another history. */
const NOWHERE = -1;
const AFTER_ALL: RosterPoint = { index: NOWHERE, timestamp: 2n ** 63n - 1n };

const OPS: ReadonlySet<string> = new Set(["add", "remove", "policy_change"]);

/**
 * The membership of one group: a chain of entries signed by its founder. A value: what changes it
 * returns the next log and leaves this one alone. The checks are the network's, neither more nor
 * fewer, because a stricter reader would refuse logs its peers took and never agree with them again.
 */
export class RosterLog {
  /** The log of a group nothing is known of yet. */
  static readonly empty = new RosterLog([], new Map());

  /** In the order applied. */
  readonly entries: readonly RosterEntry[];
  readonly #history: ReadonlyMap<number, readonly KeySpan[]>;
  #members: ReadonlyMap<number, NodeInfo> | undefined;
  #nodeIdByKey: SaltedMap<string, number> | undefined;
  #positions: SaltedMap<RosterEntryId, number> | undefined;

  /** Start from `RosterLog.empty`: only the steps below check what they append. */
  constructor(entries: readonly RosterEntry[], history: ReadonlyMap<number, readonly KeySpan[]>) {
    this.entries = entries;
    this.#history = history;
  }

  /** Id of the last entry; all zero when there is none. */
  get head(): RosterEntryId {
    return this.entries.at(-1)?.id ?? RosterEntryId.zero;
  }

  /** The genesis names it for good, even if a later entry removes or re-keys it. */
  get founder(): NodeInfo | undefined {
    return this.entries[0]?.subject;
  }

  /** Current members, ascending by node id. */
  get members(): readonly NodeInfo[] {
    return [...this.#memberMap().values()];
  }

  /** The current member with this node id. */
  member(nodeId: number): NodeInfo | undefined {
    return this.#memberMap().get(nodeId);
  }

  /** The current member with this key; of several node ids with one key, the lowest. */
  memberByKey(key: Uint8Array): NodeInfo | undefined {
    if (this.#nodeIdByKey === undefined) {
      const byKey = new SaltedMap<string, number>();
      for (const { pilot_node_id, entmoot_pubkey } of this.members.toReversed()) {
        if (entmoot_pubkey !== null) byKey.set(entmoot_pubkey.toHex(), pilot_node_id);
      }
      this.#nodeIdByKey = byKey;
    }
    const nodeId = this.#nodeIdByKey.get(key.toHex());
    return nodeId === undefined ? undefined : this.member(nodeId);
  }

  /** The log of entries that were all verified before, in their order. */
  static ofVerified(entries: readonly RosterEntry[]): RosterLog {
    const next = new Builder([], new Map());
    for (const entry of entries) next.take(entry);
    return build(next);
  }

  /**
   * The same log that also knows the keys these gave to their node ids, in another history of the same founder: what
   * they signed is no less theirs, from then on. They are members by nothing of it.
   */
  withFormer(entries: Iterable<RosterEntry>): RosterLog {
    const history = new Map(this.#history);
    for (const { op, subject, timestamp } of entries) {
      if (op !== "add") continue;
      const { entmoot_pubkey: key, pilot_node_id: nodeId } = subject;
      const spans = history.get(nodeId) ?? [];
      if (spans.some((span) => sameKey(span.key, key) && span.from.timestamp <= timestamp)) continue;
      history.set(nodeId, [{ key, from: { index: NOWHERE, timestamp }, until: AFTER_ALL }, ...spans]);
    }
    return new RosterLog(this.entries, history);
  }

  /** The policy (JSON text) that the entry behind the genesis says: what the moot was founded with. Originals keep it, and pass it over. */
  get foundingPolicy(): string | undefined {
    const entry = this.entries[1];
    return entry?.op === "policy_change" ? entry.policy : undefined;
  }

  /**
   * The date of an entry as far as it may be believed (Unix milliseconds): one that lies after `latest`, as a founder whose
   * clock runs ahead writes it, is taken for as old as the last entry that does not, and for 0 behind none.
   */
  believed(date: bigint, latest: bigint): bigint {
    if (date <= latest) return date;
    // Each entry is later than the one before.
    let [from, to] = [0, this.entries.length];
    while (from < to) {
      const middle = (from + to) >>> 1;
      if (this.entries[middle]!.timestamp <= latest) from = middle + 1;
      else to = middle;
    }
    return this.entries[from - 1]?.timestamp ?? 0n;
  }

  /** When a node id was first given a key, in whichever history, Unix milliseconds; `undefined` when it never was. */
  admittedAt(nodeId: number): bigint | undefined {
    const dates = this.history(nodeId).map(({ from }) => from.timestamp);
    return dates.length === 0 ? undefined : dates.reduce((first, date) => (date < first ? date : first));
  }

  /** The entry that began the membership that this key has now; `undefined` for who is no member. */
  admissionOf(key: Uint8Array): RosterEntry | undefined {
    const member = this.memberByKey(key);
    const span = member && this.history(member.pilot_node_id).at(-1);
    return span && this.entries[span.from.index];
  }

  /** The entry that ended the latest membership of this key; `undefined` while it is a member or when it never was. */
  removalOf(key: Uint8Array): RosterEntry | undefined {
    return this.endedMembershipOf(key)?.removed;
  }

  /** The entries that began and ended the latest membership of this key, as `removalOf`. */
  endedMembershipOf(key: Uint8Array): { readonly admitted: RosterEntry; readonly removed: RosterEntry } | undefined {
    if (this.memberByKey(key) !== undefined) return undefined;
    let [from, at] = [-1, -1];
    for (const spans of this.#history.values()) {
      for (const span of spans) {
        if (span.until === undefined || span.until.index <= at || !sameKey(span.key, key)) continue;
        [from, at] = [span.from.index, span.until.index];
      }
    }
    const [admitted, removed] = [this.entries[from], this.entries[at]];
    return admitted === undefined || removed === undefined ? undefined : { admitted, removed };
  }

  /** Every key that any node id ever had, with it. */
  *everKeys(): Generator<NodeInfo> {
    for (const [nodeId, spans] of this.#history) {
      for (const { key } of spans) yield { pilot_node_id: nodeId, entmoot_pubkey: key };
    }
  }

  /** Whether an entry is in the log, at any depth. */
  has(id: RosterEntryId): boolean {
    return this.position(id) !== undefined;
  }

  /** Where an entry stands, the genesis at 0. */
  position(id: RosterEntryId): number | undefined {
    this.#positions ??= this.#placeEntries();
    return this.#positions.get(id);
  }

  entry(id: RosterEntryId): RosterEntry | undefined {
    const at = this.position(id);
    return at === undefined ? undefined : this.entries[at];
  }

  /** Every key this node id ever belonged to, those of other histories first, then oldest first; empty when it was never added. */
  history(nodeId: number): readonly KeySpan[] {
    return this.#history.get(nodeId) ?? [];
  }

  /** The log that starts with `entry`. */
  acceptGenesis(entry: RosterEntry): RosterStep {
    const next = new Builder(this.entries, this.#history);
    const rejection = next.acceptGenesis(entry);
    return rejection === undefined ? { ok: true, log: build(next) } : { ok: false, rejection };
  }

  /** The log with `entry` at its end. */
  apply(entry: RosterEntry): RosterStep {
    const next = new Builder(this.entries, this.#history);
    const rejection = next.apply(entry);
    return rejection === undefined ? { ok: true, log: build(next) } : { ok: false, rejection };
  }

  /**
   * The log continued by what a peer sent: a whole log, or any part that holds our head. Entries
   * up to the head are not looked at again; entries before a rejected one stay.
   */
  sync(response: readonly RosterEntry[]): RosterResponseOutcome {
    const [first] = response;
    if (first === undefined) return { log: this, applied: [], stopped: "empty_response" };
    if (this.entries.length === 0) {
      const start = this.acceptGenesis(first);
      if (!start.ok) return { log: this, applied: [], stopped: start.rejection };
      const rest = start.log.sync(response);
      return { ...rest, applied: [first, ...rest.applied] };
    }
    const known = response.findIndex((entry) => entry.id === this.head);
    if (known < 0) return { log: this, applied: [], stopped: "missing_local_head" };
    return this.append(response.slice(known + 1));
  }

  /** The log with `entries` at its end, up to the first that is rejected. */
  append(entries: readonly RosterEntry[]): RosterAppend {
    const next = new Builder(this.entries, this.#history);
    const applied: RosterEntry[] = [];
    let stopped: RosterRejection | undefined;
    for (const entry of entries) {
      stopped = next.apply(entry);
      if (stopped !== undefined) break;
      applied.push(entry);
    }
    return { log: applied.length === 0 ? this : build(next), applied, stopped };
  }

  /**
   * Every key the author's node id ever had, each once, likeliest first: the one the message names, the current one, the
   * others latest first. Grows with the log and never shrinks, so that what was kept once is kept by who comes later.
   * Which of them counted at a date is not asked: members heard of a change at different times.
   */
  authorKeys({ pilot_node_id, entmoot_pubkey: named }: NodeInfo): readonly Uint8Array[] {
    const keys = new Map<string, Uint8Array>();
    for (const { key } of this.history(pilot_node_id).toReversed()) if (key !== null) keys.set(key.toHex(), key);
    const first = named === null ? undefined : keys.get(named.toHex());
    return first === undefined ? [...keys.values()] : [first, ...[...keys.values()].filter((key) => key !== first)];
  }

  #placeEntries(): SaltedMap<RosterEntryId, number> {
    const positions = new SaltedMap<RosterEntryId, number>();
    for (const [at, { id }] of this.entries.entries()) positions.set(id, at);
    return positions;
  }

  #memberMap(): ReadonlyMap<number, NodeInfo> {
    if (this.#members === undefined) {
      const members: [number, NodeInfo][] = [];
      for (const [nodeId, spans] of this.#history) {
        const last = spans.at(-1);
        if (last?.until === undefined && last !== undefined) {
          members.push([nodeId, { pilot_node_id: nodeId, entmoot_pubkey: last.key }]);
        }
      }
      this.#members = new Map(members.sort(([a], [b]) => a - b));
    }
    return this.#members;
  }
}

/** A log being written, so that a thousand entries cost one copy. */
class Builder {
  readonly entries: RosterEntry[];
  readonly history: Map<number, readonly KeySpan[]>;

  constructor(entries: readonly RosterEntry[], history: ReadonlyMap<number, readonly KeySpan[]>) {
    this.entries = [...entries];
    this.history = new Map(history);
  }

  acceptGenesis(entry: RosterEntry): RosterRejection | undefined {
    const rejection = this.entries.length > 0 ? "non_empty_log" : checkGenesis(entry);
    if (rejection === undefined) this.take(entry);
    return rejection;
  }

  apply(entry: RosterEntry): RosterRejection | undefined {
    const [genesis] = this.entries;
    const head = this.entries.at(-1);
    if (genesis === undefined || head === undefined) return "empty_log";
    const rejection = checkRosterEntry(entry, head, genesis.subject);
    if (rejection === undefined) this.take(entry);
    return rejection;
  }

  /** Without a look at it. */
  take(entry: RosterEntry): void {
    const point = { index: this.entries.length, timestamp: entry.timestamp };
    this.entries.push(entry);
    if (entry.op === "policy_change") return;
    const nodeId = entry.subject.pilot_node_id;
    const spans = this.history.get(nodeId) ?? [];
    const last = spans.at(-1);
    const isMember = last !== undefined && last.until === undefined;
    if (entry.op === "add") {
      const key = entry.subject.entmoot_pubkey;
      if (isMember && sameKey(last.key, key)) return;
      const before = isMember ? [...spans.slice(0, -1), { ...last, until: point }] : spans;
      this.history.set(nodeId, [...before, { key, from: point, until: undefined }]);
    } else if (isMember) {
      this.history.set(nodeId, [...spans.slice(0, -1), { ...last, until: point }]);
    }
  }
}

function build({ entries, history }: Builder): RosterLog {
  return new RosterLog(entries, history);
}

/** The check that `entry` fails first as the one a log starts with. */
export function checkGenesis(entry: RosterEntry): RosterRejection | undefined {
  const { actor, op, parents, subject } = entry;
  if (op !== "add") return "genesis_op";
  if (parents.length > 0) return "genesis_parents";
  if (actor !== subject.pilot_node_id) return "genesis_actor";
  if (subject.entmoot_pubkey === null || subject.entmoot_pubkey.length === 0) return "genesis_no_key";
  return checkSeal(entry, subject.entmoot_pubkey);
}

/** The check that `entry` fails first as the one behind `before`, in a log of `founder`. */
export function checkRosterEntry(
  entry: RosterEntry,
  before: Pick<RosterEntry, "id" | "timestamp">,
  founder: NodeInfo,
): RosterRejection | undefined {
  if (!OPS.has(entry.op)) return "invalid_op";
  if (entry.actor !== founder.pilot_node_id) return "not_founder";
  const rejection = checkSeal(entry, founder.entmoot_pubkey);
  if (rejection !== undefined) return rejection;
  if (entry.timestamp <= before.timestamp) return "timestamp_not_greater";
  if (entry.parents.length !== 1 || entry.parents[0] !== before.id) return "bad_parent";
  return undefined;
}

/** By whose key an entry was found good, so that many can be looked at one by one before they are taken together. */
const sealedBy = new WeakMap<RosterEntry, string>();

/** Whether an entry has its own id and the signature of `key`, or why not. */
export function checkSeal(entry: RosterEntry, key: Uint8Array | null): "bad_id" | "bad_signature" | undefined {
  const by = key?.toHex();
  if (by !== undefined && sealedBy.get(entry) === by) return undefined;
  const signing = rosterEntrySigningForm(entry);
  if (rosterEntryIdOf(signing) !== entry.id) return "bad_id";
  if (!verifySignature(key, signing, entry.signature)) return "bad_signature";
  if (by !== undefined) sealedBy.set(entry, by);
  return undefined;
}

/** `null` and empty are two keys: they print differently. */
function sameKey(a: Uint8Array | null, b: Uint8Array | null): boolean {
  if (a === null || b === null) return a === b;
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

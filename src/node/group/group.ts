import { type Clock, unixMs } from "../../core/clock.ts";
import { EntmootError } from "../../core/errors.ts";
import { type GroupId, MerkleRoot, type MessageId, type PublicKey } from "../../core/ids.ts";
import type { TimePlace } from "../../core/order/time-place.ts";
import type { SignedNote } from "../../core/record/note.ts";
import type { NodeInfo, RosterEntry } from "../../core/record/records.ts";
import type { RosterHeal } from "../../core/roster/roster-heal.ts";
import type { RosterLog } from "../../core/roster/roster-log.ts";
import { keysOf, type SaltedMap } from "../../core/salted-map.ts";
import type { Log } from "../../host/log.ts";
import type { ClockWatch } from "../../machine/clock-watch.ts";
import { type CopyComparison, compareCopies } from "../../machine/copy-comparison.ts";
import type { Event, RosterSyncOutcome, Via } from "../../machine/event.ts";
import { GroupMachine } from "../../machine/group-machine.ts";
import type { MachineConfig } from "../../machine/machine-config.ts";
import type { Random } from "../../machine/random.ts";
import type { GroupStore } from "../../store/group-store.ts";
import type { CopySummary } from "../../wire/peer/status-frames.ts";
import type { CarryOut } from "../carrier/carry-out.ts";
import type { ChangeSignal } from "../change-signal.ts";
import { BatchWriter } from "./batch-writer.ts";
import { collectWhenQuiet } from "./collect-garbage.ts";
import { CopyIndex } from "./copy-index.ts";
import { FounderDoubt } from "./founder-doubt.ts";
import { GroupPolicy } from "./group-policy.ts";
import { GroupRoster } from "./group-roster.ts";
import { Indexing } from "./indexing.ts";
import { Ingest, type Ingested, type KnownSigned, type PolicyNo } from "./ingest.ts";
import { isLeaveOf, leftMs } from "./leaves.ts";
import { OrderLoading } from "./order-loading.ts";
import { Owed } from "./owed.ts";
import { PolicyPass } from "./policy-pass.ts";
import { Rejoining } from "./rejoining.ts";
import { type Removal, removalOf, removalText } from "./removal.ts";
import { Retention } from "./retention.ts";
import { Settling } from "./settling.ts";

/** How bodies came. */
export interface IngestSource {
  readonly from: PublicKey;
  readonly via: Exclude<Via, "publish">;
  /** By a program here, which is told what became of them. */
  readonly isHandedIn?: boolean;
  /** From a file that was verified, see `KnownSigned`. Members find them by comparison. */
  readonly history?: { readonly signed: KnownSigned };
}

export interface GroupParts {
  readonly store: GroupStore;
  /** The whole roster log of the store, where it was verified before: it is not read and verified a second time. */
  readonly verified?: RosterLog;
  readonly local: PublicKey;
  readonly config: MachineConfig;
  readonly random: Random;
  readonly clock: Clock;
  /** Drawn when this process started: members tell by it whether one key runs twice. */
  readonly instance: string;
  /** Why what is kept may be older than it was; matters to a founder with other members. */
  readonly doubt?: (roster: GroupRoster) => string | undefined;
  /** Of the node: one for all its groups. */
  readonly watch: ClockWatch;
  readonly log: Log;
  /** Carries out what the machines decide; without peers it does nothing. */
  readonly carryOut: Pick<CarryOut, "run"> | undefined;
  /** Told when new messages or members are there to be looked at. */
  readonly changed: Pick<ChangeSignal, "notify">;
  /** What is kept could not be read just now, which no peer brought about; thrown to whoever told when absent. */
  readonly onFailed?: (group: Group, error: EntmootError) => void;
  /** Members before and after a change of the roster. */
  readonly onMembers: (group: Group, before: SaltedMap<PublicKey, NodeInfo>) => void;
}

/**
 * One moot on this node: what is kept of it, the way in for messages, and its machines. Events reach the
 * machines one at a time; nothing awaits in the middle of one.
 */
export class Group {
  readonly id: GroupId;
  readonly store: GroupStore;
  readonly roster: GroupRoster;
  readonly policy: GroupPolicy;
  readonly retention: Retention;
  readonly writer: BatchWriter;
  readonly #owed: Owed;
  readonly #policyPass: PolicyPass;
  /** Resolves when a first comparison with a member has ended: what it had is here. */
  readonly compared: Promise<void>;
  readonly #hasCompared = Promise.withResolvers<void>();
  /** Whether this node's copy may be older than what it has signed as the founder. */
  readonly doubt: FounderDoubt;
  readonly #parts: GroupParts;
  readonly #ingest: Ingest;
  readonly #index: CopyIndex;
  readonly #machine: GroupMachine;
  readonly #rejoining: Rejoining;
  readonly #settling: Settling;
  readonly #indexing: Indexing;
  readonly #order: OrderLoading;
  /** Of this node, where it is kept; it may be of an earlier membership. */
  #ownLeave: SignedNote | undefined;
  #closed = false;

  /** Throws `roster_rejected`, `data_root_invalid`. */
  constructor(parts: GroupParts) {
    const { clock, config, local, log, random, store, watch } = parts;
    this.#parts = parts;
    this.store = store;
    this.id = store.groupId;
    this.roster = new GroupRoster(store.roster, parts.verified);
    const founder = () => this.roster.log.founder?.pilot_node_id;
    const founding = () => this.roster.log.foundingPolicy;
    this.policy = new GroupPolicy(store, { founder, founding, unix: () => clock.unix() });
    this.retention = new Retention({ store, policy: this.policy, founder, clock, watch, config: config.time, log });
    this.#ownLeave = store.notes.get({ kind: "leave", author: local });
    this.compared = this.#hasCompared.promise;
    this.doubt = new FounderDoubt(this.isFounder ? parts.doubt?.(this.roster) : undefined);
    this.writer = new BatchWriter(clock, store.messages, () => this.#committed());
    const { messages } = store;
    const { policy, retention, roster, writer } = this;
    const owed = new Owed({ clock, ask: (from, ids) => this.#askFor(from, ids) });
    this.#owed = owed;
    this.#policyPass = new PolicyPass({ messages, policy, roster, clock, onDone: () => this.#policiesHold() });
    this.#ingest = new Ingest({
      groupId: this.id,
      ...{ messages, roster, policy, retention, writer, clock, owed },
      onPolicies: () => this.policiesChanged(),
    });
    this.#index = new CopyIndex(messages, retention, owed);
    this.#rejoining = new Rejoining({ messages, clock, roster, changed: parts.changed });
    this.#order = new OrderLoading(messages, clock);
    this.#settling = new Settling({ messages, clock, retention });
    this.#indexing = new Indexing(messages.search, clock);
    this.#machine = new GroupMachine({ local, messages: this.#index, roster, random, config });
  }

  /** The founder's policy updates from before `ms` (Unix milliseconds) that count however old they are. */
  policyUpdatesBefore(ms: bigint): TimePlace[] {
    const author_node_id = this.roster.log.founder?.pilot_node_id;
    if (author_node_id === undefined) return [];
    return this.policy.updatesBefore(ms).map(({ from, id }) => ({ timestamp: from, author_node_id, id }));
  }

  /** This node in the group's roster; `undefined` when its key is not in it. */
  get self(): NodeInfo | undefined {
    return this.roster.members.get(this.#parts.local);
  }

  get isFounder(): boolean {
    return this.roster.founder === this.#parts.local;
  }

  /** This node as a member. Throws `not_member`. */
  requireSelf(): NodeInfo {
    const { self } = this;
    if (self !== undefined) return self;
    const { removal } = this;
    const why = removal === undefined ? "" : `: ${removalText(removal)}`;
    throw new EntmootError(
      "not_member",
      `local node is not a current group member${why}; ask the founder to add it again`,
    );
  }

  /** Since when this node has left, while the founder has not removed it yet, Unix milliseconds; `undefined`: it has not. */
  get leftMs(): number | undefined {
    const note = this.#ownLeave;
    return note !== undefined && isLeaveOf(note, this.roster) ? leftMs(note) : undefined;
  }

  /** A note of this node that says it has left is kept. */
  noteLeave(note: SignedNote): void {
    this.#ownLeave = note;
  }

  /** What ended this node's membership; `undefined` while it is a member, and for one that never was. */
  get removal(): Removal | undefined {
    return removalOf(this, this.#parts.local);
  }

  /**
   * To be awaited ahead of what says the Merkle root, or names parents: after a start both may cost a pass over all that
   * is held, which goes in turns here and in one piece there. `undefined` where there is nothing to wait for.
   */
  ordered(of: "root" | "parents" = "root"): Promise<void> | undefined {
    return this.#order.ready(of);
  }

  /** What this node asks `peer` with: its copy, as far as it wants it. */
  question(peer: PublicKey): CopySummary {
    return this.#summary(this.retention.wantedFromMs, peer);
  }

  /** What it answers `peer`, which says this of its own copy. */
  answer(peer: PublicKey, { shared_since_ms }: CopySummary): CopySummary {
    return this.#summary(Math.max(shared_since_ms, this.retention.prunedToMs), peer);
  }

  /** A member said of its copy, with a question or an answer. */
  hearStatus(from: PublicKey, status: CopySummary, isQuestion: boolean): void {
    // First the time: what is compared depends on what is too old by now.
    if (this.#closed) return;
    if (status.now_ms > 0) {
      this.retention.hear(from, unixMs(status.now_ms));
      this.#settling.look();
    }
    const isOurs = this.roster.log.has(status.roster_head) && status.roster_forks === this.roster.forks;
    this.tell({ kind: "status", from, status, isQuestion });
    if (isOurs) this.doubt.rosterAgrees();
  }

  /** How the copy of `peer` stood to ours when they were last compared; `undefined` when they were not. */
  copyOf(peer: PublicKey): CopyComparison | undefined {
    return this.#machine.copyOf(peer);
  }

  /** How the copy that `peer` says it has stands to ours now; nothing is begun by it. */
  beside(peer: PublicKey, status: CopySummary): CopyComparison {
    return compareCopies(this.#index, peer, status);
  }

  /** A comparison with a member ended well. */
  noteCompared(): void {
    this.#hasCompared.resolve();
    this.doubt.messagesAgree();
  }

  /** The machines start with the first call: they are told the members. */
  start(): void {
    this.roster.settle();
    this.#tellMembers();
    // Who only does one thing here and ends removes nothing.
    if (this.#parts.carryOut !== undefined) this.retention.begin();
    if (this.#parts.carryOut !== undefined) this.#indexing.look();
    if (this.#parts.carryOut !== undefined && this.policy.isPassDue) this.#policyPass.start();
  }

  /** Tells the machines one thing and starts what they decide. */
  tell(event: Event): void {
    if (this.#closed) return;
    try {
      // Where nothing is written any more, old messages still pass their time.
      if (event.kind === "timer" && event.timer === "compare") {
        this.retention.tick();
        this.#rejoining.look();
        this.#settling.look();
        this.#indexing.look();
      }
      const effects = this.#machine.handle(event, this.#parts.clock.steady());
      this.#parts.carryOut?.run(this, effects);
    } catch (error) {
      // The next comparison makes up for what this one would have begun; a group that cannot be read must not end the node.
      const { onFailed } = this.#parts;
      if (!(error instanceof EntmootError) || onFailed === undefined) throw error;
      onFailed(this, error);
    }
  }

  /**
   * Ingests bodies a peer sent and tells the machines what became of them, except that a `fetch` is over:
   * that is for the caller, who knows what was asked.
   */
  async ingest(bodies: readonly Uint8Array[], source: IngestSource): Promise<Ingested> {
    const { from, history, isHandedIn = false, via } = source;
    const { log } = this.roster;
    const ingested = await this.#ingest.accept(bodies, via, history?.signed);
    this.#owed.settled([...ingested.stored, ...ingested.known, ...ingested.refused]);
    // Who handed one in is told, and tries again. What there is no room for is left alone, as what is refused.
    const left = isHandedIn ? [] : ingested.delays.filter((delay) => !this.#owed.note({ ...delay, from }));
    const apart = new Set(ingested.apart);
    const fresh = ingested.stored.filter((id) => !apart.has(id));
    if (fresh.length > 0)
      this.tell({ kind: "stored", ids: fresh, from, via, ...(history === undefined ? {} : { apart: true }) });
    if (apart.size > 0) {
      this.tell({ kind: "stored", ids: [...apart], from, via, apart: true });
      // Its author may have come back while it was on its way.
      if (this.roster.log !== log) this.#rejoining.look();
    }
    if (via === "push" && ingested.known.length > 0) this.tell({ kind: "duplicate", from, ids: ingested.known });
    // Of a file nobody can be asked for the roster that knows them.
    const askable = history === undefined ? ingested.unknownAuthor : [];
    for (const held of askable) this.tell({ kind: "unknown_author", from, ...held });
    if (left.length === 0) return ingested;
    const ids = new Set(left.map(({ id }) => id));
    const owed = ingested.owed.filter((id) => !ids.has(id));
    return { ...ingested, owed, refused: [...ingested.refused, ...ids] };
  }

  /** Accepts what a roster log adds to ours that a peer sent, asked for or not. */
  acceptRoster(entries: readonly RosterEntry[], from: PublicKey): RosterSyncOutcome {
    const before = this.roster.members;
    const outcome = this.roster.sync(entries);
    if (outcome === "extended" || outcome === "forked") this.#membersChanged(before);
    this.tell({ kind: "roster", from, outcome });
    return outcome;
  }

  /** Takes in what a member, or one that takes us for a stranger, knows of other histories and of our removal. */
  acceptForks(entries: readonly RosterEntry[], heals: readonly RosterHeal[], from: PublicKey): RosterSyncOutcome {
    const before = this.roster.members;
    const ours = heals.filter(({ group_id }) => group_id === this.id);
    const outcome = this.roster.learn(entries, ours);
    if (outcome === "extended" || outcome === "forked") this.#membersChanged(before);
    this.tell({ kind: "roster", from, outcome });
    return outcome;
  }

  /** Ends a fork by the founder's word, made here, and spreads it. */
  healRoster(heal: RosterHeal): void {
    const before = this.roster.members;
    this.roster.learn([], [heal]);
    this.#membersChanged(before);
    this.tell({ kind: "roster", from: undefined, outcome: "extended" });
  }

  /** Adds a roster entry made here and spreads it. Throws `roster_rejected`. */
  appendRoster(entry: RosterEntry): void {
    const before = this.roster.members;
    this.roster.append(entry);
    this.#membersChanged(before);
    this.tell({ kind: "roster", from: undefined, outcome: "extended" });
  }

  /** Other policies hold: what is held is held to them, and what was refused by the former ones is looked at again. */
  policiesChanged(): void {
    this.#holdToPolicies();
    this.#tellMembers();
    this.#parts.changed.notify();
  }

  #holdToPolicies(): void {
    this.#owed.forget();
    this.#ingest.forgetRefusals();
    this.retention.tick();
    this.#policyPass.start();
  }

  /** Why the policy refused a message of late, as far as that is remembered. */
  refusalOf(id: MessageId): PolicyNo | undefined {
    return this.#ingest.refusal(id);
  }

  /** How long until the turn of a message that waits for its author's budget, in milliseconds; `undefined` for others. */
  owedWaitOf(id: MessageId): number | undefined {
    return this.#owed.waitOf(id);
  }

  /** Messages that wait for their authors' budgets. */
  get owed(): number {
    return this.#owed.size;
  }

  async close(): Promise<void> {
    await this.writer.close();
    this.#owed.close();
    this.#policyPass.close();
    this.retention.close();
    this.#rejoining.close();
    this.#settling.close();
    this.#indexing.close();
    this.#order.close();
    this.#closed = true;
  }

  /** `fromMs`: what is compared with `peer` begins there, Unix milliseconds; 0: all of it. */
  #summary(fromMs: number, peer: PublicKey): CopySummary {
    const { messages } = this.store;
    const part = fromMs === 0 ? undefined : this.retention.sharedSince(fromMs, peer);
    return {
      group_id: this.id,
      roster_head: this.roster.head,
      roster_length: this.roster.length,
      roster_forks: this.roster.forks,
      instance: this.#parts.instance,
      merkle_root: messages.merkleRoot(),
      message_count: messages.size,
      now_ms: this.#parts.clock.unix(),
      pruned_to_ms: this.retention.prunedToMs,
      shared_since_ms: part === undefined ? 0 : fromMs,
      shared_root: part?.root ?? MerkleRoot.zero,
      shared_count: part?.count ?? 0,
    };
  }

  #membersChanged(before: SaltedMap<PublicKey, NodeInfo>): void {
    if (this.policy.followRoster()) this.#holdToPolicies();
    this.#tellMembers();
    this.#parts.onMembers(this, before);
    this.#parts.changed.notify();
  }

  #tellMembers(): void {
    const { members } = this.roster;
    this.retention.setMembers(keysOf(members, this.#parts.local));
    this.tell({ kind: "members", members: keysOf(members) });
    this.#rejoining.look();
  }

  #askFor(from: PublicKey, ids: readonly MessageId[]): void {
    const lacked = this.store.messages.unknown(ids);
    if (lacked.length > 0) this.tell({ kind: "announced", from, ids: lacked });
  }

  #policiesHold(): void {
    try {
      this.policy.passed();
    } catch (error) {
      // It is gone through again after the next start.
      if (!(error instanceof EntmootError)) throw error;
    }
    this.#parts.changed.notify();
  }

  #committed(): void {
    collectWhenQuiet(this.#parts.clock);
    this.retention.tick();
    const { messages } = this.store;
    if (messages.isRejoining) this.#rejoining.look();
    if (messages.search.isBehind) this.#indexing.look();
    this.#parts.changed.notify();
  }
}

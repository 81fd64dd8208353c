import type { Clock } from "../../core/clock.ts";
import { EntmootError } from "../../core/errors.ts";
import type { GroupId, PublicKey } from "../../core/ids.ts";
import type { NodeInfo, RosterEntry } from "../../core/record/records.ts";
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
import { GroupPolicy } from "./group-policy.ts";
import { GroupRoster } from "./group-roster.ts";
import { Ingest, type Ingested } from "./ingest.ts";

export interface GroupParts {
  readonly store: GroupStore;
  readonly local: PublicKey;
  readonly config: MachineConfig;
  readonly random: Random;
  readonly clock: Clock;
  /** Carries out what the machines decide; without peers it does nothing. */
  readonly carryOut: Pick<CarryOut, "run"> | undefined;
  /** Told when new messages or members are there to be looked at. */
  readonly changed: Pick<ChangeSignal, "notify">;
  /** What is kept could not be read just now, which no peer brought about; thrown to whoever told when absent. */
  readonly onFailed?: (group: Group, error: EntmootError) => void;
  /** Members before and after a change of the roster. */
  readonly onMembers: (group: Group, before: ReadonlyMap<PublicKey, NodeInfo>) => void;
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
  readonly writer: BatchWriter;
  /** Resolves when a first comparison with a member has ended: what it had is here. */
  readonly compared: Promise<void>;
  readonly #hasCompared = Promise.withResolvers<void>();
  readonly #parts: GroupParts;
  readonly #ingest: Ingest;
  readonly #machine: GroupMachine;
  #closed = false;

  /** Throws `roster_rejected`, `data_root_invalid`. */
  constructor(parts: GroupParts) {
    const { clock, config, local, random, store } = parts;
    this.#parts = parts;
    this.store = store;
    this.id = store.groupId;
    this.roster = new GroupRoster(store.roster);
    this.policy = new GroupPolicy(store);
    this.compared = this.#hasCompared.promise;
    this.writer = new BatchWriter(clock, store.messages, () => this.#committed());
    const { messages } = store;
    const { policy, roster, writer } = this;
    this.#ingest = new Ingest({ groupId: this.id, messages, roster, policy, writer, clock });
    this.#machine = new GroupMachine({ local, messages, roster, random, config });
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
    throw new EntmootError("not_member", "local node is not a current group member; ask the founder to add it again");
  }

  /** What this node says of its copy to members. */
  summary(): CopySummary {
    const { messages } = this.store;
    return {
      group_id: this.id,
      roster_head: this.roster.head,
      roster_length: this.roster.length,
      merkle_root: messages.merkleRoot(),
      message_count: messages.size,
    };
  }

  /** A comparison with a member ended well. */
  noteCompared(): void {
    this.#hasCompared.resolve();
  }

  /** The machines start with the first call: they are told the members. */
  start(): void {
    this.#tellMembers();
  }

  /** Tells the machines one thing and starts what they decide. */
  tell(event: Event): void {
    if (this.#closed) return;
    // Where nothing is written any more, old messages still pass their time, and roots agree only if all forget them.
    if (event.kind === "timer" && event.timer === "compare") this.#prune();
    try {
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
  async ingest(
    bodies: readonly Uint8Array[],
    source: { from: PublicKey; via: Exclude<Via, "publish"> },
  ): Promise<Ingested> {
    const { from, via } = source;
    const ingested = await this.#ingest.accept(bodies, via);
    if (ingested.stored.length > 0) this.tell({ kind: "stored", ids: ingested.stored, from, via });
    if (via === "push" && ingested.known.length > 0) this.tell({ kind: "duplicate", from, ids: ingested.known });
    for (const held of ingested.unknownAuthor) this.tell({ kind: "unknown_author", from, ...held });
    return ingested;
  }

  /** Accepts what a roster log adds to ours that a peer sent, asked for or not. */
  acceptRoster(entries: readonly RosterEntry[], from: PublicKey): RosterSyncOutcome {
    const before = this.roster.members;
    const outcome = this.roster.sync(entries);
    if (outcome === "extended") this.#membersChanged(before);
    this.tell({ kind: "roster", from, outcome });
    return outcome;
  }

  /** Adds a roster entry made here and spreads it. Throws `roster_rejected`. */
  appendRoster(entry: RosterEntry): void {
    const before = this.roster.members;
    this.roster.append(entry);
    this.#membersChanged(before);
    this.tell({ kind: "roster", from: undefined, outcome: "extended" });
  }

  async close(): Promise<void> {
    await this.writer.close();
    this.#closed = true;
  }

  #membersChanged(before: ReadonlyMap<PublicKey, NodeInfo>): void {
    this.#tellMembers();
    this.#parts.onMembers(this, before);
    this.#parts.changed.notify();
  }

  #tellMembers(): void {
    this.tell({ kind: "members", members: new Set(this.roster.members.keys()) });
  }

  #committed(): void {
    collectWhenQuiet(this.#parts.clock);
    this.#prune();
    this.#parts.changed.notify();
  }

  #prune(): void {
    try {
      this.policy.prune(this.#parts.clock);
    } catch (error) {
      // What is past its time can wait for room on the disk; what was stored just now is stored.
      if (!(error instanceof EntmootError)) throw error;
    }
  }
}

import { type Neighbours, NO_NEIGHBOURS } from "../core/agents/trust.ts";
import type { Clock, UnixMs } from "../core/clock.ts";
import { EntmootError } from "../core/errors.ts";
import type { Identity } from "../core/identity.ts";
import { GroupId, PublicKey } from "../core/ids.ts";
import { entmootNodeId } from "../core/node-id.ts";
import { keyOf, shownKey } from "../core/record/node-key.ts";
import type { NodeInfo } from "../core/record/records.ts";
import type { RosterLog } from "../core/roster/roster-log.ts";
import type { SaltedMap } from "../core/salted-map.ts";
import type { BuildInfo } from "../host/build-info.ts";
import type { Log } from "../host/log.ts";
import { ClockWatch } from "../machine/clock-watch.ts";
import type { Report } from "../machine/effect.ts";
import { MACHINE_DEFAULTS, type MachineConfig } from "../machine/machine-config.ts";
import { type Random, SeededRandom } from "../machine/random.ts";
import type { DataRoot } from "../store/data-root.ts";
import { byDirectory } from "../store/group-directory.ts";
import type { GroupStore } from "../store/group-store.ts";
import { processPlace } from "../store/process-place.ts";
import type { PeerStatus, Transport } from "../transport/transport.ts";
import { AgentSide } from "./agents/agent-side.ts";
import { Windows } from "./agents/windows.ts";
import { CarrierSide } from "./carrier/carrier-side.ts";
import { HintBook } from "./carrier/hint-book.ts";
import { ChangeSignal } from "./change-signal.ts";
import { DataWatch } from "./data-watch.ts";
import { refuseDeclined } from "./default-moot/declined.ts";
import type { ExportBeforeForget } from "./forget-moot.ts";
import { markLatest, whyOld } from "./founder-marks.ts";
import { Group } from "./group/group.ts";
import { ownProfile } from "./group/profiles.ts";
import { type NodeServices, nodeImplementations, type Restart, type VoiceKeeper } from "./implementations.ts";
import { FirstRoster } from "./join/first-roster.ts";
import { Joiner } from "./join/join.ts";
import { keptMootName, noteMootName } from "./kept-names.ts";
import { Leavers } from "./leavers.ts";
import { markLog, renewRolledBackLog } from "./log-mark.ts";
import { type MembershipChange, membershipChanges, tellLog } from "./membership-changes.ts";
import type { NodeContext } from "./node-context.ts";
import { mootStatuses } from "./node-status.ts";
import { noteEvents } from "./notes/note-events.ts";
import { OwnNotes } from "./notes/own-notes.ts";
import type { NodeStatus } from "./operations/daemon.ts";
import { type Call, EndingCall, type Implemented, type OperationHost } from "./operations/implementation.ts";
import { callInProcess } from "./operations/in-process.ts";
import type { WatchedPeer } from "./operations/messages.ts";
import type { AnyOperation, CallOptions, Loose, Operation, Operations } from "./operations/operation.ts";
import { Publisher } from "./publish.ts";
import type { WatchedNote } from "./read/watch.ts";
import { saltTables } from "./salt-tables.ts";
import { Turns } from "./turns.ts";
import { TwinWatch } from "./twin-watch.ts";
import { UnopenedGroups } from "./unopened-groups.ts";

/** What a node is made of; it closes the transport and the root with itself. */
export interface NodeParts {
  readonly root: DataRoot;
  readonly identity: Identity;
  readonly identityPath: string;
  readonly dataDir: string;
  /** `undefined`: the node works on what it has and reaches nobody. */
  readonly transport: Transport | undefined;
  /** Why this carrier, or why none. */
  readonly transportReason: string;
  /** The carrier's UDP port; 0 when it has none. */
  readonly transportPort: number;
  /** The original's port, shown and never opened here. */
  readonly listenPort: number;
  readonly hostname: string;
  readonly build: BuildInfo;
  readonly log: Log;
  /** Whether each step of comparing copies is logged too. */
  readonly traceReconcile?: boolean;
  /** Ends the daemon; called by `stop`. `undefined` in a program that is not one, where `stop` is refused. */
  readonly onStop?: () => void;
  /** How the daemon starts again in place; `undefined` when it cannot. */
  readonly restart?: Restart;
  /** Asked for once the node is open. */
  readonly voices?: () => VoiceKeeper | undefined;
  /** Operations besides the usual ones. */
  readonly operations?: Implemented<NodeServices>;
  /** What keeps a moot before it is forgotten; its folder is set aside when absent. */
  readonly exportBeforeForget?: ExportBeforeForget;
  readonly clock: Clock;
  /** Limits and times of its machines; `MACHINE_DEFAULTS` when nobody says. */
  readonly config?: MachineConfig;
  /** For tests; else a seed from the system. */
  readonly random?: Random;
}

saltTables();

/** A node: its identity, its groups, and everything it does for them. */
export class EntmootNode implements Operations, OperationHost {
  /** What the daemon knows of this machine's keys; another one whenever that changes. */
  neighbours: Neighbours = NO_NEIGHBOURS;
  readonly #parts: NodeParts;
  readonly #groups = new Map<GroupId, Group>();
  /** Being forgotten or set aside: closed, and on the disk still. */
  readonly #going = new Set<GroupId>();
  /** As the data root orders them, so that reading without a node gives the same; `undefined` until somebody reads. */
  #inOrder: readonly Group[] | undefined;
  /** Whoever asks for one of them is told why, instead of that it is not there. */
  readonly #turns: Turns;
  readonly #unopened: UnopenedGroups;
  readonly #data: DataWatch;
  /** What was said last of a group that cannot be read. */
  readonly #failed = new Map<GroupId, string>();
  readonly #changed = new ChangeSignal();
  readonly #noteListeners = new Set<(event: WatchedNote) => void>();
  readonly #peerListeners = new Set<(event: WatchedPeer) => void>();
  readonly #random: Random;
  readonly #context: NodeContext;
  readonly #services: NodeServices;
  readonly #leavers: Leavers;
  #agents: AgentSide | undefined;
  #ownNotes: OwnNotes | undefined;
  readonly #operations: Implemented<NodeServices>;
  readonly #startedAt: UnixMs;
  readonly #watch: ClockWatch;
  readonly #ending = new AbortController();
  #closing: Promise<void> | undefined;

  /**
   * Opens every joined group. One that cannot be opened is left out, told of in the log and tried again later. Throws `data_root_invalid` when the carrier is not of this identity.
   */
  static async open(parts: NodeParts): Promise<EntmootNode> {
    const node = new EntmootNode(parts);
    node.#unopened.openAll();
    parts.root.beginServing();
    node.#context.carrier?.start();
    // A command that works here alone is over before anything could be found, and is told by what it does.
    if (parts.transport !== undefined) {
      node.#data.start();
      node.#agents?.ledger.follow(node.#ending.signal);
      node.#ownNotes?.start();
    }
    return node;
  }

  private constructor(parts: NodeParts) {
    this.#parts = parts;
    this.#random = parts.random ?? new SeededRandom(crypto.getRandomValues(new Uint32Array(1))[0]!);
    this.#watch = new ClockWatch((parts.config ?? MACHINE_DEFAULTS).time);
    this.#operations = parts.operations ?? nodeImplementations();
    this.#turns = new Turns(parts.clock);
    this.#unopened = new UnopenedGroups({
      ...parts,
      open: (id) => {
        this.#refuseDeclined(id);
        this.#adopt(id);
      },
      openInTurns: async (id) => {
        this.#refuseDeclined(id);
        await this.#adoptInTurns(id);
      },
    });
    this.#data = new DataWatch({ ...parts, groups: () => [...this.#groups.values()] });
    this.#context = this.#makeContext(parts);
    this.#leavers = new Leavers(this.#context);
    this.#services = this.#makeServices(this.#context);
    this.#startedAt = parts.clock.unix();
  }

  find(name: string): AnyOperation | undefined {
    return this.#operations.find(name);
  }

  run<Request, Answer, Event>(
    operation: Operation<Request, Answer, Event>,
    request: Loose<Request>,
    call: Call<Event>,
  ): Promise<Answer> {
    return this.#operations.run(operation, this.#services, request, new EndingCall(call, this.#ending.signal));
  }

  /** The key that this node is. */
  get key(): PublicKey {
    return this.#context.local;
  }

  call<Request, Answer, Event>(
    operation: Operation<Request, Answer, Event>,
    request: Loose<Request>,
    options: CallOptions<Event> = {},
  ): Promise<Answer> {
    return callInProcess(this, operation, request, options);
  }

  /** Commits and sends what is under way (bounded), then closes carrier and stores. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.#ownNotes?.close();
    this.#ending.abort(new EntmootError("unavailable", "the daemon is ending"));
    this.#unopened[Symbol.dispose]();
    this.#leavers[Symbol.dispose]();
    this.#agents?.listeners[Symbol.dispose]();
    this.#data[Symbol.dispose]();
    this.#changed.notify();
    await Promise.all([...this.#groups.values()].map((group) => group.close()));
    await this.#context.carrier?.close();
    await this.#agents?.ledger.close();
    for (const { store } of this.#groups.values()) markLog(this.#parts.root, store);
    this.#parts.root[Symbol.dispose]();
  }

  #makeContext(parts: NodeParts): NodeContext {
    const { clock, identity, log, root, transport } = parts;
    const local = PublicKey.fromBytes(identity.publicKey);
    const context = {
      identity,
      local,
      root,
      hints: new HintBook({ identity, local, store: root.node, clock, addresses: () => transport?.localHints() }),
      log,
      clock,
      twins: new TwinWatch(clock),
      config: parts.config ?? MACHINE_DEFAULTS,
      carrier: undefined as CarrierSide | undefined,
      hostname: parts.hostname,
      groups: () => [...this.#groups.values()],
      group: (id: GroupId) => this.#groups.get(id),
      requireGroup: (id: GroupId) => this.#requireGroup(id),
      unopened: () => this.#unopened.all(),
      adopt: (id: GroupId, verified?: RosterLog) => this.#adopt(id, verified),
      abandon: (id: GroupId) => this.#abandon(id),
      setAside: (id: GroupId) => this.#setAside(id),
      refuseGoing: (id: GroupId) => this.#refuseGoing(id),
      nodeIdNow: () => entmootNodeId(identity.publicKey),
    };
    if (transport !== undefined) {
      if (transport.local !== local) {
        throw new EntmootError("data_root_invalid", "transport: its key is not this node's identity");
      }
      context.carrier = new CarrierSide(context, {
        transport,
        version: parts.build.version,
        traceReconcile: parts.traceReconcile ?? false,
        random: () => this.#random.next(),
        onReport: (group, report) => {
          reportTo(log, group, report);
          // What kept a founder from it before may be over.
          if (report.what === "compared") this.#leavers.look(group);
        },
        onPeer: (status) => this.#onPeer(status),
      });
    }
    return context;
  }

  #makeServices(context: NodeContext): NodeServices {
    const { build, onStop, restart, root, voices } = this.#parts;
    const turns = this.#turns;
    const agents = () => root.agents();
    const neighbours = () => this.neighbours;
    const windows = new Windows({ turns, clock: context.clock, local: context.local, agents, neighbours });
    const moots = () => {
      this.#inOrder ??= context.groups().toSorted((a, b) => byDirectory(a.id, b.id));
      return this.#inOrder;
    };
    this.#agents = new AgentSide({
      ...context,
      agents,
      changed: this.#changed,
      moots,
      turns,
      windows,
      moot: (id) => this.#readable(id),
      onMoved: (id) => (id === undefined ? this.#ownNotes?.allMoved() : this.#ownNotes?.moved(id)),
    });
    const { listeners } = this.#agents;
    if (context.carrier !== undefined) {
      this.#ownNotes = new OwnNotes({
        context,
        notes: context.carrier.notes,
        hasAgents: () => root.hasAgents(),
        agents,
        listeners: () => listeners.all,
      });
      context.carrier.notes.onNews((news) => {
        if (news.kind === "leave") {
          this.#onLeave(news.group, news.member);
          return;
        }
        const { asking } = windows.of(news.group);
        for (const event of noteEvents(news, (id) => asking.wrote(id))) {
          for (const listener of this.#noteListeners) listener(event);
        }
        this.#changed.notify();
      });
    }
    return {
      ...context,
      asked: this,
      get voices() {
        return voices?.();
      },
      mailbox: root.mailbox,
      agents,
      windows: () => windows,
      ledger: this.#agents.ledger,
      ownNotes: this.#ownNotes,
      presence: (id, member) => {
        const group = this.#groups.get(id);
        return group && context.carrier?.notes.of(group).presence.of(member);
      },
      listeners: this.#agents.listeners,
      moots,
      moot: (id) => this.#readable(id),
      changed: this.#changed,
      turns,
      onPeerEvent: (listener: (event: WatchedPeer) => void) => {
        this.#peerListeners.add(listener);
        return () => this.#peerListeners.delete(listener);
      },
      onNoteEvent: (listener: (event: WatchedNote) => void) => {
        this.#noteListeners.add(listener);
        return () => this.#noteListeners.delete(listener);
      },
      publisher: new Publisher(context),
      exportBeforeForget: this.#parts.exportBeforeForget,
      forget: (group, how) => this.#forget(group, how),
      joiner: new Joiner(context),
      build,
      status: () => this.#status(),
      end: onStop,
      restart,
    };
  }

  #status(): NodeStatus {
    const { build, dataDir, identity, identityPath, listenPort, transport, transportPort, transportReason } =
      this.#parts;
    const faults = this.#data.faults();
    return {
      running: transport !== undefined,
      version: build.version,
      pid: process.pid,
      place: processPlace() ?? "",
      data_dir: dataDir,
      identity_path: identityPath,
      pilot_node_id: this.#context.nodeIdNow(),
      entmoot_pubkey: identity.publicKey,
      listen_port: listenPort,
      transport: {
        carrier: transport?.carriers.join("+") ?? "none",
        reason: transportReason,
        port: transportPort,
        hints: this.#context.hints.own(),
      },
      ...mootStatuses(this.#groups.values(), {
        unopened: this.#unopened.all(),
        nameOf: (id) => keptMootName(this.#parts.root.node, id),
        refusedOf: (id) => this.#services.publisher.refusedOf(id),
        isRunning: transport !== undefined,
      }),
      twin_seen_ms: this.#context.twins.seenAt ?? 0,
      faults: faults.map(({ message }) => message),
      fault_codes: faults.map(({ code }) => code),
      started_at_ms: this.#startedAt,
      peer_refusals: this.#context.carrier?.budget.refused ?? 0,
    };
  }

  /** Tells whoever looks at what is kept that there may be something new. */
  get changed(): Pick<ChangeSignal, "after" | "version"> {
    return this.#changed;
  }

  groupIds(): readonly GroupId[] {
    return [...this.#groups.keys()];
  }

  /** The number of the last message of a moot's log; `undefined` where it cannot be read. */
  lastSeq(id: GroupId): number | undefined {
    try {
      return this.#groups.get(id)?.store.messages.lastSeq();
    } catch (error) {
      if (error instanceof EntmootError) return undefined;
      throw error;
    }
  }

  /** Whether the moot is open here. */
  holds(id: GroupId): boolean {
    return this.#groups.has(id);
  }

  #requireGroup(id: GroupId): Group {
    const group = this.#groups.get(id);
    if (group !== undefined) return group;
    throw this.#whyNot(id) ?? new EntmootError("group_not_found", "group not joined");
  }

  /** For reading, as `Moots` says. */
  #readable(id: GroupId): Group | undefined {
    const group = this.#groups.get(id);
    const reason = group === undefined ? this.#whyNot(id) : undefined;
    if (reason !== undefined) throw reason;
    return group;
  }

  /** Why a group that is on the disk is not among ours. */
  #whyNot(id: GroupId): EntmootError | undefined {
    return this.#going.has(id) ? goingFailure("group_not_found", id) : this.#unopened.reason(id);
  }

  #refuseGoing(id: GroupId): void {
    if (this.#going.has(id)) throw goingFailure("conflict", id);
  }

  /** What a daemon takes part in is its owner's choice; a command that works here alone takes part in nothing. */
  #refuseDeclined(id: GroupId): void {
    if (this.#parts.transport !== undefined) refuseDeclined(this.#parts.root, id);
  }

  #adopt(id: GroupId, verified?: RosterLog): Group {
    return this.#groups.get(id) ?? this.#beginWith(this.#openStore(id), verified);
  }

  /** The same while others are served: the signatures of its roster are looked at in turns. */
  async #adoptInTurns(id: GroupId): Promise<void> {
    if (this.#groups.has(id)) return;
    const store = this.#openStore(id);
    const roster = new FirstRoster(this.#turns);
    try {
      await roster.take(store.roster.entries());
    } catch (error) {
      store[Symbol.dispose]();
      throw error;
    }
    if (this.#ending.signal.aborted || this.#groups.has(id)) return;
    // What does not hold is named by who begins with it.
    this.#beginWith(store, roster.stopped === undefined ? roster.log() : undefined);
  }

  #openStore(id: GroupId): GroupStore {
    const { log, root } = this.#parts;
    const told = root.notices.length;
    const store = root.openGroup(id, ({ done, total }) => {
      log.info("taking over the original's data", { group: id, done, total });
    });
    for (const notice of root.notices.slice(told)) log.warn(notice);
    if (store === undefined) throw new EntmootError("group_not_found", "group not joined");
    return store;
  }

  #beginWith(store: GroupStore, verified: RosterLog | undefined): Group {
    try {
      const group = this.#begin(store, verified);
      if (group.self !== undefined) this.#emit(group, group.self, "joined", "none");
      return group;
    } catch (error) {
      // Read afresh the next time: by then somebody may have mended it, or put another file in its place.
      this.#groups.delete(store.groupId);
      this.#inOrder = undefined;
      store[Symbol.dispose]();
      throw error;
    }
  }

  #begin(store: GroupStore, verified: RosterLog | undefined): Group {
    const { log, root } = this.#parts;
    const id = store.groupId;
    renewRolledBackLog({ root, store, log });
    const { carrier, clock, config, local } = this.#context;
    const group = new Group({
      store,
      ...(verified === undefined ? {} : { verified }),
      local,
      config,
      random: this.#random.fork(),
      clock,
      instance: this.#context.twins.instance,
      watch: this.#watch,
      log,
      carryOut: carrier?.carryOut,
      changed: this.#changed,
      onFailed: (failed, error) => this.#tellFailed(failed, error),
      doubt: (roster) => whyOld({ root, store, roster, local }),
      onMembers: (changed, before) => this.#onMembers(changed, before),
    });
    this.#groups.set(id, group);
    this.#unopened.forget(id);
    this.#inOrder = undefined;
    noteMootName(root.node, store);
    group.start();
    this.#markLatest(group);
    carrier?.opened(group);
    if (carrier !== undefined) this.#keepName(group);
    this.#changed.notify();
    return group;
  }

  /** Once a founder's copy is known for the latest, that is noted; until then it is said what is waited for. */
  #markLatest(group: Group): void {
    const { local, log, root } = { ...this.#parts, ...this.#context };
    const { doubt, roster, store } = group;
    if (doubt.reason === undefined) {
      markLatest({ root, store, roster, local });
      return;
    }
    // A command that works here alone says itself why it may not, or that it did.
    const say = this.#context.carrier === undefined ? () => {} : (words: string) => log.warn(words);
    const name = `group ${GroupId.toBase64(group.id)}`;
    const until = roster.members.size < 2 ? "its owner says -alone" : "it has met a member";
    say(`${name}: ${doubt.reason}; its founder signs nothing until ${until}`);
    doubt.over.then(() => {
      say(`${name}: its founder's copy counts as the latest again`);
      markLatest({ root, store, roster, local });
    });
  }

  /** Members, and this node itself, know it by its name from the start, though nobody is met. */
  #keepName(group: Group): void {
    if (this.#context.hostname === "") return;
    try {
      ownProfile(this.#context, group);
    } catch (error) {
      // A full disk: it is tried again with each member that is met.
      if (!(error instanceof EntmootError)) throw error;
    }
  }

  #abandon(id: GroupId): void {
    this.#groups.delete(id);
    this.#inOrder = undefined;
    this.#parts.root.discardGroup(id);
    this.#changed.notify();
  }

  /** As `ForgetServices` says. */
  async #forget(group: Group, { keep, keeping }: Parameters<NodeServices["forget"]>[1]): Promise<string | undefined> {
    const { id } = group;
    // Another may have forgotten it while this one asked whether it may.
    if (this.#groups.get(id) !== group) this.#requireGroup(id);
    let isGone = false;
    try {
      await this.#end(group);
      const kept = await keeping();
      const aside = this.#parts.root.forgetGroup(id, { keep: keep && kept === undefined });
      isGone = true;
      this.#unopened.forget(id);
      return kept ?? aside;
    } finally {
      this.#going.delete(id);
      if (!isGone && !this.#ending.signal.aborted) await this.#unopened.openAgain(id);
      this.#changed.notify();
    }
  }

  /** From now on no part is taken in it; what it holds stays. */
  async #setAside(id: GroupId): Promise<void> {
    const group = this.#groups.get(id);
    // A command that works here alone takes part in nothing.
    if (group === undefined || this.#context.carrier === undefined) return;
    try {
      await this.#end(group);
      group.store[Symbol.dispose]();
    } finally {
      this.#going.delete(id);
      // Says why it is not, or opens it where that is over by now.
      if (!this.#ending.signal.aborted) await this.#unopened.openAgain(id);
      this.#changed.notify();
    }
  }

  /** Nothing comes in any more once it has resolved. */
  async #end(group: Group): Promise<void> {
    const { id } = group;
    this.#going.add(id);
    this.#groups.delete(id);
    this.#inOrder = undefined;
    this.#leavers.forget(id);
    this.#context.carrier?.notes.forget(id);
    await group.close();
  }

  /** The same once, or a group that is asked often would fill the log. */
  #tellFailed({ id }: Group, { message }: EntmootError): void {
    if (this.#failed.get(id) === message) return;
    this.#failed.set(id, message);
    this.#parts.log.error(`group ${GroupId.toBase64(id)}: ${message}`);
  }

  #onPeer({ connected, key, route }: PeerStatus): void {
    for (const group of this.#groups.values()) {
      const member = group.roster.members.get(key);
      if (member !== undefined) this.#emit(group, member, connected ? "connected" : "lost", route);
    }
  }

  #onMembers(group: Group, before: SaltedMap<PublicKey, NodeInfo>): void {
    const { carrier, local } = this.#context;
    const { doubt, roster, store } = group;
    if (doubt.reason === undefined) markLatest({ root: this.#parts.root, store, roster, local });
    carrier?.notes.membersChanged(group, before.keys());
    this.#ownNotes?.moved(group.id);
    const changes = membershipChanges(before, roster);
    // A command that works here alone says itself what it did.
    if (carrier !== undefined) tellLog(this.#parts.log, group, changes);
    for (const change of changes) {
      const route = change.event === "joined" ? (carrier?.peers.status(change.key).route ?? "none") : "none";
      this.#emit(group, change.member, change.event, route, change);
      if (change.event === "joined") carrier?.added(group, change.key);
    }
    if (carrier !== undefined && !before.has(local) && group.self !== undefined) this.#keepName(group);
  }

  /** Told to watchers; a founder takes who leaves off the roster. */
  #onLeave(group: Group, key: PublicKey): void {
    const member = group.roster.members.get(key);
    if (member !== undefined) this.#emit(group, member, "leaves", "none");
    this.#leavers.look(group);
  }

  #emit(
    group: Group,
    member: NodeInfo,
    event: WatchedPeer["event"],
    route: WatchedPeer["route"],
    { entry_id, replaces }: Partial<MembershipChange> = {},
  ): void {
    const key = keyOf(member);
    const told: WatchedPeer = {
      kind: "peer",
      group_id: group.id,
      node_id: member.pilot_node_id,
      entmoot_pubkey: shownKey(key),
      event,
      route,
      ...(key === this.#context.local ? { self: true } : {}),
      ...(entry_id === undefined ? {} : { entry_id }),
      ...(replaces === undefined ? {} : { replaces: PublicKey.toBytes(replaces) }),
    };
    for (const listener of this.#peerListeners) listener(told);
    this.#changed.notify();
  }
}

function goingFailure(code: "conflict" | "group_not_found", id: GroupId): EntmootError {
  return new EntmootError(code, `group ${GroupId.toBase64(id)}: is being closed here; ask again in a moment`);
}

const FORK_WARNING =
  'its founder has signed two histories of the roster: nothing more of either is followed here until the founder keeps one with "roster heal"; "entmootd info" shows both';

function reportTo(log: Log, group: Group, report: Report): void {
  if (report.what === "compared" && report.outcome !== "failed") group.noteCompared();
  if (report.what === "roster_forked" && group.roster.isForked) {
    log.warn(`group ${GroupId.toBase64(group.id)}: ${FORK_WARNING}`, report);
    return;
  }
  const text = `group ${group.id.slice(0, 12)}: ${report.what}`;
  if (report.what === "roster_forked" || report.what === "roster_rejected") log.warn(text, report);
  else log.debug(text, report);
}

import type { Clock, UnixMs } from "../core/clock.ts";
import { EntmootError } from "../core/errors.ts";
import type { Identity } from "../core/identity.ts";
import { type GroupId, PublicKey } from "../core/ids.ts";
import { entmootNodeId } from "../core/node-id.ts";
import { messageCanonical } from "../core/record/message.ts";
import type { Invite, Message, NodeInfo } from "../core/record/records.ts";
import type { Log } from "../host/log.ts";
import { DialBackoff } from "../machine/dial-backoff.ts";
import type { Report } from "../machine/effect.ts";
import { MACHINE_DEFAULTS } from "../machine/machine-config.ts";
import { type Random, SeededRandom } from "../machine/random.ts";
import { RateLimit } from "../machine/rate-limit.ts";
import type { DataRoot } from "../store/data-root.ts";
import type { PeerStatus, Transport } from "../transport/transport.ts";
import type { CreatedLink, LinkRow } from "../wire/control/link-frames.ts";
import type { TransportStatus } from "../wire/control/node-status-frames.ts";
import type { PeerRow } from "../wire/control/peers-frames.ts";
import { admit, expel, inviteAuthority } from "./admit.ts";
import { CarryOut } from "./carrier/carry-out.ts";
import { Greeter } from "./carrier/greeter.ts";
import { GroupFrames } from "./carrier/group-frames.ts";
import { HintBook } from "./carrier/hint-book.ts";
import { Inbound } from "./carrier/inbound.ts";
import { Peers } from "./carrier/peers.ts";
import { Reconnector } from "./carrier/reconnector.ts";
import { changeRoster } from "./change-roster.ts";
import { ChangeSignal } from "./change-signal.ts";
import { createGroup } from "./create-group.ts";
import type {
  Admit,
  Admitted,
  DaemonOperations,
  JoinByInvite,
  Probe,
  ProbeRow,
  RosterState,
} from "./daemon-operations.ts";
import { Group } from "./group/group.ts";
import { Profiles } from "./group/profiles.ts";
import { Joiner } from "./join/join.ts";
import { createLink, listLinks, redeemLink, revokeLink } from "./links.ts";
import { mintInvite } from "./mint-invite.ts";
import type { NodeContext } from "./node-context.ts";
import { groupStatus } from "./node-status.ts";
import type {
  ChangeRoster,
  CreatedGroup,
  CreateGroup,
  Joined,
  JoinRequest,
  MintInvite,
  NodeStatus,
  Published,
  PublishRequest,
  RosterChanged,
  WatchEvent,
  WatchRequest,
} from "./operations.ts";
import { peerRows } from "./peer-rows.ts";
import { probe } from "./probe.ts";
import { Publisher, pay, publishedForm } from "./publish.ts";
import { type PeerEvent, watch } from "./watch.ts";

/** Ours. How long ending waits for frames on their way out. */
const CLOSE_TIMEOUT_MS = 3_000;

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
  readonly version: string;
  readonly log: Log;
  /** Ends the daemon; called by `stop`. */
  readonly onStop?: () => void;
  readonly clock: Clock;
  /** For tests; else with a seed from the system. */
  readonly random?: Random;
}

/** A node: its identity, its groups, and everything it does for them. */
export class EntmootNode implements DaemonOperations {
  readonly #parts: NodeParts;
  readonly #groups = new Map<GroupId, Group>();
  readonly #changed = new ChangeSignal();
  readonly #peerListeners = new Set<(event: PeerEvent) => void>();
  readonly #random: Random;
  readonly #context: NodeContext;
  readonly #carryOut: CarryOut | undefined;
  readonly #peers: Peers | undefined;
  readonly #reconnector: Reconnector | undefined;
  readonly #greeter: Greeter | undefined;
  readonly #profiles: Profiles;
  readonly #publisher: Publisher;
  readonly #joiner: Joiner;
  readonly #rates = new RateLimit(MACHINE_DEFAULTS);
  readonly #startedAtMs: UnixMs;
  readonly #ending = new AbortController();
  #closing: Promise<void> | undefined;

  /**
   * Opens every joined group. One that cannot be opened is left out and told of in the log, so that it does not
   * take the others with it. Throws `data_root_invalid` when the carrier is not of this identity.
   */
  static async open(parts: NodeParts): Promise<EntmootNode> {
    const node = new EntmootNode(parts);
    for (const groupId of parts.root.groupIds()) {
      try {
        node.#adopt(groupId);
      } catch (error) {
        if (!(error instanceof EntmootError)) throw error;
        parts.log.error(`group ${groupId}: not opened: ${error.message}`);
      }
    }
    node.#startCarrier();
    return node;
  }

  private constructor(parts: NodeParts) {
    this.#parts = parts;
    const { clock } = parts;
    this.#startedAtMs = clock.unix();
    this.#random = parts.random ?? new SeededRandom(crypto.getRandomValues(new Uint32Array(1))[0]!);
    const local = PublicKey.fromBytes(parts.identity.publicKey);
    const hints = new HintBook({
      identity: parts.identity,
      local,
      store: parts.root.node,
      clock,
      addresses: () => parts.transport?.localHints(),
    });
    if (parts.transport !== undefined) {
      if (parts.transport.local !== local) {
        throw new EntmootError("data_root_invalid", "transport: its key is not this node's identity");
      }
      const { log, transport } = parts;
      this.#peers = new Peers({
        transport,
        hints: (peer) => hints.of(peer),
        backoff: new DialBackoff(MACHINE_DEFAULTS),
        clock,
      });
      const peers = this.#peers;
      this.#reconnector = new Reconnector({
        isWanted: (peer) => this.#isMemberSomewhere(peer),
        isConnected: (peer) => peers.status(peer).connected,
        waitMs: (peer) => peers.waitMs(peer),
        connect: (peer) => peers.connect(peer),
        clock,
        random: () => this.#random.next(),
      });
      this.#carryOut = new CarryOut({
        peers: this.#peers,
        clock,
        onReport: (group, report) => this.#report(group, report),
        onFailed: (group, error) => log.warn(`group ${group.id.slice(0, 12)}: ${error.message}`),
      });
    }
    this.#context = {
      identity: parts.identity,
      local,
      root: parts.root,
      hints,
      log: parts.log,
      clock,
      peers: this.#peers,
      groups: () => [...this.#groups.values()],
      group: (id) => this.#groups.get(id),
      requireGroup: (id) => this.#requireGroup(id),
      adopt: (id) => this.#adopt(id),
      abandon: (id) => this.#abandon(id),
      nodeIdNow: () => entmootNodeId(parts.identity.publicKey),
      hostname: parts.hostname,
    };
    this.#profiles = new Profiles(this.#context);
    if (this.#peers !== undefined) {
      this.#greeter = new Greeter({ context: this.#context, peers: this.#peers, profiles: this.#profiles });
    }
    this.#publisher = new Publisher(this.#context);
    this.#joiner = new Joiner(this.#context);
  }

  async status(): Promise<NodeStatus> {
    const { dataDir, identity, identityPath, listenPort, transport, version } = this.#parts;
    return {
      running: transport !== undefined,
      version,
      pid: process.pid,
      data_dir: dataDir,
      identity_path: identityPath,
      pilot_node_id: this.#context.nodeIdNow(),
      entmoot_pubkey: identity.publicKey,
      listen_port: listenPort,
      transport: this.#transportStatus(),
      groups: [...this.#groups.values()].map(groupStatus),
      started_at_ms: this.#startedAtMs,
    };
  }

  async createGroup(request: CreateGroup): Promise<CreatedGroup> {
    return createGroup(this.#context, request);
  }

  async changeRoster(request: ChangeRoster): Promise<RosterChanged> {
    return changeRoster(this.#context, request);
  }

  async mintInvite(request: MintInvite): Promise<Invite> {
    return mintInvite(this.#context, request);
  }

  async createLink(request: { groupId: GroupId; uses: number; validForMs: number }): Promise<CreatedLink> {
    return createLink(this.#context, request);
  }

  async listLinks(groupId: GroupId): Promise<LinkRow[]> {
    return listLinks(this.#context, groupId);
  }

  async revokeLink(request: { groupId: GroupId; link: string }): Promise<LinkRow> {
    return revokeLink(this.#context, request);
  }

  join(request: JoinRequest): Promise<Joined> {
    return this.#joiner.join(this.#untilEnd(request));
  }

  joinByInvite(request: JoinByInvite): Promise<Joined> {
    return this.#joiner.joinByInvite(this.#untilEnd(request));
  }

  publish(request: PublishRequest): Promise<Published> {
    return this.#publisher.publish(request);
  }

  async publishSigned(message: Message): Promise<Published> {
    const group = this.#requireGroup(message.group_id);
    const author = group.roster.log.member(message.author.pilot_node_id);
    if (author === undefined) throw new EntmootError("not_member", "entmoot: author not a group member");
    const canonical = messageCanonical(message);
    const held = group.store.messages.get(message.id);
    // A known id is not looked at again on the way in; under it only the very same message is acknowledged.
    if (held !== undefined && Buffer.compare(held.canonical, canonical) !== 0) {
      throw new EntmootError("signature_invalid", "entmoot: message id mismatch");
    }
    if (!group.store.messages.knows(message.id)) pay(group, message, this.#context.clock.unix());
    const { reason, refused, unknownAuthor } = await group.take([canonical], {
      from: this.#context.local,
      via: "fetch",
    });
    if (unknownAuthor.length > 0) throw new EntmootError("not_member", "entmoot: author not a group member");
    if (refused.length > 0) throw new EntmootError("signature_invalid", reason ?? "entmoot: signature invalid");
    return publishedForm(message);
  }

  async peers(groupId: GroupId): Promise<PeerRow[]> {
    return peerRows(this.#context, this.#requireGroup(groupId));
  }

  watch(request: WatchRequest): AsyncIterable<WatchEvent> {
    if (request.groupId !== undefined) this.#requireGroup(request.groupId);
    const source = {
      groups: () => [...this.#groups.values()].map(({ id, store }) => ({ id, messages: store.messages })),
      changed: this.#changed,
      onPeerEvent: (listener: (event: PeerEvent) => void) => {
        this.#peerListeners.add(listener);
        return () => this.#peerListeners.delete(listener);
      },
    };
    return watch(source, this.#untilEnd(request));
  }

  async admit(request: Admit): Promise<Admitted> {
    return admit(this.#context, request);
  }

  async expel(request: { readonly groupId: GroupId; readonly target: NodeInfo }): Promise<RosterState> {
    return expel(this.#context, request);
  }

  async inviteAuthority(groupId: GroupId): Promise<RosterState> {
    return inviteAuthority(this.#context, groupId);
  }

  probe(request: Probe): Promise<ProbeRow[]> {
    return probe(this.#context, this.#requireGroup(request.groupId), request);
  }

  async stop(): Promise<void> {
    this.#parts.onStop?.();
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
    this.#ending.abort(new EntmootError("unavailable", "the daemon is ending"));
    this.#changed.notify();
    await Promise.all([...this.#groups.values()].map((group) => group.close()));
    this.#carryOut?.close();
    this.#reconnector?.close();
    await this.#peers?.close(CLOSE_TIMEOUT_MS);
    await this.#parts.transport?.close();
    this.#parts.root[Symbol.dispose]();
  }

  #untilEnd<T extends { readonly signal?: AbortSignal }>(request: T): T & { readonly signal: AbortSignal } {
    const ending = this.#ending.signal;
    const signal = request.signal === undefined ? ending : AbortSignal.any([request.signal, ending]);
    return { ...request, signal };
  }

  #requireGroup(id: GroupId): Group {
    const group = this.#groups.get(id);
    if (group !== undefined) return group;
    throw new EntmootError("group_not_found", "group not joined");
  }

  #adopt(id: GroupId): Group {
    const joined = this.#groups.get(id);
    if (joined !== undefined) return joined;
    const store = this.#parts.root.openGroup(id, ({ done, total }) => {
      this.#parts.log.info("taking over the original's data", { group: id, done, total });
    });
    if (store === undefined) throw new EntmootError("group_not_found", "group not joined");
    const group = new Group({
      store,
      local: this.#context.local,
      random: this.#random.fork(),
      clock: this.#context.clock,
      carryOut: (from, effects) => this.#carryOut?.run(from, effects),
      onChanged: () => this.#changed.notify(),
      onMembers: (changed, before) => this.#onMembers(changed, before),
    });
    this.#groups.set(id, group);
    group.start();
    if (this.#peers !== undefined) {
      for (const member of group.roster.members.keys()) {
        if (!this.#peers.status(member).connected) continue;
        // Who let us in was met before it was a member for us, or we one for it.
        group.tell({ kind: "peer", peer: member, connected: true });
        this.#greeter?.greet(group, member);
      }
    }
    this.#changed.notify();
    return group;
  }

  #abandon(id: GroupId): void {
    this.#groups.delete(id);
    this.#parts.root.discardGroup(id);
    this.#changed.notify();
  }

  #startCarrier(): void {
    const { log, transport, version } = this.#parts;
    const { clock, hints } = this.#context;
    const peers = this.#peers;
    if (transport === undefined || peers === undefined) return;
    const frames = new GroupFrames({
      version,
      clock,
      hintsOf: (group) => hints.signedFor(group.roster.members.keys()),
      takeProfile: (group, ad, from) => this.#profiles.takeProfile(group, ad, { from, isSnapshot: false }),
      takeTransportAd: (group, ad) => this.#profiles.takeTransportAd(group, ad),
    });
    const inbound = new Inbound({
      group: (id) => this.#groups.get(id),
      isMemberSomewhere: (peer) => this.#isMemberSomewhere(peer),
      waitMs: (peer, bytes) => {
        const verdict = this.#rates.spend(peer, bytes, clock.steady());
        return verdict.allowed ? 0 : verdict.retryAfterMs;
      },
      heardFrom: (peer) => peers.heardFrom(peer),
      handle: (group, from, frame) => frames.handle(group, from, frame),
      handleStranger: async (from, frame) => {
        if (frame.kind === "redeem_req") return redeemLink(this.#context, from, frame);
        if (this.#isMemberSomewhere(from)) {
          this.#greeter?.takeHint(frame.hint, from, (key) => this.#isMemberSomewhere(key));
        }
        return undefined;
      },
      clock,
      log,
    });
    transport.knowPeers((peer) => this.#isMemberSomewhere(peer));
    transport.onPeerChanged((status) => this.#onPeer(status));
    transport.onHintsChanged(() => this.#greeter?.announceHints());
    hints.keepOwn();
    transport.accept((stream) => inbound.accept(stream));
  }

  #isMemberSomewhere(peer: PublicKey): boolean {
    for (const group of this.#groups.values()) if (group.roster.members.has(peer)) return true;
    return false;
  }

  #onPeer({ connected, key, route }: PeerStatus): void {
    if (!connected) this.#reconnector?.lost(key);
    for (const group of this.#groups.values()) {
      const member = group.roster.members.get(key);
      if (member === undefined) continue;
      group.tell({ kind: "peer", peer: key, connected });
      this.#emit(group, member, connected ? "connected" : "lost", route);
      if (connected) this.#greeter?.greet(group, key);
    }
  }

  #onMembers(group: Group, before: ReadonlyMap<PublicKey, NodeInfo>): void {
    const after = group.roster.members;
    for (const [key, member] of after) {
      if (before.has(key)) continue;
      this.#emit(group, member, "joined", this.#peers?.status(key).route ?? "none");
      if (this.#peers?.status(key).connected) {
        group.tell({ kind: "peer", peer: key, connected: true });
        this.#greeter?.greet(group, key);
      }
    }
    for (const [key, member] of before) if (!after.has(key)) this.#emit(group, member, "left", "none");
  }

  #emit(group: Group, member: NodeInfo, event: PeerEvent["event"], route: PeerEvent["route"]): void {
    const entmoot_pubkey = member.entmoot_pubkey ?? new Uint8Array(0);
    const told: PeerEvent = {
      kind: "peer",
      group_id: group.id,
      node_id: member.pilot_node_id,
      entmoot_pubkey,
      event,
      route,
    };
    for (const listener of this.#peerListeners) listener(told);
    this.#changed.notify();
  }

  #report(group: Group, report: Report): void {
    if (report.what === "compared" && report.outcome !== "failed") group.noteCompared();
    const text = `group ${group.id.slice(0, 12)}: ${report.what}`;
    if (report.what === "roster_forked" || report.what === "roster_rejected") this.#parts.log.warn(text, report);
    else this.#parts.log.debug(text, report);
  }

  #transportStatus(): TransportStatus {
    const { transport, transportPort, transportReason } = this.#parts;
    return {
      carrier: transport?.carriers.join("+") ?? "none",
      reason: transportReason,
      port: transportPort,
      hints: this.#context.hints.own(),
    };
  }
}

import { BoundedMap } from "../../core/bounded-map.ts";
import type { SteadyMs } from "../../core/clock.ts";
import { PublicKey } from "../../core/ids.ts";
import type { MemberProfileAd, TransportAd } from "../../core/record/records.ts";
import { DialBackoff } from "../../machine/dial-backoff.ts";
import type { Report } from "../../machine/effect.ts";
import type { PeerStatus, Transport } from "../../transport/transport.ts";
import type { WrittenRoster } from "../../wire/peer/frame-pieces.ts";
import type { RosterPage } from "../../wire/peer/roster-page-frames.ts";
import { awaitComparison } from "../change-roster.ts";
import type { Group } from "../group/group.ts";
import { Profiles } from "../group/profiles.ts";
import { redeemLink } from "../links.ts";
import type { NodeContext } from "../node-context.ts";
import { Notes } from "../notes/notes.ts";
import { TWIN_WARNING } from "../twin-watch.ts";
import { whenWritable } from "../when-writable.ts";
import { CarryOut } from "./carry-out.ts";
import { Greeter } from "./greeter.ts";
import { Inbound } from "./inbound.ts";
import { handleMemberFrame } from "./member-frames.ts";
import { PeerBudget } from "./peer-budget.ts";
import { Peers } from "./peers.ts";
import { REDEEM_MS, signaturesMs } from "./prices.ts";
import { ProofSeeker } from "./proof-seeker.ts";
import { ReconcileTrace } from "./reconcile-trace.ts";
import { Reconnector } from "./reconnector.ts";
import { SharedAnswers } from "./shared-answers.ts";
import { ToldRosters } from "./told-rosters.ts";

/** Ours. How long ending waits for frames on their way out. */
const CLOSE_TIMEOUT_MS = 3_000;

/** Ours. What a former member is told, no more often than this; one further behind asks by itself. */
const FORMER_TOLD_ENTRIES = 90;
const FORMER_TOLD_EVERY_MS = 60_000;
const FORMER_TOLD_MAX = 4096;

export interface CarrierSideParts {
  readonly transport: Transport;
  readonly version: string;
  /** Whether each step of comparing copies is logged. */
  readonly traceReconcile: boolean;
  /** In [0, 1). */
  readonly random: () => number;
  readonly onReport: (group: Group, report: Report) => void;
  /** The first connection to a peer was made, or the last one lost. */
  readonly onPeer: (status: PeerStatus) => void;
}

/** All of a node that has to do with peers: what it sends, asks, answers and greets. A node without a carrier has none. */
export class CarrierSide {
  readonly peers: Peers;
  /** Starts what the machines of a group decide. */
  readonly carryOut: CarryOut;
  readonly #context: NodeContext;
  readonly #parts: CarrierSideParts;
  readonly #reconnector: Reconnector;
  readonly #greeter: Greeter;
  readonly #profiles: Profiles;
  readonly #proofs: ProofSeeker;
  /** When a former member was last told that it is one. */
  readonly #told = new BoundedMap<PublicKey, SteadyMs>(FORMER_TOLD_MAX);
  /** What members tell of themselves: receipts, presence, and the founder's rule for them. */
  readonly notes: Notes;
  /** What peers may make this node hold and compute. */
  readonly budget: PeerBudget;

  constructor(context: NodeContext, parts: CarrierSideParts) {
    this.#context = context;
    this.#parts = parts;
    const { clock, config, hints, log } = context;
    const budget = new PeerBudget({ config, clock });
    this.budget = budget;
    const peers = new Peers({
      transport: parts.transport,
      hints: (peer) => hints.of(peer),
      backoff: new DialBackoff(config),
      budget,
      clock,
      onStranger: (peer, groupId) => {
        const group = context.group(groupId);
        if (group !== undefined) this.#proofs.seek(group, peer);
      },
    });
    this.peers = peers;
    this.#proofs = new ProofSeeker({ peers, clock, turns: budget.turns, log });
    this.#reconnector = new Reconnector({
      isWanted: (peer) => this.#isMemberSomewhere(peer),
      isConnected: (peer) => peers.status(peer).connected,
      waitMs: (peer) => peers.waitMs(peer),
      connect: (peer) => peers.connect(peer),
      random: parts.random,
      clock,
    });
    const trace = parts.traceReconcile ? new ReconcileTrace(log) : undefined;
    this.carryOut = new CarryOut({
      peers,
      clock,
      turns: budget.turns,
      trace,
      onReport: (group, report) => {
        trace?.reported(group, report);
        parts.onReport(group, report);
      },
      onOriginal: (group, peer) => this.#proofs.seek(group, peer),
      onTwin: (by) => {
        if (context.twins.told()) log.warn(TWIN_WARNING, { told_by: by });
      },
      onFailed: (group, error) => log.warn(`group ${group.id.slice(0, 12)}: ${error.message}`),
    });
    this.#profiles = new Profiles(context, peers, budget);
    this.notes = new Notes({ context, peers, budget });
    this.#greeter = new Greeter({ context, peers, profiles: this.#profiles, budget });
  }

  /** Takes what peers send from now on. */
  start(): void {
    const { transport } = this.#parts;
    const inbound = this.#inbound();
    transport.knowPeers((peer) => this.#isMemberSomewhere(peer));
    transport.onPeerChanged((status) => this.#onPeer(status));
    transport.onHintsChanged(() => this.#greeter.announceHints());
    this.#context.hints.keepOwn();
    transport.accept((stream) => inbound.accept(stream));
  }

  /** A group has just opened: those of its members that were met before count as met now. */
  opened(group: Group): void {
    for (const member of group.roster.members.keys()) this.#meetIfConnected(group, member);
  }

  /** `member` has just been added to the roster of a group. */
  added(group: Group, member: PublicKey): void {
    this.#meetIfConnected(group, member);
  }

  /** Sends what is under way (bounded), then lets nothing more out and closes the carrier. */
  async close(): Promise<void> {
    this.carryOut.close();
    this.notes.close();
    this.#reconnector.close();
    await this.peers.close(CLOSE_TIMEOUT_MS);
    await this.#parts.transport.close();
  }

  #inbound(): Inbound {
    const { clock, group, hints, log } = this.#context;
    const services = {
      version: this.#parts.version,
      clock,
      random: this.#parts.random,
      isTwin: (peer: PublicKey, instance: string) => this.#context.twins.heard(peer, instance),
      ranges: new SharedAnswers<Uint8Array>(this.budget.turns),
      rosters: new SharedAnswers<WrittenRoster>(this.budget.turns),
      pages: new SharedAnswers<RosterPage | undefined>(this.budget.turns),
      hintsOf: ({ roster }: Group) => hints.signedFor(roster.members.keys()),
      acceptProfile: (of: Group, ad: MemberProfileAd, from: PublicKey) => this.#profiles.acceptProfile(of, ad, from),
      acceptTransportAd: (of: Group, ad: TransportAd) => this.#profiles.acceptTransportAd(of, ad),
      notes: this.notes,
    };
    return new Inbound({
      group,
      clock,
      isMemberSomewhere: (peer) => this.#isMemberSomewhere(peer),
      budget: this.budget,
      rosters: new ToldRosters({ budget: this.budget, clock, config: this.#context.config }),
      heardFrom: (peer) => this.peers.heardFrom(peer),
      handle: (of, from, frame, question) => handleMemberFrame({ ...services, group: of, from, question }, frame),
      handleStranger: async (from, frame) => {
        if (frame.kind === "redeem_req") {
          // A stranger has paid with the frame, of which it has few.
          if (this.#isMemberSomewhere(from)) await this.budget.pay(from, REDEEM_MS);
          await whenWritable(clock, [this.#context.root.node, group(frame.group_id)?.store]);
          await awaitComparison(this.#context, frame.group_id);
          await group(frame.group_id)?.ordered();
          return redeemLink(this.#context, from, frame);
        }
        if (this.#isMemberSomewhere(from)) {
          await this.budget.pay(from, signaturesMs(1));
          this.#greeter.acceptHint(frame.hint, from, (key) => this.#isMemberSomewhere(key));
        }
        return undefined;
      },
      log,
    });
  }

  #isMemberSomewhere(peer: PublicKey): boolean {
    return this.#context.groups().some(({ roster }) => roster.members.has(peer));
  }

  #onPeer(status: PeerStatus): void {
    const { connected, key } = status;
    if (!connected) this.#reconnector.lost(key);
    const shared = this.#context.groups().filter(({ roster }) => roster.members.has(key));
    for (const group of shared) group.tell({ kind: "peer", peer: key, connected });
    this.#parts.onPeer(status);
    if (connected) for (const group of shared) this.#greeter.greet(group, key);
    for (const group of shared) this.notes.peer(group, key, connected);
    if (connected) this.#tellFormer(key);
  }

  /** Who was removed while it was away asks nobody any more who does not serve it: it is told when it is met. */
  #tellFormer(key: PublicKey): void {
    const now = this.#context.clock.steady();
    const before = this.#told.get(key);
    if (before !== undefined && now - before < FORMER_TOLD_EVERY_MS) return;
    for (const { id, roster } of this.#context.groups()) {
      const removal = roster.members.has(key) ? undefined : roster.log.removalOf(PublicKey.toBytes(key));
      if (removal === undefined) continue;
      this.#told.set(key, now);
      const end = roster.log.position(removal.id)! + 1;
      const entries = roster.log.entries.slice(Math.max(0, end - FORMER_TOLD_ENTRIES), end);
      this.peers.send(key, { kind: "roster_resp", group_id: id, entries }, () => {});
    }
  }

  #meetIfConnected(group: Group, member: PublicKey): void {
    if (!this.peers.status(member).connected) return;
    group.tell({ kind: "peer", peer: member, connected: true });
    this.#greeter.greet(group, member);
    this.notes.peer(group, member, true);
  }
}

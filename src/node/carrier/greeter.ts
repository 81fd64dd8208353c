import type { SteadyMs } from "../../core/clock.ts";
import { EntmootError } from "../../core/errors.ts";
import type { GroupId, PublicKey } from "../../core/ids.ts";
import { BucketTable } from "../../core/policy/token-bucket.ts";
import type { Group } from "../group/group.ts";
import type { Profiles } from "../group/profiles.ts";
import type { NodeContext } from "../node-context.ts";
import type { PeerBudget } from "./peer-budget.ts";
import type { Peers } from "./peers.ts";
import { signaturesMs } from "./prices.ts";

/** Ours. For what a member is asked when two meet. */
const ASK_TIMEOUT_MS = 15_000;

/**
 * Ours. Meetings in which a member of a group is asked what it knows of others: four at once, then one in a minute. One
 * that comes and goes would have its answers read each time; what is missed comes with a later meeting.
 */
const ASK_BUCKET = [{ perSecond: 1 / 60, burst: 4 }];
const ASKED_MAX = 4096;

/** Ours. What one profile takes in an answer, with the longest name as JSON may write it, and what all of them may. */
const PROFILE_BYTES = 4 * 1024;
const PROFILES_MAX_BYTES = 4 * 1024 * 1024;

/**
 * What members tell each other besides messages: where they are, who they are, whom else they know. All of it is
 * sent again at the next meeting, so nothing here is repeated when it fails.
 */
export class Greeter {
  readonly #context: NodeContext;
  readonly #peers: Peers;
  readonly #profiles: Profiles;
  readonly #budget: Pick<PeerBudget, "pay" | "turns">;
  readonly #asks = new BucketTable<SteadyMs>(ASK_BUCKET, ASKED_MAX);

  constructor(parts: {
    readonly context: NodeContext;
    readonly peers: Peers;
    readonly profiles: Profiles;
    readonly budget: Pick<PeerBudget, "pay" | "turns">;
  }) {
    this.#budget = parts.budget;
    this.#context = parts.context;
    this.#peers = parts.peers;
    this.#profiles = parts.profiles;
  }

  /** Two members of a group have met. */
  greet(group: Group, peer: PublicKey): void {
    this.#sendHint(peer);
    this.#sendProfile(group, peer);
    if (this.#asks.spend(`${group.id} ${peer}`, [1], this.#context.clock.steady()) !== undefined) return;
    this.#askHints(group, peer).catch(ignore);
    this.#askProfiles(group, peer).catch(ignore);
  }

  /** Our addresses changed: members we are connected to should know. */
  announceHints(): void {
    const { groups, hints, local } = this.#context;
    hints.keepOwn();
    const told = new Set<PublicKey>([local]);
    for (const group of groups()) {
      for (const member of group.roster.members.keys()) {
        if (told.has(member) || !this.#peers.status(member).connected) continue;
        told.add(member);
        this.#sendHint(member);
      }
    }
  }

  /**
   * Takes what `from` says of where a member is. What is new goes on to the members of its groups we are connected to:
   * two who joined through a third find each other when it is gone.
   */
  acceptHint(bytes: Uint8Array, from: PublicKey, isWanted: (author: PublicKey) => boolean): void {
    const { groups, hints, local } = this.#context;
    const author = hints.accept(bytes, isWanted);
    if (author === undefined) return;
    this.#peers.foundAgain(author);
    const told = new Set<PublicKey>([local, author, from]);
    for (const group of groups()) {
      if (!group.roster.members.has(author)) continue;
      for (const member of group.roster.members.keys()) {
        if (told.has(member) || !this.#peers.status(member).connected) continue;
        told.add(member);
        this.#peers.send(member, { kind: "peer_hint", hint: bytes }, ignore);
      }
    }
  }

  #sendProfile(group: Group, peer: PublicKey): void {
    try {
      const profile = this.#profiles.own(group);
      if (profile !== undefined) this.#peers.send(peer, { kind: "member_profile_ad", ...profile }, ignore);
    } catch (error) {
      // A full disk: the name has to wait, and meeting a member must not fail for it.
      if (!(error instanceof EntmootError)) throw error;
    }
  }

  #sendHint(peer: PublicKey): void {
    const hint = this.#context.hints.ownSigned();
    if (hint !== undefined) this.#peers.send(peer, { kind: "peer_hint", hint }, ignore);
  }

  async #askHints(group: Group, peer: PublicKey): Promise<void> {
    const question = { kind: "peer_hints_req", group_id: group.id } as const;
    const answer = await this.#peers.ask(peer, question, "peer_hints_resp", ASK_TIMEOUT_MS);
    await this.#budget.pay(peer, signaturesMs(answer.hints.length));
    for (const bytes of answer.hints) {
      await this.#budget.turns.take();
      this.acceptHint(bytes, peer, (key) => group.roster.members.has(key));
    }
  }

  async #askProfiles(group: Group, peer: PublicKey): Promise<void> {
    const question: { kind: "member_profile_snapshot_req"; group_id: GroupId } = {
      kind: "member_profile_snapshot_req",
      group_id: group.id,
    };
    const maxBytes = Math.min(PROFILES_MAX_BYTES, (group.roster.members.size + 1) * PROFILE_BYTES);
    const answer = await this.#peers.ask(peer, question, "member_profile_snapshot_resp", ASK_TIMEOUT_MS, { maxBytes });
    await this.#profiles.acceptSnapshot(group, answer.profiles, peer);
  }
}

function ignore(): void {}

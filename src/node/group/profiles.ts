import type { SteadyMs, UnixMs } from "../../core/clock.ts";
import type { PublicKey } from "../../core/ids.ts";
import { BucketTable } from "../../core/policy/token-bucket.ts";
import { AD_LIFETIME_MS, type AdContext, isAdUsable, newestAds } from "../../core/record/ad.ts";
import {
  checkMemberProfileAd,
  isHostnameValid,
  isMemberProfileAdCurrent,
  memberProfileAdReplaces,
  signMemberProfileAd,
} from "../../core/record/member-profile-ad.ts";
import type { MemberProfileAd, NodeInfo, TransportAd } from "../../core/record/records.ts";
import { checkTransportAd, transportAdReplaces } from "../../core/record/transport-ad.ts";
import type { AdStore } from "../../store/group-store.ts";
import type { PeerBudget } from "../carrier/peer-budget.ts";
import type { Peers } from "../carrier/peers.ts";
import { signaturesMs } from "../carrier/prices.ts";
import type { NodeContext } from "../node-context.ts";
import type { Group } from "./group.ts";

/** Wire. One ad in six minutes, ten at once, for each author: a newcomer gets many at once from one member. */
const AD_BUCKET = [{ perSecond: 1 / 360, burst: 10 }];
const AD_BUCKET_KEYS_MAX = 4096;

/** Ours. Profiles of one answer that are paid for and committed together. */
const SNAPSHOT_BATCH = 256;

/** The display name of a member from its own signed profile; empty when it has none that holds now. */
export function profileName(group: Pick<Group, "store">, member: NodeInfo, nowMs: UnixMs): string {
  const ad = findProfile(group, member.pilot_node_id);
  return ad !== undefined && isAdUsable(ad, nowMs) && isMemberProfileAdCurrent(ad, member) ? ad.hostname : "";
}

/** What each open group keeps, by node id: looked up for every member at once, reading all of them each time would cost the square. */
const heldByStore = new WeakMap<AdStore, Map<number, MemberProfileAd>>();

function heldProfiles({ store: { ads } }: Pick<Group, "store">): Map<number, MemberProfileAd> {
  let held = heldByStore.get(ads);
  if (held === undefined) {
    held = new Map(ads.profileAds().map((ad) => [ad.author.pilot_node_id, ad]));
    heldByStore.set(ads, held);
  }
  return held;
}

function findProfile(group: Pick<Group, "store">, nodeId: number): MemberProfileAd | undefined {
  return heldProfiles(group).get(nodeId);
}

function keepProfile(group: Group, ad: MemberProfileAd): void {
  group.store.ads.putProfileAd(ad);
  heldProfiles(group).set(ad.author.pilot_node_id, ad);
}

function isNews(group: Group, ad: MemberProfileAd): boolean {
  return memberProfileAdReplaces(ad, findProfile(group, ad.author.pilot_node_id));
}

/** Our profile in a group, made anew when the name changed or half of its lifetime is over; `undefined` without a name. */
export function ownProfile(
  { clock, hostname, identity }: Pick<NodeContext, "clock" | "hostname" | "identity">,
  group: Group,
): MemberProfileAd | undefined {
  const author = group.self;
  if (author === undefined || !isHostnameValid(hostname)) return undefined;
  const nowMs = clock.unix();
  const stored = findProfile(group, author.pilot_node_id);
  const isFresh = stored !== undefined && Number(stored.not_after) - nowMs > AD_LIFETIME_MS / 2;
  if (isFresh && stored.hostname === hostname) return hostname === "" ? undefined : stored;
  if (hostname === "" && stored === undefined) return undefined;
  // From the clock, so that a node that lost its counter is not ignored for days.
  const seq = group.store.ads.nextSeq("profile", BigInt(nowMs));
  const [issued_at, not_after] = [BigInt(nowMs), BigInt(nowMs + AD_LIFETIME_MS)];
  const ad = signMemberProfileAd({
    seed: identity.seed,
    group_id: group.id,
    author,
    seq,
    hostname,
    issued_at,
    not_after,
  });
  keepProfile(group, ad);
  return ad;
}

/** Takes in signed advertisements of members and passes new ones on; makes our own profile. */
export class Profiles {
  readonly #context: NodeContext;
  readonly #peers: Peers;
  readonly #budget: Pick<PeerBudget, "pay" | "turns">;
  readonly #buckets = new BucketTable<SteadyMs>(AD_BUCKET, AD_BUCKET_KEYS_MAX);

  constructor(context: NodeContext, peers: Peers, budget: Pick<PeerBudget, "pay" | "turns">) {
    this.#context = context;
    this.#peers = peers;
    this.#budget = budget;
  }

  /** A profile from a peer; what is invalid or old is dropped without a word. */
  acceptProfile(group: Group, ad: MemberProfileAd, from: PublicKey): void {
    if (!isNews(group, ad)) return;
    if (checkMemberProfileAd(ad, this.#adContext(group, ad, false)) !== undefined) return;
    keepProfile(group, ad);
    this.#passOn(group, ad, from);
  }

  /**
   * The profiles a member holds, as it answered: one for each author, paid for by who answered, verified in turns and
   * committed together. Their authors are not charged. Throws `rate_limited`; what came before is kept.
   */
  async acceptSnapshot(group: Group, ads: readonly MemberProfileAd[], from: PublicKey): Promise<void> {
    const { log } = group.roster;
    const members = ads.filter(({ author }) => log.member(author.pilot_node_id) !== undefined);
    const news = newestAds(members).filter((ad) => isNews(group, ad));
    for (let at = 0; at < news.length; at += SNAPSHOT_BATCH) {
      const batch = news.slice(at, at + SNAPSHOT_BATCH);
      await this.#budget.pay(from, signaturesMs(batch.length));
      const good: MemberProfileAd[] = [];
      for (const ad of batch) {
        await this.#budget.turns.take();
        if (checkMemberProfileAd(ad, this.#adContext(group, ad, true)) === undefined) good.push(ad);
      }
      // A newer one may have come in between.
      const kept = good.filter((ad) => isNews(group, ad));
      if (kept.length === 0) continue;
      group.store.ads.putProfileAds(kept);
      for (const ad of kept) heldProfiles(group).set(ad.author.pilot_node_id, ad);
    }
  }

  /** Endpoints of a member on the original's carrier: kept for peers that use it. */
  acceptTransportAd(group: Group, ad: TransportAd): void {
    if (checkTransportAd(ad, this.#adContext(group, ad, false)) !== undefined) return;
    const stored = group.store.ads
      .transportAds()
      .find(({ author }) => author.pilot_node_id === ad.author.pilot_node_id);
    const key = group.roster.log.member(ad.author.pilot_node_id)?.entmoot_pubkey ?? undefined;
    if (transportAdReplaces(ad, stored, key)) group.store.ads.putTransportAd(ad);
  }

  /** Ours, as `ownProfile`. */
  own(group: Group): MemberProfileAd | undefined {
    return ownProfile(this.#context, group);
  }

  #adContext(group: Group, ad: { readonly author: NodeInfo }, isSnapshot: boolean): AdContext {
    const { clock } = this.#context;
    return {
      groupId: group.id,
      localNodeId: group.self?.pilot_node_id ?? 0,
      nowMs: clock.unix(),
      isSenderTrusted: true,
      memberKey: (nodeId) => group.roster.log.member(nodeId)?.entmoot_pubkey,
      charge: () => {
        const author = `${group.id}${ad.author.pilot_node_id}`;
        return isSnapshot || this.#buckets.spend(author, [1], clock.steady()) === undefined;
      },
    };
  }

  #passOn(group: Group, ad: MemberProfileAd, from: PublicKey): void {
    const { local } = this.#context;
    const peers = this.#peers;
    for (const member of group.roster.members.keys()) {
      if (member === from || member === local || !peers.status(member).connected) continue;
      // A missed one comes with the next snapshot.
      peers.send(member, { kind: "member_profile_ad", ...ad }, () => {});
    }
  }
}

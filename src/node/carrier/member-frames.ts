import type { Clock } from "../../core/clock.ts";
import { EntmootError } from "../../core/errors.ts";
import type { PublicKey } from "../../core/ids.ts";
import { isPlaceBefore } from "../../core/order/time-place.ts";
import { listAds } from "../../core/record/ad.ts";
import { verifyGossip } from "../../core/record/gossip.ts";
import { isMemberProfileAdCurrent } from "../../core/record/member-profile-ad.ts";
import { decodeMessage, messageCanonical } from "../../core/record/message.ts";
import { memberProfileAd, transportAd } from "../../core/record/record-codecs.ts";
import type { MemberProfileAd, TransportAd } from "../../core/record/records.ts";
import { answerFetchMany } from "../../wire/peer/fetch-many-frames.ts";
import type { Frame } from "../../wire/peer/frame.ts";
import {
  checkRange,
  type PiecedFrame,
  rangeRespPieces,
  rosterPagePieces,
  rosterRespPieces,
  type WrittenRoster,
  writeRoster,
} from "../../wire/peer/frame-pieces.ts";
import { idPage } from "../../wire/peer/id-page.ts";
import { idsPage } from "../../wire/peer/ids-frames.ts";
import { answerRosterForks } from "../../wire/peer/roster-forks-frames.ts";
import { ROSTER_PAGE_MAX, type RosterPage, writeRosterPage } from "../../wire/peer/roster-page-frames.ts";
import type { Group } from "../group/group.ts";
import { groupName } from "../group/group-name.ts";
import type { Notes } from "../notes/notes.ts";
import { orderMs, pushMs, rosterMs } from "./prices.ts";
import type { Question } from "./question.ts";
import type { SharedAnswers } from "./shared-answers.ts";
import { snapshotOf } from "./snapshot.ts";

/** What a question is answered with: a frame, or one that is made as it is written. */
export type Reply = Frame | PiecedFrame;

/** What handlers need besides the group. */
export interface MemberFrameServices {
  /** Ids of a group since a time, 32 bytes each. */
  readonly ranges: SharedAnswers<Uint8Array>;
  readonly rosters: SharedAnswers<WrittenRoster>;
  readonly pages: SharedAnswers<RosterPage | undefined>;
  readonly version: string;
  readonly clock: Clock;
  readonly random: () => number;
  /** Whether the key of a member, which started under this name, runs in another place too. */
  readonly isTwin: (peer: PublicKey, instance: string) => boolean;
  readonly hintsOf: (group: Group) => readonly Uint8Array[];
  readonly acceptProfile: (group: Group, ad: MemberProfileAd, from: PublicKey) => void;
  readonly acceptTransportAd: (group: Group, ad: TransportAd) => void;
  readonly notes: Pick<Notes, "answer" | "heads" | "told">;
}

/** One frame as its handler sees it: about which group, and from which member. */
interface SaidByMember extends MemberFrameServices {
  readonly group: Group;
  readonly from: PublicKey;
  readonly question: Question;
}

type FrameNamed<K> = Extract<Frame, { readonly kind: K }>;
type MemberFrameHandler<K> = (
  said: SaidByMember,
  frame: FrameNamed<K>,
) => Reply | undefined | Promise<Reply | undefined>;

/** The handler of each kind of frame; only kinds of the table of frames can stand here. */
type Handlers = { readonly [K in Frame["kind"]]?: MemberFrameHandler<K> };

/** Frames that want no answer. */
const ONE_WAY = {
  async push({ from, group }, { bodies }) {
    await group.ingest(bodies, { from, via: "push" });
    return undefined;
  },
  async gossip({ from, group }, frame) {
    await acceptGossip(group, from, frame);
    return undefined;
  },
  ihave({ from, group }, { ids }) {
    group.tell({ kind: "ihave", from, ids });
    return undefined;
  },
  async graft({ from, group, question }, { ids }) {
    // A hundred bytes may bring up megabytes: they are paid for by who asks, before one is read.
    await question.pay(pushMs(ids, group.store.messages));
    group.tell({ kind: "graft", from, ids });
    return undefined;
  },
  prune({ from, group }) {
    group.tell({ kind: "prune", from });
    return undefined;
  },
  member_profile_ad({ acceptProfile, from, group }, ad) {
    acceptProfile(group, ad, from);
    return undefined;
  },
  transport_ad({ acceptTransportAd, group }, ad) {
    acceptTransportAd(group, ad);
    return undefined;
  },
  note_heads({ from, group, notes }, frame) {
    notes.heads(group, from, frame);
    return undefined;
  },
  async notes({ from, group, notes }, frame) {
    await notes.told(group, from, frame.notes);
    return undefined;
  },
} as const satisfies Handlers;

/** Questions about the log of messages. */
const MESSAGE_QUESTIONS = {
  async merkle_req({ group }) {
    await group.ordered();
    const { id, store } = group;
    const { messages } = store;
    return { kind: "merkle_resp", group_id: id, root: messages.merkleRoot(), message_count: messages.size };
  },
  async range_req({ group, question, ranges }, { since_millis }) {
    const { id, retention, store } = group;
    // Who asks so refuses what is older than the policy's cut-off.
    const { oldest = since_millis } = retention;
    const since = since_millis > oldest ? since_millis : oldest;
    const updates = since > since_millis ? group.policyUpdatesBefore(since) : [];
    const held = store.messages.countSince(since);
    checkRange(updates.length + held);
    const ids = await question.shared(ranges, `${id} ${since} ${store.messages.lastSeq()} ${held}`, {
      workMs: orderMs(held),
      bytes: held * 32,
      steps: () => store.messages.idsSinceInSteps(since),
    });
    return rangeRespPieces(
      id,
      updates.length === 0 ? ids : Buffer.concat([idPage(updates.map((each) => each.id)), ids]),
    );
  },
  ids_req({ group }, { after, limit }) {
    // Who begins at a day and not at a message has forgotten what is older, or does not want it, but for these.
    const updates = after !== undefined && isPlaceBefore(after) ? group.policyUpdatesBefore(after.timestamp + 1n) : [];
    const places = [...updates, ...group.store.messages.placesAfter(after, limit + 1)].slice(0, limit + 1);
    return { kind: "ids_resp", group_id: group.id, ...idsPage(places, limit) };
  },
  fetch_req({ group: { id: group_id, store } }, { id }) {
    const stored = store.messages.get(id);
    const message = stored === undefined ? undefined : decodeMessage(stored.canonical);
    return { kind: "fetch_resp", group_id, id, message, not_found: message === undefined };
  },
  fetch_many_req({ group: { store } }, frame) {
    return store.messages.reading(() => answerFetchMany(frame, (id) => store.messages.get(id)?.canonical));
  },
} as const satisfies Handlers;

/** Questions about the group and its members. */
const GROUP_QUESTIONS = {
  async status_req({ from, group, isTwin, version }, status) {
    await group.ordered();
    // Both sides compare at once: we with what the asker says of its copy, the asker with our answer.
    group.hearStatus(from, status, true);
    const policy = group.isFounder ? group.policy.firstText : "";
    return { kind: "status_resp", ...group.answer(from, status), version, policy, twin: isTwin(from, status.instance) };
  },
  async roster_req({ group: { id, roster }, question, rosters }) {
    const { entries } = roster.log;
    const written = await question.shared(rosters, `${id} ${roster.head}`, {
      workMs: rosterMs(entries.length),
      bytes: entries.length * ENTRY_BYTES,
      steps: () => writeRoster(entries),
    });
    return rosterRespPieces(id, written);
  },
  async roster_page_req({ group: { id, roster, store }, pages, question }, frame) {
    const { entries } = roster.log;
    const most = Math.min(entries.length, ROSTER_PAGE_MAX);
    const page = await question.shared(pages, `${id} ${roster.head} ${frame.after}`, {
      workMs: rosterMs(most),
      bytes: most * ENTRY_BYTES,
      steps: () => writeRosterPage(frame, entries, groupName(store)),
    });
    if (page === undefined) throw new EntmootError("not_found", "roster: this entry is not in our log");
    return rosterPagePieces(page);
  },
  roster_forks_req({ group: { roster } }, frame) {
    return answerRosterForks(frame, { entries: roster.forkedEntries, heals: roster.heals });
  },
  diag_ping_req({ clock, group: { id, self } }, { nonce }) {
    return {
      kind: "diag_ping_resp",
      group_id: id,
      nonce: nonce?.length === 0 ? null : nonce,
      responder: self?.pilot_node_id ?? 0,
      timestamp_ms: BigInt(clock.unix()),
    };
  },
  peer_hints_req({ group, hintsOf }) {
    return { kind: "peer_hints_resp", group_id: group.id, hints: hintsOf(group) };
  },
  notes_req({ from, group, notes }, { wanted }) {
    return { kind: "notes_resp", group_id: group.id, notes: notes.answer(group, from, wanted) };
  },
  member_profile_snapshot_req({ clock, group, random }) {
    const profiles = snapshotOf(memberProfileAd, currentProfiles(group, clock), random);
    return { kind: "member_profile_snapshot_resp", group_id: group.id, profiles };
  },
  transport_snapshot_req({ clock, group: { id, store }, random }) {
    const ads = snapshotOf(transportAd, listAds(store.ads.transportAds(), clock.unix()), random);
    return { kind: "transport_snapshot_resp", group_id: id, ads };
  },
} as const satisfies Handlers;

/** Ours. What an entry takes in the frame that tells the log, and a little more. */
const ENTRY_BYTES = 450;

const HANDLERS: Handlers = { ...ONE_WAY, ...MESSAGE_QUESTIONS, ...GROUP_QUESTIONS };

/** Those that `handleMemberFrame` does something for. */
export const HANDLED_KINDS: ReadonlySet<string> = new Set(Object.keys(HANDLERS));

/**
 * What a member's frame does to a group, and the answer where one is owed. Throws for what is invalid, also for a
 * frame that is an answer: nobody asked.
 */
export async function handleMemberFrame(said: SaidByMember, frame: Frame): Promise<Reply | undefined> {
  // The key is the frame's own kind, so the handler takes it; the compiler cannot see that.
  const handler = HANDLERS[frame.kind] as MemberFrameHandler<Frame["kind"]> | undefined;
  if (handler === undefined) {
    throw new EntmootError("invalid_argument", `${frame.kind}: expected a question or a one-way frame`);
  }
  return await handler(said, frame as FrameNamed<Frame["kind"]>);
}

/** Unexpired ones whose key is still the member's. */
function currentProfiles({ roster, store }: Group, clock: Clock): MemberProfileAd[] {
  return listAds(store.ads.profileAds(), clock.unix()).filter((ad) =>
    isMemberProfileAdCurrent(ad, roster.log.member(ad.author.pilot_node_id)),
  );
}

async function acceptGossip(group: Group, from: PublicKey, frame: FrameNamed<"gossip">): Promise<void> {
  const key = group.roster.members.get(from)?.entmoot_pubkey ?? null;
  if (!verifyGossip({ key, frame })) throw new EntmootError("signature_invalid", "gossip: its signature does not hold");
  const { body } = frame;
  const ids = frame.ids ?? [];
  if (body !== undefined && ids.length === 1 && ids[0] === body.id) {
    await group.ingest([messageCanonical(body)], { from, via: "push" });
    return;
  }
  const missing = group.store.messages.unknown(ids);
  if (missing.length > 0) group.tell({ kind: "announced", from, ids: missing });
}

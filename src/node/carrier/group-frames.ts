import type { Clock } from "../../core/clock.ts";
import { EntmootError } from "../../core/errors.ts";
import type { PublicKey } from "../../core/ids.ts";
import { verifyGossip } from "../../core/record/gossip.ts";
import { decodeMessage, messageCanonical } from "../../core/record/message.ts";
import type { MemberProfileAd, TransportAd } from "../../core/record/records.ts";
import { answerFetchMany } from "../../wire/peer/fetch-many-frames.ts";
import type { Frame } from "../../wire/peer/frame.ts";
import { idsPage } from "../../wire/peer/ids-frames.ts";
import { answerRosterPage } from "../../wire/peer/roster-page-frames.ts";
import type { Group } from "../group/group.ts";
import type { GroupFrame } from "./inbound.ts";

export interface GroupFramesParts {
  readonly version: string;
  readonly clock: Clock;
  readonly hintsOf: (group: Group) => readonly Uint8Array[];
  readonly takeProfile: (group: Group, ad: MemberProfileAd, from: PublicKey) => void;
  readonly takeTransportAd: (group: Group, ad: TransportAd, from: PublicKey) => void;
}

/** What a member's frame does to a group, and the answer where one is owed. Throws for what is invalid. */
export class GroupFrames {
  readonly #parts: GroupFramesParts;

  constructor(parts: GroupFramesParts) {
    this.#parts = parts;
  }

  async handle(group: Group, from: PublicKey, frame: GroupFrame): Promise<Frame | undefined> {
    const { messages } = group.store;
    const group_id = group.id;
    switch (frame.kind) {
      case "push":
        await group.take(frame.messages, { from, via: "push" });
        return undefined;
      case "gossip":
        await takeGossip(group, from, frame);
        return undefined;
      case "ihave":
      case "graft":
        group.tell({ kind: frame.kind, from, ids: frame.ids });
        return undefined;
      case "prune":
        group.tell({ kind: "prune", from });
        return undefined;
      case "roster_resp":
        group.takeRoster(frame.entries, from);
        return undefined;
      case "roster_req":
        return { kind: "roster_resp", group_id, entries: group.roster.log.entries };
      case "roster_page_req": {
        const page = answerRosterPage(frame, group.roster.log.entries);
        if (page === undefined) throw new EntmootError("not_found", "roster: this entry is not in our log");
        return page;
      }
      case "status_req": {
        // Both sides compare at once: we with what the asker says of its copy, the asker with our answer.
        group.tell({ kind: "status", from, status: frame });
        const { version } = this.#parts;
        const policy = group.isFounder ? group.policy.text : "";
        return { kind: "status_resp", ...group.summary(), version, policy };
      }
      case "merkle_req":
        return { kind: "merkle_resp", group_id, root: messages.merkleRoot(), message_count: messages.size };
      case "range_req":
        return { kind: "range_resp", group_id, ids: messages.idsSince(frame.since_millis) };
      case "ids_req": {
        const places = messages.placesAfter(frame.after, frame.limit + 1);
        return { kind: "ids_resp", group_id, ...idsPage(places, frame.limit) };
      }
      case "fetch_req": {
        const stored = messages.get(frame.id);
        const message = stored === undefined ? undefined : decodeMessage(stored.canonical);
        return { kind: "fetch_resp", group_id, id: frame.id, message, not_found: message === undefined };
      }
      case "fetch_many_req":
        return messages.reading(() => answerFetchMany(frame, (id) => messages.get(id)?.canonical));
      case "diag_ping_req": {
        const nonce = frame.nonce?.length === 0 ? null : frame.nonce;
        const responder = group.self?.pilot_node_id ?? 0;
        return { kind: "diag_ping_resp", group_id, nonce, responder, timestamp_ms: BigInt(this.#parts.clock.unix()) };
      }
      case "peer_hints_req":
        return { kind: "peer_hints_resp", group_id, hints: this.#parts.hintsOf(group) };
      case "member_profile_ad":
        this.#parts.takeProfile(group, frame, from);
        return undefined;
      case "member_profile_snapshot_req":
        return { kind: "member_profile_snapshot_resp", group_id, profiles: this.#profiles(group) };
      case "transport_ad":
        this.#parts.takeTransportAd(group, frame, from);
        return undefined;
      case "transport_snapshot_req": {
        const ads = group.store.ads.transportAds().filter((ad) => ad.not_after >= BigInt(this.#parts.clock.unix()));
        return { kind: "transport_snapshot_resp", group_id, ads };
      }
      default:
        throw new EntmootError("invalid_argument", `${frame.kind}: expected a question or a one-way frame`);
    }
  }

  /** Unexpired ones whose key is still the member's. */
  #profiles(group: Group): MemberProfileAd[] {
    const nowMs = BigInt(this.#parts.clock.unix());
    return group.store.ads.profileAds().filter((ad) => {
      const member = group.roster.log.member(ad.author.pilot_node_id);
      return ad.not_after >= nowMs && member?.entmoot_pubkey?.toHex() === ad.author.entmoot_pubkey?.toHex();
    });
  }
}

async function takeGossip(group: Group, from: PublicKey, frame: Extract<Frame, { kind: "gossip" }>): Promise<void> {
  const key = group.roster.members.get(from)?.entmoot_pubkey ?? null;
  if (!verifyGossip({ key, frame })) throw new EntmootError("signature_invalid", "gossip: its signature does not hold");
  const { body } = frame;
  const ids = frame.ids ?? [];
  if (body !== undefined && ids.length === 1 && ids[0] === body.id) {
    await group.take([messageCanonical(body)], { from, via: "push" });
    return;
  }
  const missing = ids.filter((id) => !group.store.messages.knows(id));
  if (missing.length > 0) group.tell({ kind: "announced", from, ids: missing });
}

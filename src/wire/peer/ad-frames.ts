import { struct } from "../../core/json/json-codec.ts";
import { groupId } from "../../core/json/json-scalars.ts";
import { memberProfileAd, transportAd } from "../../core/record/record-codecs.ts";
import { plainList } from "../frame/bounded.ts";
import { type FrameOf, jsonBody } from "../frame/frame-body.ts";
import { groupBody } from "../frame/group-body.ts";

/** Ours. One ad a member; a signed ad takes at least 300 bytes, so an honest 16 MiB frame holds fewer. */
const SNAPSHOT_ADS_MAX = 65_536;

/** Where a member can be reached, signed by it. One way, passed on by every member. */
export type TransportAdFrame = FrameOf<typeof transportAdBody>;

export const transportAdBody = jsonBody("transport_ad", transportAd);

/** A member's display name, signed by it. One way, passed on by every member. */
export type MemberProfileAdFrame = FrameOf<typeof memberProfileAdBody>;

export const memberProfileAdBody = jsonBody("member_profile_ad", memberProfileAd);

export type TransportSnapshotReq = FrameOf<typeof transportSnapshotReqBody>;

export const transportSnapshotReqBody = groupBody("transport_snapshot_req");

export type MemberProfileSnapshotReq = FrameOf<typeof memberProfileSnapshotReqBody>;

export const memberProfileSnapshotReqBody = groupBody("member_profile_snapshot_req");

/** Every unexpired ad the peer holds. */
export type TransportSnapshotResp = FrameOf<typeof transportSnapshotRespBody>;

export const transportSnapshotRespBody = jsonBody(
  "transport_snapshot_resp",
  struct("transport_snapshot_resp", { group_id: groupId, ads: plainList(transportAd, SNAPSHOT_ADS_MAX) }),
);

/** Every unexpired profile the peer holds. */
export type MemberProfileSnapshotResp = FrameOf<typeof memberProfileSnapshotRespBody>;

export const memberProfileSnapshotRespBody = jsonBody(
  "member_profile_snapshot_resp",
  struct("member_profile_snapshot_resp", {
    group_id: groupId,
    profiles: plainList(memberProfileAd, SNAPSHOT_ADS_MAX),
  }),
);

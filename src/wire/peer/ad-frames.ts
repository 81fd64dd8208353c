import type { GroupId } from "../../core/ids.ts";
import { struct } from "../../core/json/json-codec.ts";
import { groupId } from "../../core/json/json-scalars.ts";
import { memberProfileAd, transportAd } from "../../core/record/record-codecs.ts";
import type {
  MemberProfileAd as MemberProfileAdRecord,
  TransportAd as TransportAdRecord,
} from "../../core/record/records.ts";
import { plainList } from "../frame/bounded.ts";
import { type FrameBody, jsonBody } from "../frame/frame-body.ts";
import { type GroupFrame, groupBody } from "../frame/group-body.ts";

/** Ours. One ad a member; a signed ad takes at least 300 bytes, so an honest 16 MiB frame holds fewer. */
const SNAPSHOT_ADS_MAX = 65_536;

/** Where a member can be reached, signed by it. One way, passed on by every member. */
export type TransportAdFrame = { readonly kind: "transport_ad" } & TransportAdRecord;

/** A member's display name, signed by it. One way, passed on by every member. */
export type MemberProfileAdFrame = { readonly kind: "member_profile_ad" } & MemberProfileAdRecord;

export type TransportSnapshotReq = GroupFrame<"transport_snapshot_req">;
export type MemberProfileSnapshotReq = GroupFrame<"member_profile_snapshot_req">;

/** Every unexpired ad the peer holds. */
export interface TransportSnapshotResp {
  readonly kind: "transport_snapshot_resp";
  readonly group_id: GroupId;
  readonly ads: readonly TransportAdRecord[];
}

/** Every unexpired profile the peer holds. */
export interface MemberProfileSnapshotResp {
  readonly kind: "member_profile_snapshot_resp";
  readonly group_id: GroupId;
  readonly profiles: readonly MemberProfileAdRecord[];
}

export const transportAdBody: FrameBody<TransportAdFrame> = jsonBody("transport_ad", transportAd);
export const memberProfileAdBody: FrameBody<MemberProfileAdFrame> = jsonBody("member_profile_ad", memberProfileAd);
export const transportSnapshotReqBody: FrameBody<TransportSnapshotReq> = groupBody("transport_snapshot_req");
export const memberProfileSnapshotReqBody: FrameBody<MemberProfileSnapshotReq> =
  groupBody("member_profile_snapshot_req");

export const transportSnapshotRespBody: FrameBody<TransportSnapshotResp> = jsonBody(
  "transport_snapshot_resp",
  struct<Omit<TransportSnapshotResp, "kind">>("transport_snapshot_resp", {
    group_id: groupId,
    ads: plainList(transportAd, SNAPSHOT_ADS_MAX),
  }),
);

export const memberProfileSnapshotRespBody: FrameBody<MemberProfileSnapshotResp> = jsonBody(
  "member_profile_snapshot_resp",
  struct<Omit<MemberProfileSnapshotResp, "kind">>("member_profile_snapshot_resp", {
    group_id: groupId,
    profiles: plainList(memberProfileAd, SNAPSHOT_ADS_MAX),
  }),
);

import type { GroupId, RosterEntryId } from "../../core/ids.ts";
import { omitted, struct } from "../../core/json/json-codec.ts";
import { bool, groupId, i64, int, omittedBytes, rosterEntryId, text, u32 } from "../../core/json/json-scalars.ts";
import { invite, nodeInfo } from "../../core/record/record-codecs.ts";
import type { Invite, NodeInfo } from "../../core/record/records.ts";
import { shortList } from "../frame/bounded.ts";
import { type FrameBody, jsonBody } from "../frame/frame-body.ts";
import { type GroupFrame, groupBody } from "../frame/group-body.ts";

/** Ours. An invite names five by default. */
export const BOOTSTRAP_PEERS_MAX = 65_536;

/** "Take this node into the roster and make it an invite." */
export interface InviteCreateReq {
  readonly kind: "invite_create_req";
  readonly group_id: GroupId;
  readonly target: NodeInfo;
  readonly target_pilot_pubkey: Uint8Array;
  readonly require_pilot_identity: boolean;
  readonly require_pilot_proof: boolean;
  readonly target_pilot_proof: Uint8Array;
  readonly target_pilot_signature: Uint8Array;
  /** 0: not given. */
  readonly valid_for_ms: bigint;
  /** Unix milliseconds; 0: not given. Wins over `valid_for_ms`. */
  readonly valid_until_ms: bigint;
  readonly bootstrap_peers: readonly number[];
}

/** The roster as it stands after a request. */
interface RosterOutcome {
  /** `created`, `removed` or `ok`. */
  readonly status: string;
  readonly group_id: GroupId;
  readonly roster_head: RosterEntryId;
  readonly members: number;
}

export type InviteCreateResp = { readonly kind: "invite_create_resp"; readonly invite: Invite } & RosterOutcome;

export interface MemberRemoveReq {
  readonly kind: "member_remove_req";
  readonly group_id: GroupId;
  readonly target: NodeInfo;
}

export type MemberRemoveResp = { readonly kind: "member_remove_resp" } & RosterOutcome;

/** "Could I make an invite here?" */
export type InviteAuthorityCheckReq = GroupFrame<"invite_authority_check_req">;

export type InviteAuthorityCheckResp = { readonly kind: "invite_authority_check_resp" } & RosterOutcome;

const rosterOutcome = (label: string) =>
  struct<RosterOutcome>(label, { status: text, group_id: groupId, roster_head: rosterEntryId, members: int });

export const inviteCreateReqBody: FrameBody<InviteCreateReq> = jsonBody(
  "invite_create_req",
  struct<Omit<InviteCreateReq, "kind">>("invite_create_req", {
    group_id: groupId,
    target: nodeInfo,
    target_pilot_pubkey: omittedBytes,
    require_pilot_identity: omitted(bool),
    require_pilot_proof: omitted(bool),
    target_pilot_proof: omittedBytes,
    target_pilot_signature: omittedBytes,
    valid_for_ms: omitted(i64),
    valid_until_ms: omitted(i64),
    bootstrap_peers: shortList(u32, BOOTSTRAP_PEERS_MAX),
  }),
);

export const inviteCreateRespBody: FrameBody<InviteCreateResp> = jsonBody(
  "invite_create_resp",
  struct<Omit<InviteCreateResp, "kind">>("invite_create_resp", {
    status: text,
    group_id: groupId,
    invite,
    roster_head: rosterEntryId,
    members: int,
  }),
);

export const memberRemoveReqBody: FrameBody<MemberRemoveReq> = jsonBody(
  "member_remove_req",
  struct<Omit<MemberRemoveReq, "kind">>("member_remove_req", { group_id: groupId, target: nodeInfo }),
);

export const memberRemoveRespBody: FrameBody<MemberRemoveResp> = jsonBody(
  "member_remove_resp",
  rosterOutcome("member_remove_resp"),
);

export const inviteAuthorityCheckReqBody: FrameBody<InviteAuthorityCheckReq> = groupBody("invite_authority_check_req");

export const inviteAuthorityCheckRespBody: FrameBody<InviteAuthorityCheckResp> = jsonBody(
  "invite_authority_check_resp",
  rosterOutcome("invite_authority_check_resp"),
);

import { omitted, struct } from "../../core/json/json-codec.ts";
import { bool, groupId, i64, int, omittedBytes, rosterEntryId, text, u32 } from "../../core/json/json-scalars.ts";
import { invite, nodeInfo } from "../../core/record/record-codecs.ts";
import { shortList } from "../frame/bounded.ts";
import { type FrameOf, jsonBody } from "../frame/frame-body.ts";
import { groupBody } from "../frame/group-body.ts";

/** Ours. An invite names five by default; so many take up to 720 KB of a request of 1 MiB. */
const BOOTSTRAP_PEERS_MAX = 65_536;

/** "Take this node into the roster and make it an invite." */
export type InviteCreateReq = FrameOf<typeof inviteCreateReqBody>;

export const inviteCreateReqBody = jsonBody(
  "invite_create_req",
  struct("invite_create_req", {
    group_id: groupId,
    target: nodeInfo,
    target_pilot_pubkey: omittedBytes,
    require_pilot_identity: omitted(bool),
    require_pilot_proof: omitted(bool),
    target_pilot_proof: omittedBytes,
    target_pilot_signature: omittedBytes,
    /** 0: not given. */
    valid_for_ms: omitted(i64),
    /** Unix milliseconds; 0: not given. Wins over `valid_for_ms`. */
    valid_until_ms: omitted(i64),
    bootstrap_peers: shortList(u32, BOOTSTRAP_PEERS_MAX),
  }),
);

/** What happened. `created`, `removed` or `ok`. */
const status = text;

/** The roster as it stands after a request. */
const rosterAfter = (label: string) =>
  struct(label, { status, group_id: groupId, roster_head: rosterEntryId, members: int });

export type InviteCreateResp = FrameOf<typeof inviteCreateRespBody>;

/** As `rosterAfter`, with the invite where the original has it. */
export const inviteCreateRespBody = jsonBody(
  "invite_create_resp",
  struct("invite_create_resp", { status, group_id: groupId, invite, roster_head: rosterEntryId, members: int }),
);

export type MemberRemoveReq = FrameOf<typeof memberRemoveReqBody>;

export const memberRemoveReqBody = jsonBody(
  "member_remove_req",
  struct("member_remove_req", { group_id: groupId, target: nodeInfo }),
);

export type MemberRemoveResp = FrameOf<typeof memberRemoveRespBody>;

export const memberRemoveRespBody = jsonBody("member_remove_resp", rosterAfter("member_remove_resp"));

/** "Could I make an invite here?" */
export type InviteAuthorityCheckReq = FrameOf<typeof inviteAuthorityCheckReqBody>;

export const inviteAuthorityCheckReqBody = groupBody("invite_authority_check_req");

export type InviteAuthorityCheckResp = FrameOf<typeof inviteAuthorityCheckRespBody>;

export const inviteAuthorityCheckRespBody = jsonBody(
  "invite_authority_check_resp",
  rosterAfter("invite_authority_check_resp"),
);

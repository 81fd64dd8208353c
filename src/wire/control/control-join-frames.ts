import { omitted, optional, struct } from "../../core/json/json-codec.ts";
import { groupId, i64, int, rawJson, text } from "../../core/json/json-scalars.ts";
import { invite, nodeInfo } from "../../core/record/record-codecs.ts";
import { type FrameOf, jsonBody } from "../frame/frame-body.ts";

/** A token for the issuer's HTTP service, in place of an invite. */
const openInvite = struct("open invite", {
  issuer_url: text,
  token: text,
  expected_group_id: optional(groupId),
  expected_issuer: optional(nodeInfo),
});

/** "Join by this invite, or by redeeming this open invite." */
export type JoinGroupReq = FrameOf<typeof joinGroupReqBody>;

export const joinGroupReqBody = jsonBody(
  "join_group_req",
  struct("join_group_req", {
    /** Always there; one whose `group_id` is zero means "no invite". */
    invite,
    open_invite: optional(openInvite),
    /** JSON text. */
    group_metadata: rawJson,
    /** JSON text. */
    group_policy: optional(rawJson),
    /** 0: the daemon's default. */
    timeout_ms: omitted(i64),
  }),
);

export type JoinGroupResp = FrameOf<typeof joinGroupRespBody>;

export const joinGroupRespBody = jsonBody(
  "join_group_resp",
  struct("join_group_resp", {
    /** `joined` or `already_joined`. */
    status: text,
    group_id: groupId,
    issuer: optional(nodeInfo),
    members: int,
    /** JSON text of what the command line prints. */
    readiness: rawJson,
  }),
);

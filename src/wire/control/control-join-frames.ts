import type { GroupId } from "../../core/ids.ts";
import { omitted, optional, struct } from "../../core/json/json-codec.ts";
import { groupId, i64, int, rawJson, text } from "../../core/json/json-scalars.ts";
import { invite, nodeInfo } from "../../core/record/record-codecs.ts";
import type { Invite, NodeInfo } from "../../core/record/records.ts";
import { type FrameBody, jsonBody } from "../frame/frame-body.ts";

/** A token for the issuer's HTTP service, in place of an invite. */
export interface OpenInvite {
  readonly issuer_url: string;
  readonly token: string;
  readonly expected_group_id: GroupId | undefined;
  readonly expected_issuer: NodeInfo | undefined;
}

/** "Join by this invite, or by redeeming this open invite." */
export interface JoinGroupReq {
  readonly kind: "join_group_req";
  /** Always there; one whose `group_id` is zero means "no invite". */
  readonly invite: Invite;
  readonly open_invite: OpenInvite | undefined;
  /** JSON text. */
  readonly group_metadata: string | undefined;
  /** JSON text. */
  readonly group_policy: string | undefined;
  /** 0: the daemon's default. */
  readonly timeout_ms: bigint;
}

export interface JoinGroupResp {
  readonly kind: "join_group_resp";
  /** `joined` or `already_joined`. */
  readonly status: string;
  readonly group_id: GroupId;
  readonly issuer: NodeInfo | undefined;
  readonly members: number;
  /** JSON text of what the command line prints. */
  readonly readiness: string | undefined;
}

const openInvite = struct<OpenInvite>("open invite", {
  issuer_url: text,
  token: text,
  expected_group_id: optional(groupId),
  expected_issuer: optional(nodeInfo),
});

export const joinGroupReqBody: FrameBody<JoinGroupReq> = jsonBody(
  "join_group_req",
  struct<Omit<JoinGroupReq, "kind">>("join_group_req", {
    invite,
    open_invite: optional(openInvite),
    group_metadata: rawJson,
    group_policy: optional(rawJson),
    timeout_ms: omitted(i64),
  }),
);

export const joinGroupRespBody: FrameBody<JoinGroupResp> = jsonBody(
  "join_group_resp",
  struct<Omit<JoinGroupResp, "kind">>("join_group_resp", {
    status: text,
    group_id: groupId,
    issuer: optional(nodeInfo),
    members: int,
    readiness: rawJson,
  }),
);

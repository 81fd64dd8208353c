import type { GroupId } from "../../core/ids.ts";
import { optional, struct } from "../../core/json/json-codec.ts";
import { groupId, u32 } from "../../core/json/json-scalars.ts";
import { invite } from "../../core/record/record-codecs.ts";
import type { Invite } from "../../core/record/records.ts";
import { count, plainList } from "../frame/bounded.ts";
import { type FrameBody, jsonBody } from "../frame/frame-body.ts";

/** Ours. */
export const MINT_PEERS_MAX = 1024;

/** "Sign an invite", without a change to the roster. */
export interface InviteMintReq {
  readonly kind: "invite_mint_req";
  readonly group_id: GroupId;
  /** Node ids to name as bootstrap peers; `undefined`: the daemon chooses. */
  readonly peers: readonly number[] | undefined;
  readonly valid_for_ms: number;
}

export interface InviteMintResp {
  readonly kind: "invite_mint_resp";
  readonly invite: Invite;
}

export const inviteMintReqBody: FrameBody<InviteMintReq> = jsonBody(
  "invite_mint_req",
  struct<Omit<InviteMintReq, "kind">>(
    "invite_mint_req",
    { group_id: groupId, peers: optional(plainList(u32, MINT_PEERS_MAX)), valid_for_ms: count },
    { required: ["group_id", "valid_for_ms"] },
  ),
);

export const inviteMintRespBody: FrameBody<InviteMintResp> = jsonBody(
  "invite_mint_resp",
  struct<Omit<InviteMintResp, "kind">>("invite_mint_resp", { invite }, { required: ["invite"] }),
);

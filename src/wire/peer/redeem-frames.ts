import type { GroupId } from "../../core/ids.ts";
import { omitted, struct } from "../../core/json/json-codec.ts";
import { groupId } from "../../core/json/json-scalars.ts";
import { HOSTNAME_MAX_BYTES } from "../../core/record/member-profile-ad.ts";
import { invite } from "../../core/record/record-codecs.ts";
import type { Invite } from "../../core/record/records.ts";
import { boundedBytes, boundedText, clippedText } from "../frame/bounded.ts";
import { type FrameBody, jsonBody } from "../frame/frame-body.ts";

/** Ours. 16 bytes cannot be guessed; more than 64 says nothing more. */
export const TOKEN_BYTES = { min: 16, max: 64 } as const;

/** Ours. */
export const GROUP_NAME_BYTES_MAX = 256;

/** A stranger shows the token of a moot link, to be taken in. The carrier proved its key. */
export interface RedeemReq {
  readonly kind: "redeem_req";
  readonly group_id: GroupId;
  /** 16 to 64 bytes. */
  readonly token: Uint8Array;
  /** How the newcomer wants to be shown; empty for none. */
  readonly hostname: string;
}

/** Sent after the newcomer's roster entry is durable. A refusal is a `refused` frame. */
export interface RedeemResp {
  readonly kind: "redeem_resp";
  readonly group_id: GroupId;
  readonly invite: Invite;
  /** What the issuer calls the group, cut to 256 bytes; empty for nothing. */
  readonly name: string;
}

export const redeemReqBody: FrameBody<RedeemReq> = jsonBody(
  "redeem_req",
  struct<Omit<RedeemReq, "kind">>(
    "redeem_req",
    {
      group_id: groupId,
      token: boundedBytes("token", TOKEN_BYTES),
      hostname: omitted(boundedText("hostname", HOSTNAME_MAX_BYTES)),
    },
    { required: ["group_id", "token"] },
  ),
);

export const redeemRespBody: FrameBody<RedeemResp> = jsonBody(
  "redeem_resp",
  struct<Omit<RedeemResp, "kind">>(
    "redeem_resp",
    { group_id: groupId, invite, name: omitted(clippedText("name", GROUP_NAME_BYTES_MAX)) },
    { required: ["group_id", "invite"] },
  ),
);

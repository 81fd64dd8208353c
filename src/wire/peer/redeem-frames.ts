import { omitted, struct } from "../../core/json/json-codec.ts";
import { groupId } from "../../core/json/json-scalars.ts";
import { HOSTNAME_MAX_BYTES } from "../../core/record/member-profile-ad.ts";
import { invite } from "../../core/record/record-codecs.ts";
import { boundedBytes, boundedText, clippedText } from "../frame/bounded.ts";
import { type FrameOf, jsonBody } from "../frame/frame-body.ts";

/** Ours. 16 bytes cannot be guessed; more than 64 says nothing more. */
export const TOKEN_BYTES = { min: 16, max: 64 } as const;

/** Ours. One line of a screen has less; a longer name is cut, so that none keeps a newcomer out. */
export const GROUP_NAME_BYTES_MAX = 256;

/** A stranger shows the token of a moot link, to be taken in. The carrier proved its key. */
export type RedeemReq = FrameOf<typeof redeemReqBody>;

export const redeemReqBody = jsonBody(
  "redeem_req",
  struct(
    "redeem_req",
    {
      group_id: groupId,
      /** 16 to 64 bytes. */
      token: boundedBytes("token", TOKEN_BYTES),
      /** How the newcomer wants to be shown; empty for none. */
      hostname: omitted(boundedText("hostname", HOSTNAME_MAX_BYTES)),
    },
    { required: ["group_id", "token"] },
  ),
);

/** Sent after the newcomer's roster entry is durable. A refusal is a `refused` frame. */
export type RedeemResp = FrameOf<typeof redeemRespBody>;

export const redeemRespBody = jsonBody(
  "redeem_resp",
  struct(
    "redeem_resp",
    {
      group_id: groupId,
      invite,
      /** What the issuer calls the group, cut to 256 bytes; empty for nothing. */
      name: omitted(clippedText("name", GROUP_NAME_BYTES_MAX)),
    },
    { required: ["group_id", "invite"] },
  ),
);

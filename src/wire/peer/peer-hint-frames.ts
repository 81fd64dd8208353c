import { struct } from "../../core/json/json-codec.ts";
import { groupId } from "../../core/json/json-scalars.ts";
import { PEER_HINT_BYTES_MAX } from "../../core/record/peer-hint.ts";
import { boundedBytes, plainList } from "../frame/bounded.ts";
import { type FrameOf, jsonBody } from "../frame/frame-body.ts";
import { strictGroupBody } from "../frame/group-body.ts";

/** Ours. With hints of full size, 352 KB in base64: inside the 512 KiB of their frame. */
export const PEER_HINTS_MAX = 256;

/** Canonical JSON of the signed object, as received. */
const hint = boundedBytes("peer hint", { min: 1, max: PEER_HINT_BYTES_MAX });

/** Where a peer can be reached now, signed by it. One way, passed on like an ad. */
export type PeerHintFrame = FrameOf<typeof peerHintBody>;

export const peerHintBody = jsonBody("peer_hint", struct("peer_hint", { hint }, { required: ["hint"] }));

/** Asks for the hints of a group's members. */
export type PeerHintsReq = FrameOf<typeof peerHintsReqBody>;

export const peerHintsReqBody = strictGroupBody("peer_hints_req");

export type PeerHintsResp = FrameOf<typeof peerHintsRespBody>;

export const peerHintsRespBody = jsonBody(
  "peer_hints_resp",
  struct(
    "peer_hints_resp",
    {
      group_id: groupId,
      /** At most 256, freshest first. */
      hints: plainList(hint, PEER_HINTS_MAX),
    },
    { required: ["group_id", "hints"] },
  ),
);

import type { GroupId } from "../../core/ids.ts";
import { struct } from "../../core/json/json-codec.ts";
import { groupId } from "../../core/json/json-scalars.ts";
import { PEER_HINT_BYTES_MAX } from "../../core/record/peer-hint.ts";
import { boundedBytes, plainList } from "../frame/bounded.ts";
import { type FrameBody, jsonBody } from "../frame/frame-body.ts";
import { type GroupFrame, strictGroupBody } from "../frame/group-body.ts";

/** Ours. With hints of full size, 352 KB in base64. */
export const PEER_HINTS_MAX = 256;

/** Where a peer can be reached now, signed by it. One way, passed on like an ad. */
export interface PeerHint {
  readonly kind: "peer_hint";
  /** Canonical JSON of the signed object, as received. */
  readonly hint: Uint8Array;
}

/** Asks for the hints of a group's members. */
export type PeerHintsReq = GroupFrame<"peer_hints_req">;

export interface PeerHintsResp {
  readonly kind: "peer_hints_resp";
  readonly group_id: GroupId;
  /** At most 256, freshest first. */
  readonly hints: readonly Uint8Array[];
}

const hint = boundedBytes("peer hint", { min: 1, max: PEER_HINT_BYTES_MAX });

export const peerHintBody: FrameBody<PeerHint> = jsonBody(
  "peer_hint",
  struct<Omit<PeerHint, "kind">>("peer_hint", { hint }, { required: ["hint"] }),
);

export const peerHintsReqBody: FrameBody<PeerHintsReq> = strictGroupBody("peer_hints_req");

export const peerHintsRespBody: FrameBody<PeerHintsResp> = jsonBody(
  "peer_hints_resp",
  struct<Omit<PeerHintsResp, "kind">>(
    "peer_hints_resp",
    { group_id: groupId, hints: plainList(hint, PEER_HINTS_MAX) },
    { required: ["group_id", "hints"] },
  ),
);

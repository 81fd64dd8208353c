import { struct } from "../../core/json/json-codec.ts";
import { groupId, i64, int, merkleRoot, messageId } from "../../core/json/json-scalars.ts";
import { plainList } from "../frame/bounded.ts";
import { type FrameOf, jsonBody } from "../frame/frame-body.ts";
import { groupBody } from "../frame/group-body.ts";

/** Wire. What fits into 16 MiB at 47 bytes an id. */
export const RANGE_RESP_IDS_MAX = 356_960;

/** Asks for the root over all messages held. */
export type MerkleReq = FrameOf<typeof merkleReqBody>;

export const merkleReqBody = groupBody("merkle_req");

export type MerkleResp = FrameOf<typeof merkleRespBody>;

export const merkleRespBody = jsonBody(
  "merkle_resp",
  struct("merkle_resp", {
    group_id: groupId,
    root: merkleRoot,
    /** Original peers always say 0. */
    message_count: int,
  }),
);

/** Asks for the ids of all messages at or after `since_millis`: the fallback where reconciliation fails. */
export type RangeReq = FrameOf<typeof rangeReqBody>;

export const rangeReqBody = jsonBody(
  "range_req",
  struct("range_req", {
    group_id: groupId,
    /** Unix milliseconds. */
    since_millis: i64,
  }),
);

export type RangeResp = FrameOf<typeof rangeRespBody>;

export const rangeRespBody = jsonBody(
  "range_resp",
  struct("range_resp", {
    group_id: groupId,
    /** In topological order of that subset. */
    ids: plainList(messageId, RANGE_RESP_IDS_MAX),
  }),
);

import type { GroupId, MerkleRoot, MessageId } from "../../core/ids.ts";
import { struct } from "../../core/json/json-codec.ts";
import { groupId, i64, int, merkleRoot, messageId } from "../../core/json/json-scalars.ts";
import { plainList } from "../frame/bounded.ts";
import { type FrameBody, jsonBody } from "../frame/frame-body.ts";
import { type GroupFrame, groupBody } from "../frame/group-body.ts";

/** Wire. What fits into 16 MiB at 47 bytes an id. */
export const RANGE_RESP_IDS_MAX = 356_960;

/** Asks for the root over all messages held. */
export type MerkleReq = GroupFrame<"merkle_req">;

export interface MerkleResp {
  readonly kind: "merkle_resp";
  readonly group_id: GroupId;
  readonly root: MerkleRoot;
  /** Original peers always say 0. */
  readonly message_count: number;
}

/** Asks for the ids of all messages at or after `since_millis`: the fallback where reconciliation fails. */
export interface RangeReq {
  readonly kind: "range_req";
  readonly group_id: GroupId;
  /** int64, Unix milliseconds. */
  readonly since_millis: bigint;
}

export interface RangeResp {
  readonly kind: "range_resp";
  readonly group_id: GroupId;
  /** In topological order of that subset. */
  readonly ids: readonly MessageId[];
}

export const merkleReqBody: FrameBody<MerkleReq> = groupBody("merkle_req");

export const merkleRespBody: FrameBody<MerkleResp> = jsonBody(
  "merkle_resp",
  struct<Omit<MerkleResp, "kind">>("merkle_resp", { group_id: groupId, root: merkleRoot, message_count: int }),
);

export const rangeReqBody: FrameBody<RangeReq> = jsonBody(
  "range_req",
  struct<Omit<RangeReq, "kind">>("range_req", { group_id: groupId, since_millis: i64 }),
);

export const rangeRespBody: FrameBody<RangeResp> = jsonBody(
  "range_resp",
  struct<Omit<RangeResp, "kind">>("range_resp", { group_id: groupId, ids: plainList(messageId, RANGE_RESP_IDS_MAX) }),
);

import type { GroupId, MerkleRoot, RosterEntryId } from "../../core/ids.ts";
import { omitted, struct } from "../../core/json/json-codec.ts";
import { groupId, merkleRoot, rosterEntryId } from "../../core/json/json-scalars.ts";
import { boundedText, count } from "../frame/bounded.ts";
import { type FrameBody, jsonBody } from "../frame/frame-body.ts";
import { type GroupFrame, strictGroupBody } from "../frame/group-body.ts";

/** Asks how a peer sees a group: one round trip tells whether anything is missing. */
export type StatusReq = GroupFrame<"status_req">;

export interface StatusResp {
  readonly kind: "status_resp";
  readonly group_id: GroupId;
  readonly roster_head: RosterEntryId;
  readonly roster_length: number;
  readonly merkle_root: MerkleRoot;
  readonly message_count: number;
  /** Of the peer's program. At most 64 bytes. */
  readonly version: string;
  /** The group's policy as JSON text, from its founder alone; empty for none. At most 4,096 bytes. */
  readonly policy: string;
}

export const statusReqBody: FrameBody<StatusReq> = strictGroupBody("status_req");

export const statusRespBody: FrameBody<StatusResp> = jsonBody(
  "status_resp",
  struct<Omit<StatusResp, "kind">>(
    "status_resp",
    {
      group_id: groupId,
      roster_head: rosterEntryId,
      roster_length: count,
      merkle_root: merkleRoot,
      message_count: count,
      version: boundedText("version", 64),
      policy: omitted(boundedText("policy", 4096)),
    },
    { required: ["group_id", "roster_head", "roster_length", "merkle_root", "message_count", "version"] },
  ),
);

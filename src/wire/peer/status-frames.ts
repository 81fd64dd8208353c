import type { GroupId, MerkleRoot, RosterEntryId } from "../../core/ids.ts";
import { omitted, struct } from "../../core/json/json-codec.ts";
import { groupId, merkleRoot, rosterEntryId } from "../../core/json/json-scalars.ts";
import { boundedText, count } from "../frame/bounded.ts";
import { type FrameBody, jsonBody } from "../frame/frame-body.ts";

/** What a peer says of its copy of a group. */
export interface CopySummary {
  readonly group_id: GroupId;
  readonly roster_head: RosterEntryId;
  readonly roster_length: number;
  readonly merkle_root: MerkleRoot;
  readonly message_count: number;
}

/** Tells a peer how we see a group and asks how it does: one round trip tells both sides whether anything is missing. */
export interface StatusReq extends CopySummary {
  readonly kind: "status_req";
}

export interface StatusResp extends CopySummary {
  readonly kind: "status_resp";
  /** Of the peer's program. At most 64 bytes. */
  readonly version: string;
  /** The group's policy as JSON text, from its founder alone; empty for none. At most 4,096 bytes. */
  readonly policy: string;
}

const copySummary = {
  group_id: groupId,
  roster_head: rosterEntryId,
  roster_length: count,
  merkle_root: merkleRoot,
  message_count: count,
};
const summaryKeys = ["group_id", "roster_head", "roster_length", "merkle_root", "message_count"] as const;

export const statusReqBody: FrameBody<StatusReq> = jsonBody(
  "status_req",
  struct<CopySummary>("status_req", copySummary, { required: summaryKeys }),
);

export const statusRespBody: FrameBody<StatusResp> = jsonBody(
  "status_resp",
  struct<Omit<StatusResp, "kind">>(
    "status_resp",
    {
      ...copySummary,
      version: boundedText("version", 64),
      policy: omitted(boundedText("policy", 4096)),
    },
    { required: [...summaryKeys, "version"] },
  ),
);

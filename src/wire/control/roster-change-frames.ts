import type { GroupId, PublicKey, RosterEntryId } from "../../core/ids.ts";
import { optional, struct } from "../../core/json/json-codec.ts";
import { groupId, publicKey, rosterEntryId, u32 } from "../../core/json/json-scalars.ts";
import { nodeInfo } from "../../core/record/record-codecs.ts";
import type { NodeInfo } from "../../core/record/records.ts";
import { count, oneOf } from "../frame/bounded.ts";
import { type FrameBody, jsonBody } from "../frame/frame-body.ts";

/** "Add this key to the roster", or remove it. */
export interface RosterChangeReq {
  readonly kind: "roster_change_req";
  readonly group_id: GroupId;
  readonly op: "add" | "remove";
  /** `undefined`: the id the key has in the roster or, to add, the one derived from it. */
  readonly node_id: number | undefined;
  readonly entmoot_pubkey: PublicKey;
}

export interface RosterChangeResp {
  readonly kind: "roster_change_resp";
  readonly group_id: GroupId;
  readonly entry_id: RosterEntryId;
  readonly subject: NodeInfo;
  readonly members: number;
}

export const rosterChangeReqBody: FrameBody<RosterChangeReq> = jsonBody(
  "roster_change_req",
  struct<Omit<RosterChangeReq, "kind">>(
    "roster_change_req",
    { group_id: groupId, op: oneOf("op", ["add", "remove"]), node_id: optional(u32), entmoot_pubkey: publicKey },
    { required: ["group_id", "op", "entmoot_pubkey"] },
  ),
);

export const rosterChangeRespBody: FrameBody<RosterChangeResp> = jsonBody(
  "roster_change_resp",
  struct<Omit<RosterChangeResp, "kind">>(
    "roster_change_resp",
    { group_id: groupId, entry_id: rosterEntryId, subject: nodeInfo, members: count },
    { required: ["group_id", "entry_id", "subject", "members"] },
  ),
);

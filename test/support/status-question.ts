import { type GroupId, MerkleRoot, RosterEntryId } from "../../src/core/ids.ts";
import type { StatusReq } from "../../src/wire/peer/status-frames.ts";

/** A question for status by a peer that says it holds nothing of the group. */
export function statusQuestion(group_id: GroupId, says: Partial<StatusReq> = {}): StatusReq {
  return {
    kind: "status_req",
    group_id,
    roster_head: RosterEntryId.zero,
    roster_length: 0,
    merkle_root: MerkleRoot.zero,
    message_count: 0,
    ...says,
  };
}

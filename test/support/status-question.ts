import { ForksDigest, type GroupId, MerkleRoot, RosterEntryId } from "../../src/core/ids.ts";
import type { StatusReq } from "../../src/wire/peer/status-frames.ts";

/** The part of a status that a member leaves out which has removed nothing and does not know the time. */
export const NOTHING_SHARED = {
  now_ms: 0,
  pruned_to_ms: 0,
  shared_since_ms: 0,
  shared_root: MerkleRoot.zero,
  shared_count: 0,
  roster_forks: ForksDigest.zero,
  instance: "",
};

/** A question for status by a peer that says it holds nothing of the group. */
export function statusQuestion(group_id: GroupId, says: Partial<StatusReq> = {}): StatusReq {
  return {
    kind: "status_req",
    group_id,
    roster_head: RosterEntryId.zero,
    roster_length: 0,
    merkle_root: MerkleRoot.zero,
    message_count: 0,
    ...NOTHING_SHARED,
    ...says,
  };
}

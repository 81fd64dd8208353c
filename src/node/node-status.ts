import type { Group } from "./group/group.ts";
import { groupName } from "./group/group-name.ts";
import type { MootStatus } from "./operations/daemon.ts";

/** A group as `info` shows it. */
export function groupStatus(group: Group): MootStatus {
  const { messages } = group.store;
  return {
    group_id: group.id,
    name: groupName(group.store),
    members: group.roster.log.members.length,
    messages: messages.size,
    merkle_root: messages.merkleRoot(),
    roster_head: group.roster.head,
    local_node_id: group.self?.pilot_node_id ?? 0,
    local_member: group.self !== undefined,
    founder: group.isFounder,
  };
}

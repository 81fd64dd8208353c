import type { Group } from "./group/group.ts";
import { groupName } from "./group/group-name.ts";
import type { MootStatus, NodeStatus } from "./operations/daemon.ts";

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

/** What an agent is told: who the node is and what it holds, and nothing of the machine, its files and its addresses. */
export function statusForAgent(status: NodeStatus): NodeStatus {
  const { carrier } = status.transport;
  return {
    ...status,
    pid: 0,
    data_dir: "",
    identity_path: "",
    listen_port: 0,
    transport: { carrier, reason: "", port: 0, hints: [] },
  };
}

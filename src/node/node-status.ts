import { EntmootError } from "../core/errors.ts";
import type { GroupId } from "../core/ids.ts";
import type { Group } from "./group/group.ts";
import { groupName } from "./group/group-name.ts";
import { type MootStatus, type NodeStatus, UNOPENED_MAX } from "./operations/daemon.ts";

/** The groups of a node as `info` shows them: those that are open, and those that cannot be opened or read, with why. */
export function mootStatuses(
  open: Iterable<Group>,
  unopened: ReadonlyMap<GroupId, EntmootError>,
): Pick<NodeStatus, "groups" | "unopened"> {
  const groups: MootStatus[] = [];
  const reasons = new Map(unopened);
  for (const group of open) {
    try {
      groups.push(groupStatus(group));
    } catch (error) {
      // One that cannot be read must not hide the others.
      if (!(error instanceof EntmootError)) throw error;
      reasons.set(group.id, error);
    }
  }
  const rows = [...reasons].slice(0, UNOPENED_MAX).map(([group_id, { message }]) => ({ group_id, reason: message }));
  return { groups, unopened: rows };
}

function groupStatus(group: Group): MootStatus {
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
    unopened: [],
    transport: { carrier, reason: "", port: 0, hints: [] },
  };
}

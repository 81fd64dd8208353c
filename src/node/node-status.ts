import { policyName } from "../core/policy/policy.ts";
import { keepsEverything } from "../core/policy/retention.ts";
import type { Group } from "./group/group.ts";
import { groupName } from "./group/group-name.ts";
import type { MootStatus, NodeStatus, RetentionStatus } from "./operations/daemon.ts";

/** A group as `info` shows it. `isRunning`: in a daemon, which hears members and runs long enough to judge the time. */
export function groupStatus(group: Group, isRunning: boolean): MootStatus {
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
    policy: policyName(group.policy.current),
    retention: retentionStatus(group, isRunning),
  };
}

function retentionStatus({ policy, retention, store }: Group, isRunning: boolean): RetentionStatus {
  const { cutoffMs, prunedToMs, time } = retention.state;
  const days = policy.current?.retention_days;
  return {
    days: days === undefined || keepsEverything(days) ? undefined : days,
    cutoff_ms: cutoffMs,
    pruned: store.messages.pruned,
    pruned_to_ms: prunedToMs,
    clock: isRunning ? time.kind : undefined,
    clock_offset_ms: isRunning && time.kind === "disputed" ? Math.round(time.offsetMs) : undefined,
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

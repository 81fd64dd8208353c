import { EntmootError } from "../core/errors.ts";
import type { GroupId } from "../core/ids.ts";
import { policyName } from "../core/policy/policy.ts";
import { keepsEverything } from "../core/policy/retention.ts";
import type { Group } from "./group/group.ts";
import { groupName } from "./group/group-name.ts";
import {
  BRANCHES_MAX,
  type MootStatus,
  type NodeStatus,
  type RetentionStatus,
  UNOPENED_MAX,
} from "./operations/daemon.ts";

/** The groups of a node as `info` shows them: those that are open, and those that cannot be opened or read, with why. */
export function mootStatuses(
  open: Iterable<Group>,
  { isRunning, nameOf, refusedOf, unopened }: MootsNotOpen & { readonly isRunning: boolean },
): Pick<NodeStatus, "groups" | "unopened"> {
  const groups: MootStatus[] = [];
  const lost = new Map<GroupId, EntmootError>();
  for (const group of open) {
    try {
      groups.push({ ...groupStatus(group, isRunning), refused: refusedOf?.(group.id) });
    } catch (error) {
      // One that cannot be read must not hide the others.
      if (!(error instanceof EntmootError)) throw error;
      lost.set(group.id, error);
    }
  }
  // Those first that were there a moment ago.
  const rows = [...lost, ...unopened].slice(0, UNOPENED_MAX).map(([group_id, { code, message }]) => ({
    group_id,
    name: nameOf(group_id),
    reason: message,
    code,
    passing: code === "unavailable",
    lost: code !== "unavailable" && lost.has(group_id),
  }));
  return { groups, unopened: rows };
}

interface MootsNotOpen {
  readonly unopened: ReadonlyMap<GroupId, EntmootError>;
  /** What the policy refused last. */
  readonly refusedOf?: (id: GroupId) => MootStatus["refused"];
  /** What a moot was called when it could be opened. */
  readonly nameOf: (id: GroupId) => string | undefined;
}

/** A group as `info` shows it. `isRunning`: in a daemon, which hears members and runs long enough to judge the time. */
function groupStatus(group: Group, isRunning: boolean): Omit<MootStatus, "refused"> {
  const { messages } = group.store;
  group.store.requireSame();
  return {
    group_id: group.id,
    name: groupName(group.store),
    members: group.roster.log.members.length,
    messages: messages.size,
    apart: messages.apart === 0 ? undefined : messages.apart,
    owed: group.owed === 0 ? undefined : group.owed,
    merkle_root: messages.merkleRoot(),
    roster_head: group.roster.head,
    local_node_id: group.self?.pilot_node_id ?? 0,
    local_member: group.self !== undefined,
    founder: group.isFounder,
    removal: group.removal,
    left_ms: group.leftMs ?? 0,
    fork: forkStatus(group),
    doubt: group.doubt.reason,
    policy: policyName(group.policy.current),
    retention: retentionStatus(group, isRunning),
  };
}

function forkStatus({ roster }: Group): MootStatus["fork"] {
  const { fork } = roster;
  if (fork === undefined) return undefined;
  const branches = fork.branches.slice(0, BRANCHES_MAX).map((branch) => ({
    ...branch,
    followed: roster.log.has(branch.first.id),
  }));
  return { point: fork.point, branches };
}

function retentionStatus({ policy, retention, store }: Group, isRunning: boolean): RetentionStatus {
  const { cutoffMs, jumpMs, keptFromMs, prunedToMs, time } = retention.state;
  const days = policy.current?.retention_days;
  return {
    days: days === undefined || keepsEverything(days) ? undefined : days,
    cutoff_ms: cutoffMs,
    pruned: store.messages.pruned,
    pruned_to_ms: prunedToMs,
    kept_from_ms: keptFromMs,
    clock: isRunning ? time.kind : undefined,
    clock_offset_ms: isRunning && time.kind === "disputed" ? Math.round(time.offsetMs) : undefined,
    clock_heard: isRunning && time.kind !== "steady" ? time.heard : undefined,
    clock_rest_ms: isRunning && time.kind === "unproved" ? Math.ceil(time.restMs) : undefined,
    clock_jump_ms: isRunning && jumpMs !== 0 ? Math.round(jumpMs) : undefined,
  };
}

/** Where its files are, and what they hold, is the owner's. */
const UNTOLD = 'nothing can be stored here just now; the owner is told why by "entmootd info"';

const UNOPENED = 'this moot cannot be opened; the owner is told why by "entmootd info"';

/** What an agent is told: who the node is and what it holds, and nothing of the machine, its files and its addresses. */
export function statusForAgent(status: NodeStatus): NodeStatus {
  const { carrier } = status.transport;
  return {
    ...status,
    pid: 0,
    place: "",
    data_dir: "",
    identity_path: "",
    listen_port: 0,
    // That they are there, or what means the only one, or one by its name, would mean another.
    unopened: status.unopened.map((moot) => ({ ...moot, reason: UNOPENED, code: "" })),
    faults: status.faults.length === 0 ? [] : [UNTOLD],
    fault_codes: [],
    peer_refusals: 0,
    transport: { carrier, reason: "", port: 0, hints: [] },
  };
}

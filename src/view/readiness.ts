import { join } from "node:path";
import { GroupId } from "../core/ids.ts";
import { programPath } from "../host/program-name.ts";
import { shellCommand } from "../host/shell-quote.ts";
import { membershipFault, membershipWord } from "../node/doctor/moot-checks.ts";
import { type MootStatus, type NodeStatus, status as statusOperation } from "../node/operations/daemon.ts";
import type { ExaminedMoot } from "../node/operations/diagnosis.ts";
import { type PeerRow, peers } from "../node/operations/moots.ts";
import type { Operations } from "../node/operations/operation.ts";

/** The line that says a node is ready. Keys ascending, as the original prints them. */
export interface Readiness {
  readonly control_socket: string;
  readonly event: "joined" | "serving";
  /** The group joined, else the first one; `null` when there is none. */
  readonly group_id: string | null;
  /** All groups, ascending by their bytes. */
  readonly group_ids: readonly string[];
  readonly health: Health;
  readonly listen_port: number;
  /** Sum over all groups. */
  readonly members: number;
  readonly next_command: string;
  /** For `joined`: whether this was news. */
  readonly status?: "joined" | "already_joined";
  readonly transport: string;
}

/** Key order of the original. Over iroh the connection proves the key, so nothing is ever pending. */
export interface Health {
  readonly groups: number;
  readonly members: number;
  readonly peers: number;
  readonly local_member: boolean;
  /** Of the first moot of which this node is no member. */
  readonly local_member_status: ExaminedMoot["local_member_status"];
  readonly trust_query_ok: boolean;
  readonly pending_query_ok: boolean;
  readonly trusted_peers: number;
  readonly pending_peers: number;
  readonly missing_trust: number;
  readonly profiles_known: number;
  readonly transport_ads_known: number;
  readonly transport_ads_stale: number;
  readonly onboarding_handshake_candidates: number;
  readonly route_probe: "not_run";
}

/** The readiness of a running node. `joined` names the group an input led to. */
export async function readiness(
  node: Operations,
  joined?: { readonly groupId: GroupId; readonly status: "joined" | "already_joined" },
): Promise<Readiness> {
  const status = await node.call(statusOperation, {});
  const groups = status.groups.toSorted((a, b) => (a.group_id < b.group_id ? -1 : 1));
  const looked = await Promise.all(
    groups.map(async (moot) => ({ moot, rows: (await node.call(peers, { group_id: moot.group_id })).peers })),
  );
  const groupId = joined?.groupId ?? groups[0]?.group_id;
  return {
    control_socket: join(status.data_dir, "control.sock"),
    event: joined === undefined ? "serving" : "joined",
    group_id: groupId === undefined ? null : GroupId.toBase64(groupId),
    group_ids: groups.map((group) => GroupId.toBase64(group.group_id)),
    health: healthOf(looked, status.pilot_node_id),
    listen_port: status.listen_port,
    members: sum(groups, (group) => group.members),
    next_command: nextCommand(status, groupId),
    ...(joined === undefined ? {} : { status: joined.status }),
    transport: status.transport.carrier,
  };
}

/** This program with the flags that lead to this node's data, then `words`. */
export function commandFor(status: Pick<NodeStatus, "data_dir" | "identity_path">, words: readonly string[]): string {
  const usual = join(status.data_dir, "identity.json");
  const identity = status.identity_path === usual ? [] : ["-identity", status.identity_path];
  return shellCommand([programPath(), "-data", status.data_dir, ...identity, ...words]);
}

function nextCommand(status: NodeStatus, groupId: GroupId | undefined): string {
  const words =
    groupId === undefined
      ? ["group", "create", "-name", "NAME"]
      : ["doctor", "-group", GroupId.toBase64(groupId), "-probe"];
  return commandFor(status, words);
}

interface LookedAt {
  readonly moot: MootStatus;
  readonly rows: readonly PeerRow[];
}

function healthOf(looked: readonly LookedAt[], nodeId: number): Health {
  const groups = looked.map(({ moot }) => moot);
  const rows = looked.flatMap((each) => each.rows);
  const faults = looked.map(({ moot, rows: of }) => membershipFault({ moot, rows: of, nodeId }));
  const others = rows.filter((row) => !row.self);
  const localMember = groups.every((group) => group.local_member);
  return {
    groups: groups.length,
    members: sum(groups, (group) => group.members),
    peers: others.length,
    local_member: localMember,
    local_member_status: membershipWord(faults.find((fault) => fault !== undefined)),
    trust_query_ok: true,
    pending_query_ok: true,
    trusted_peers: others.filter((row) => row.trust === "key").length,
    pending_peers: 0,
    missing_trust: 0,
    profiles_known: rows.filter((row) => row.hostname !== "").length,
    transport_ads_known: rows.filter((row) => row.self || row.hints.length > 0).length,
    transport_ads_stale: rows.filter((row) => row.hints_stale && !row.connected).length,
    onboarding_handshake_candidates: 0,
    route_probe: "not_run",
  };
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}

import { GroupId, MerkleRoot, RosterEntryId } from "../core/ids.ts";
import type { NodeStatus } from "../node/operations/daemon.ts";
import type { InfoResp } from "../wire/control/control-info-frames.ts";
import { retentionJson } from "./retention-json.ts";
import { rosterStateJson, twinText } from "./roster-state-json.ts";

/** The original's keys in its order, then ours; an agent is told nothing of the machine, and what it is not told is not there. */
export function infoJson(status: NodeStatus) {
  // No other answer leaves out where the data is.
  const isForAgent = status.data_dir === "";
  return {
    pilot_node_id: status.pilot_node_id,
    entmoot_pubkey: status.entmoot_pubkey.toBase64(),
    ...(isForAgent ? {} : { listen_port: status.listen_port, data_dir: status.data_dir }),
    groups: status.groups.map((group) => ({
      group_id: GroupId.toBase64(group.group_id),
      members: group.members,
      messages: group.messages,
      ...(group.apart === undefined ? {} : { apart: group.apart }),
      ...(group.owed === undefined ? {} : { owed: group.owed }),
      merkle_root: MerkleRoot.toBase64(group.merkle_root),
      ...(group.name === "" ? {} : { name: group.name }),
      roster_head: RosterEntryId.toBase64(group.roster_head),
      local_node_id: group.local_node_id,
      local_member: group.local_member,
      founder: group.founder,
      ...rosterStateJson(group),
      ...retentionJson(group),
    })),
    ...(status.unopened.length === 0
      ? {}
      : {
          unopened: status.unopened.map(({ group_id, name, reason }) => ({
            group_id: GroupId.toBase64(group_id),
            ...(name === undefined || name === "" ? {} : { name }),
            reason,
          })),
        }),
    ...(status.faults.length === 0 ? {} : { faults: status.faults }),
    ...(status.twin_seen_ms === 0 ? {} : { twin: { last_seen_ms: status.twin_seen_ms, note: twinText(status) } }),
    running: status.running,
    ...(status.running
      ? { version: status.version, ...(isForAgent ? {} : { pid: status.pid }), started_at_ms: status.started_at_ms }
      : {}),
    ...(status.peer_refusals === 0 ? {} : { peer_refusals: status.peer_refusals }),
    ...(isForAgent ? {} : { identity_path: status.identity_path }),
    transport: isForAgent ? { carrier: status.transport.carrier } : status.transport,
  };
}

/** The same of a daemon of the original: its own words, and nothing that it does not say. */
export function originalInfoJson({ data_dir, entmoot_pubkey, groups, listen_port, pilot_node_id, running }: InfoResp) {
  return {
    pilot_node_id,
    ...(entmoot_pubkey === null ? {} : { entmoot_pubkey: entmoot_pubkey.toBase64() }),
    listen_port,
    data_dir,
    groups: groups.map(({ group_id, members, merkle_root, messages }) => ({
      group_id: GroupId.toBase64(group_id),
      members,
      messages,
      ...(merkle_root === undefined ? {} : { merkle_root: MerkleRoot.toBase64(merkle_root) }),
    })),
    running,
    daemon: "original",
  };
}

/** The same of a data root that holds nothing yet. */
export function emptyInfoJson({ dataDir, identityPath, listenPort }: EmptyRoot) {
  return {
    pilot_node_id: 0,
    entmoot_pubkey: null,
    listen_port: listenPort,
    data_dir: dataDir,
    groups: [],
    running: false,
    identity_path: identityPath,
  };
}

export interface EmptyRoot {
  readonly dataDir: string;
  readonly identityPath: string;
  readonly listenPort: number;
}

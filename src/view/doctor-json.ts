import { GroupId } from "../core/ids.ts";
import type { RuntimeReport } from "../host/runtime-report.ts";
import { checkOf, worstOf } from "../node/doctor/diagnoses.ts";
import type { NodeStatus } from "../node/operations/daemon.ts";
import type { DoctorCheck, ExaminedMoot } from "../node/operations/diagnosis.ts";
import type { Teller } from "./doctor-teller.ts";
import { type PeerReportRow, peerReport } from "./peer-report.ts";

export interface DoctorFound {
  /** Unix milliseconds. */
  readonly nowMs: number;
  readonly runtime: RuntimeReport | undefined;
  readonly pilotReachable: boolean;
  readonly daemon: boolean;
  /** `undefined` where neither a daemon nor the files tell. */
  readonly status: NodeStatus | undefined;
  /** Why they do not. */
  readonly error: string | undefined;
  readonly dataDir: string;
  readonly isProbed: boolean;
  /** Of the node itself. */
  readonly checks: readonly DoctorCheck[];
  readonly groups: readonly ExaminedMoot[];
  readonly voices: readonly VoiceFound[];
  readonly more: boolean;
}

/** What the daemon of one voice says of itself. */
export interface VoiceFound {
  readonly name: string;
  readonly checks: readonly DoctorCheck[];
  readonly groups: readonly ExaminedMoot[];
}

export interface CheckJson {
  readonly layer: string;
  readonly state: DoctorCheck["state"];
  readonly diagnosis: string;
  readonly why?: string;
  readonly next_command?: string;
}

export interface DoctorGroupJson {
  readonly group_id: string;
  readonly local_member: boolean;
  readonly local_member_status: string;
  readonly members: number;
  readonly messages: number;
  readonly suggestion?: string;
  readonly next_command?: string;
  readonly peers: readonly PeerReportRow[];
  readonly name?: string;
  readonly checks: readonly CheckJson[];
}

export type DoctorJson = ReturnType<typeof doctorJson>;

/** The original's keys in its order, then ours. */
export function doctorJson(found: DoctorFound, teller: Teller) {
  const { checks, daemon, error, groups, isProbed, nowMs, status, voices } = found;
  const isTold = !teller.isRedacted;
  const told = (all: readonly DoctorCheck[]) => all.map((each) => checkJson(each, teller));
  const context = { daemon, isProbed };
  const shown = groups
    .toSorted((a, b) => (GroupId.toBase64(a.group_id) < GroupId.toBase64(b.group_id) ? -1 : 1))
    .map((moot) => groupJson(moot, { ...context, teller, down: checks.find(({ layer }) => layer === "daemon") }));
  const voicesJson = voices.map((voice) => ({
    name: teller.voice(voice.name),
    checks: told(voice.checks),
    groups: voice.groups.map((moot) => ({ group_id: teller.group(moot.group_id), checks: told(moot.checks) })),
  }));
  const all = [
    checks,
    ...[...groups, ...voices.flatMap((voice) => voice.groups)].map((moot) => moot.checks),
    ...voices.map((voice) => voice.checks),
  ].flat();
  return {
    schema_version: 1,
    generated_at: new Date(nowMs).toISOString(),
    ...(isTold && found.runtime !== undefined ? { runtime: found.runtime } : {}),
    pilot: {
      reachable: found.pilotReachable,
      outbound_turn_only: false,
      no_registry_endpoint: false,
      trusted_query_ok: false,
      pending_query_ok: false,
    },
    entmoot: {
      running: daemon,
      ...(isTold && error !== undefined ? { error } : {}),
      ...(status === undefined ? {} : { node_id: teller.node(status.pilot_node_id), listen_port: status.listen_port }),
      data_dir: isTold ? found.dataDir : "",
      ...(status === undefined || !daemon
        ? {}
        : { version: status.version, transport: status.transport.carrier, started_at_ms: status.started_at_ms }),
    },
    groups: shown,
    checks: told(checks),
    ...(voicesJson.length === 0 ? {} : { voices: voicesJson }),
    ...(found.more ? { more: true } : {}),
    failed: count(all, "failed") + count(shown, "failed"),
    unknown: all.filter(({ state }) => state === "unknown").length,
  };
}

/** Checks that fail, or moots' rows that do. */
function count(items: readonly (DoctorCheck | DoctorGroupJson)[], state: DoctorCheck["state"]): number {
  return items.reduce((sum, item) => {
    if ("state" in item) return sum + (item.state === state ? 1 : 0);
    const isFailed = ({ layers, layer_failed }: PeerReportRow) =>
      layer_failed !== undefined && layers[layer_failed] === state;
    return (
      sum +
      item.peers.filter((row) => !["identity", "carrier"].includes(row.layer_failed ?? "") && isFailed(row)).length
    );
  }, 0);
}

export function checkJson(check: DoctorCheck, teller: Teller): CheckJson {
  const { diagnosis, layer, state } = check;
  const [why, next] = [teller.why(check), teller.next(check)];
  return {
    layer,
    state,
    diagnosis,
    ...(why === "" ? {} : { why }),
    ...(next.length === 0 ? {} : { next_command: teller.command(next) }),
  };
}

interface GroupContext {
  readonly daemon: boolean;
  readonly isProbed: boolean;
  readonly teller: Teller;
  /** The check of the daemon, which comes before anything of the moot where it fails. */
  readonly down: DoctorCheck | undefined;
}

/** What comes before anything that is to be said of a moot. */
const WITHOUT_DAEMON: readonly string[] = ["daemon_down", "daemon_held", "daemon_stopped", "daemon_silent"];

function groupJson(moot: ExaminedMoot, { down, teller, ...context }: GroupContext): DoctorGroupJson {
  const { checks, local_member, local_member_status, members, messages, name } = moot;
  const isDown = down?.state === "failed" && WITHOUT_DAEMON.includes(down.diagnosis);
  const found = isDown
    ? down.diagnosis === "daemon_down" && down.next.includes("serve")
      ? checkOf("daemon", "daemon_down", { group: GroupId.toBase64(moot.group_id) })
      : down
    : (worstOf(checks, "failed") ?? worstOf(checks, "noted"));
  const told = found === undefined ? undefined : checkJson(found, teller);
  return {
    group_id: teller.group(moot.group_id),
    local_member,
    local_member_status,
    members,
    messages,
    ...(told?.why === undefined ? {} : { suggestion: told.why }),
    ...(told?.next_command === undefined ? {} : { next_command: told.next_command }),
    peers: peerReport(moot.peers, { ...context, teller }),
    ...(teller.isRedacted || name === "" ? {} : { name }),
    checks: checks.map((each) => checkJson(each, teller)),
  };
}

import type { CheckJson, DoctorGroupJson, DoctorJson } from "./doctor-json.ts";
import { type PeerReportRow, peerTable } from "./peer-report.ts";
import { terminalText } from "./terminal-text.ts";

/** Ours. What one line shows of a text that may be long. */
const WHY_MAX = 600;

/** The report for people: first the node, then a part for each moot. */
export function doctorLines(report: DoctorJson, { isProbed }: { readonly isProbed: boolean }): string[] {
  const { checks, entmoot, groups, voices = [] } = report;
  const runtime = "runtime" in report ? report.runtime : undefined;
  const node = entmoot.node_id === undefined ? "" : ` node=${entmoot.node_id}`;
  return [
    ...(runtime?.namespace_warning === undefined ? [] : [`runtime: warning ${runtime.namespace_warning}`]),
    ...(runtime?.suggestions ?? []).map((text) => `runtime suggestion: ${text}`),
    ...(report.pilot.reachable ? ["pilot: ok"] : []),
    `entmoot: ${runningText(report)}${node} data=${entmoot.data_dir}`,
    ...checks.flatMap((check) => checkLines(check, "")),
    ...groups.flatMap((group) => ["", ...groupLines(group)]),
    ...voices.flatMap((voice) => [
      "",
      `voice ${terminalText(voice.name, 64)}`,
      ...voice.checks.flatMap((check) => checkLines(check, "  ")),
      ...voice.groups.flatMap(({ checks: told, group_id }) => [
        `  group ${group_id}`,
        ...told.flatMap((check) => checkLines(check, "    ")),
      ]),
    ]),
    ...("more" in report
      ? ["", "there are more members than this report has room for; name one moot with -group"]
      : []),
    "",
    verdict(report, isProbed),
  ];
}

/** A daemon that is there and does not answer runs, and is no help. */
function runningText({ checks, entmoot }: DoctorJson): string {
  if (entmoot.running) return "running";
  const found = checks.find(({ layer }) => layer === "daemon")?.diagnosis;
  if (found === "daemon_stopped") return "running, stopped";
  return found === "daemon_silent" ? "running, silent" : "not_running";
}

function verdict({ failed, groups, unknown }: DoctorJson, isProbed: boolean): string {
  // With members to ask, and none asked, more could be told.
  const isMore = failed === 0 && !isProbed && groups.some(({ peers }) => peers.length > 1);
  const rest = unknown === 0 ? "" : `; ${unknown} could not be told${isMore ? ", or was not asked (-probe)" : ""}`;
  return failed === 0
    ? `nothing is found to be wrong${rest}`
    : `${failed} ${failed === 1 ? "thing is" : "things are"} wrong${rest}`;
}

/** One that is well takes one line; else why, and the command to run next. */
function checkLines({ diagnosis, layer, next_command, state, why }: CheckJson, indent: string): string[] {
  if (diagnosis === "ok") return [`${indent}${layer}: ok`];
  const head = state === "failed" ? `FAILED ${diagnosis}` : `${state} ${diagnosis}`;
  const because = why === undefined ? "" : `: ${terminalText(why, WHY_MAX)}`;
  return [
    `${indent}${layer}: ${head}${because}`,
    ...(next_command === undefined ? [] : [`${indent}  next: ${next_command}`]),
  ];
}

function groupLines(group: DoctorGroupJson): string[] {
  const { local_member, local_member_status, members, messages } = group;
  const name = group.name === undefined ? "" : ` ${terminalText(group.name, 64)}`;
  return [
    `group ${group.group_id}${name} members=${members} messages=${messages} local_member=${local_member} local_member_status=${local_member_status}`,
    ...(group.suggestion === undefined ? [] : [`suggestion: ${terminalText(group.suggestion, WHY_MAX)}`]),
    ...(group.next_command === undefined ? [] : [`next: ${group.next_command}`]),
    ...group.checks.flatMap((check) => checkLines(check, "")),
    ...(group.peers.length === 0 ? [] : peerTable(group.peers, (text) => terminalText(text, 64))),
    ...group.peers.flatMap(peerLines),
  ];
}

/** Why a row of the table is not well. */
function peerLines({ diagnosis, error, layer_failed, next_command, node_id, suggestion }: PeerReportRow): string[] {
  // What keeps this node from all of them is said above.
  if (diagnosis === "ok" || layer_failed === "carrier") return [];
  const at = layer_failed === undefined ? "" : ` at ${layer_failed}`;
  const why = [suggestion, error].filter((text) => text !== undefined).map((text) => terminalText(text, WHY_MAX));
  return [
    `peer ${node_id}: ${diagnosis}${at}: ${why.join(": ")}`,
    ...(next_command === undefined ? [] : [`  next: ${next_command}`]),
  ];
}

import type { ControlClient } from "../../control/control-client.ts";
import { ControlError } from "../../control/control-error.ts";
import { EntmootError } from "../../core/errors.ts";
import { STATUS } from "../../core/failure-table.ts";
import { GroupId } from "../../core/ids.ts";
import { astrayText } from "../../daemon/daemon-astray.ts";
import { tellQuiet } from "../../daemon/open-operations.ts";
import { knownHome } from "../../host/home-path.ts";
import { printJson, printLine } from "../../host/print.ts";
import { realClock } from "../../host/real-clock.ts";
import { inspectRuntime, type RuntimeReport } from "../../host/runtime-report.ts";
import { type NodeStatus, status } from "../../node/operations/daemon.ts";
import { atMost } from "../../transport/wait.ts";
import { removedLines, twinText } from "../../view/roster-state-json.ts";
import { defineCommand } from "../line/command.ts";
import { parseFeatureFlags } from "../line/feature-flags.ts";
import { globalFlags, parseGlobalOptions } from "../line/global-flags.ts";

/** Ours. What a daemon has to answer one question; a busy one takes a part of a second. */
const ANSWER_MS = 3_000;

/** `env`: where this program looks, what answers there, and what to do when nothing does. */
export const env = defineCommand({
  meta: { name: "env", description: "Show paths, sockets and the daemon this command line would talk to" },
  help: {
    examples: ["entmootd env -json", "entmootd env -exit-code"],
    exits: [0, 1, 5, 6],
    notes: ["With -exit-code the status is 0 when healthy, 1 when half_alive and 6 when down: for health checks."],
  },
  args: {
    ...globalFlags,
    json: { type: "boolean", description: "print one JSON object" },
    "exit-code": {
      type: "boolean",
      description: "exit status 0 only when a daemon answered in time and can store messages",
    },
  },
  async run({ args }) {
    const options = parseGlobalOptions(args, process.env);
    const report = await inspectRuntime({
      ...options,
      home: knownHome(process.env) ?? "/",
      features: parseFeatureFlags(process.env),
      procRoot: "/proc",
      systemRoot: "",
      answers,
      whyNot: (socket) => whyNot(socket, options.agentSocket === undefined ? options.dataDir : undefined),
    });
    const shown = options.agentSocket === undefined ? withAstray(report, astrayText(options)) : report;
    if (args.json) printJson(shown);
    else for (const line of describeRuntime(shown)) printLine(line);
    return args["exit-code"] ? EXIT[shown.runtime_status] : 0;
  },
});

/** A daemon whose data root went under it is why nobody answers, and lives. */
function withAstray(report: RuntimeReport, astray: string | undefined): RuntimeReport {
  if (astray === undefined || report.control_socket_reachable) return report;
  return { ...report, runtime_status: "half_alive", runtime_status_reason: astray };
}

/** For who asks by status alone, such as the health check of a container. */
const EXIT = { healthy: 0, half_alive: STATUS.unavailable.exit, down: STATUS.control_unavailable.exit } as const;

/** Any daemon of ours or of the original says which it is, unless it does nothing. */
async function answers(socket: string): Promise<boolean | string> {
  const { ControlClient: Client } = await import("../../control/control-client.ts");
  try {
    await using client = await Client.connectTo(socket, realClock, { onQuiet: tellQuiet });
    return client !== undefined && ((await atMost(realClock, ANSWER_MS, identified(client))) ?? false);
  } catch (error) {
    // What it refused with says more than that it did not answer.
    if (error instanceof ControlError) return error.message;
    if (error instanceof EntmootError) return false;
    throw error;
  }
}

/** Why nobody is reached over the socket: it may not be used, or no daemon could store anything in `dataDir`. */
async function whyNot(socket: string, dataDir: string | undefined): Promise<string | undefined> {
  const [{ dial }, { DiskRoom }, { isThere }] = await Promise.all([
    import("../../control/dial.ts"),
    import("../../store/disk-room.ts"),
    import("../../store/private-files.ts"),
  ]);
  try {
    const stream = await dial(socket, realClock);
    stream?.destroy();
    if (stream !== undefined || dataDir === undefined) return undefined;
    if (!isThere(dataDir)) return `there is no data root at ${dataDir}`;
    return new DiskRoom(dataDir, () => {}).look({ again: false })[0]?.message;
  } catch (error) {
    if (error instanceof EntmootError) return error.message;
    throw error;
  }
}

/** `true` once it has said what it holds and nothing stands against storing more; else a text that says what does. */
async function identified(client: ControlClient): Promise<true | string> {
  if (await client.isOriginal(ANSWER_MS)) {
    await client.originalInfo(ANSWER_MS);
    return true;
  }
  return whyUnwell(await client.call(status, {}, { timeoutMs: ANSWER_MS })) ?? true;
}

/** A moot that could not be opened leaves the others well; one that was lost under the daemon is no such moot. */
function whyUnwell(found: NodeStatus): string | undefined {
  const { faults, groups, unopened } = found;
  const [fault] = faults;
  if (fault !== undefined) return fault;
  const lost = unopened.find((moot) => moot.lost);
  if (lost !== undefined) return `moot ${GroupId.toBase64(lost.group_id)} was lost: ${lost.reason}`;
  const twin = twinText(found);
  if (twin !== undefined) return twin;
  // One that is left, of several, stands against nothing that is published to the others.
  const [out] = groups;
  if (out !== undefined && groups.every((moot) => !moot.local_member)) return removedLines(out).join("; ");
  const [first] = unopened;
  return first === undefined || groups.length > 0 ? undefined : `no moot can be used: ${first.reason}`;
}

/** The report as lines for people. */
function describeRuntime(report: RuntimeReport): string[] {
  const { running_daemon: daemon } = report;
  const lines = [
    `binary: ${report.binary}`,
    `uid: ${report.uid} gid: ${report.gid}`,
    `runtime_status: ${report.runtime_status}`,
  ];
  if (report.runtime_status_reason) lines.push(`runtime_status_reason: ${report.runtime_status_reason}`);
  lines.push(
    `publish_path_healthy: ${report.publish_path_healthy}`,
    `data: ${report.data_dir}`,
    `identity: ${report.identity_path}`,
    `pilot_socket: ${report.pilot_socket} reachable=${report.pilot_socket_reachable}`,
    `control_socket: ${report.control_socket} reachable=${report.control_socket_reachable}`,
  );
  if (report.agent_socket)
    lines.push(`agent_socket: ${report.agent_socket} reachable=${report.agent_socket_reachable}`);
  if (report.agent_wrapper) lines.push(`agent_wrapper: ${report.agent_wrapper}`);
  if (daemon) {
    lines.push(`running_daemon: pid=${daemon.pid} data=${daemon.data_dir} socket=${daemon.control_socket}`);
    if (daemon.control_socket_via_pid) lines.push(`running_daemon_socket_via_pid: ${daemon.control_socket_via_pid}`);
  }
  for (const { pid, uid } of report.unknown_daemons ?? []) {
    lines.push(
      `unknown_daemon: pid=${pid} uid=${uid ?? "unknown"}: whether it serves this data root cannot be told from here`,
    );
  }
  if (report.namespace_warning) lines.push(`warning: ${report.namespace_warning}`);
  for (const suggestion of report.suggestions ?? []) lines.push(`suggestion: ${suggestion}`);
  return lines;
}

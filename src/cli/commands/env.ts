import { printJson, printLine } from "../../host/print.ts";
import type { RuntimeReport } from "../../host/runtime-report.ts";
import { HEALTH_EXIT, runtimeOf } from "../doctor/runtime.ts";
import { defineCommand } from "../line/command.ts";
import { globalFlags, parseGlobalOptions } from "../line/global-flags.ts";

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
    const shown = await runtimeOf(options);
    if (args.json) printJson(shown);
    else for (const line of describeRuntime(shown)) printLine(line);
    return args["exit-code"] ? HEALTH_EXIT[shown.runtime_status] : 0;
  },
});

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

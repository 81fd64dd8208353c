import type { ControlClient } from "../../control/control-client.ts";
import { ControlError } from "../../control/control-error.ts";
import { EntmootError } from "../../core/errors.ts";
import { STATUS } from "../../core/failure-table.ts";
import { GroupId } from "../../core/ids.ts";
import { astrayText } from "../../daemon/daemon-astray.ts";
import { tellQuiet } from "../../daemon/open-operations.ts";
import type { GlobalOptions } from "../../daemon/options.ts";
import { knownHome } from "../../host/home-path.ts";
import { realClock } from "../../host/real-clock.ts";
import { inspectRuntime, type RuntimeReport } from "../../host/runtime-report.ts";
import { type NodeStatus, status } from "../../node/operations/daemon.ts";
import { atMost } from "../../transport/wait.ts";
import { removedLines, twinText } from "../../view/roster-state-json.ts";
import { parseFeatureFlags } from "../line/feature-flags.ts";

/** Ours. What a daemon has to answer one question; a busy one takes a part of a second. */
export const ANSWER_MS = 3_000;

/** What stands around this command line: paths, sockets, and the daemon that answers there within `answerMs`. */
export async function runtimeOf(options: GlobalOptions, answerMs = ANSWER_MS): Promise<RuntimeReport> {
  const report = await inspectRuntime({
    ...options,
    home: knownHome(process.env) ?? "/",
    features: parseFeatureFlags(process.env),
    procRoot: "/proc",
    systemRoot: "",
    answers: (socket) => answers(socket, answerMs),
    whyNot: (socket) => whyNot(socket, options.agentSocket === undefined ? options.dataDir : undefined),
  });
  return options.agentSocket === undefined ? withAstray(report, astrayText(options)) : report;
}

/** A daemon whose data root went under it is why nobody answers, and lives. */
function withAstray(report: RuntimeReport, astray: string | undefined): RuntimeReport {
  if (astray === undefined || report.control_socket_reachable) return report;
  return { ...report, runtime_status: "half_alive", runtime_status_reason: astray };
}

/** For who asks by status alone, such as the health check of a container. */
export const HEALTH_EXIT = {
  healthy: 0,
  half_alive: STATUS.unavailable.exit,
  down: STATUS.control_unavailable.exit,
} as const;

/** Any daemon of ours or of the original says which it is, unless it does nothing. */
async function answers(socket: string, answerMs: number): Promise<boolean | string> {
  const { ControlClient: Client } = await import("../../control/control-client.ts");
  try {
    await using client = await Client.connectTo(socket, realClock, { onQuiet: tellQuiet });
    return client !== undefined && ((await atMost(realClock, answerMs, identified(client, answerMs))) ?? false);
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
async function identified(client: ControlClient, answerMs: number): Promise<true | string> {
  if (await client.isOriginal(answerMs)) {
    await client.originalInfo(answerMs);
    return true;
  }
  return whyUnwell(await client.call(status, {}, { timeoutMs: answerMs })) ?? true;
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

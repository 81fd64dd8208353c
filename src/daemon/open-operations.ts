import { existsSync } from "node:fs";
import { ControlClient } from "../control/control-client.ts";
import { NO_DAEMON, NO_ROOT } from "../control/control-error.ts";
import { later } from "../core/clock.ts";
import { EntmootError } from "../core/errors.ts";
import type { DaemonsSeen } from "../host/daemon-processes.ts";
import { printProse } from "../host/print.ts";
import { realClock } from "../host/real-clock.ts";
import type { Operations } from "../node/operations/operation.ts";
import { pause } from "../transport/wait.ts";
import type { GlobalOptions } from "./options.ts";

/** Ours. How long a daemon that is seen, or holds the data root, has to open its control socket. */
const STARTING_MS = 3_000;
const LOOK_EVERY_MS = 50;

export interface OpenHow {
  /** A data root without identity gets one; otherwise that is an error that names the file. */
  readonly create: boolean;
  /** The command changes what is kept, so nobody else may meanwhile. */
  readonly change: boolean;
}

/**
 * The running daemon of this data root, or, when none answers, the node itself opened here without a carrier; over an
 * agents' socket the daemon behind it. Throws `already_running` when a process holds the data root and does not answer.
 */
export async function openOperations(options: GlobalOptions, how: OpenHow): Promise<Operations> {
  const client = await connectOrWait(options);
  if (client !== undefined) return client;
  if (how.change) {
    const { requireUnused } = await import("./require-free.ts");
    await requireUnused(options.dataDir);
  }
  const { openOfflineNode } = await import("./open-node.ts");
  return openOfflineNode(options, how);
}

/** For looking at messages and members: as `openOperations`, but without a node, an identity or a change where no daemon of ours answers. */
export async function openReading(options: GlobalOptions): Promise<Operations> {
  const client = await connectOrWait(options);
  if (client !== undefined) {
    if (!(await client.isOriginal())) return client;
    await client[Symbol.asyncDispose]();
  }
  const { openForReading } = await import("./read-root.ts");
  return openForReading(options);
}

/**
 * The running daemon of this data root. Throws `control_unavailable` with the next step when none answers, which one that
 * starts has `patienceMs` for, and never more than three seconds.
 */
export async function openDaemon(options: GlobalOptions, patienceMs = STARTING_MS): Promise<ControlClient> {
  const client = await connectOrWait(options, patienceMs);
  if (client !== undefined) return client;
  throw new EntmootError("control_unavailable", await explainAbsence(options));
}

/**
 * The daemon, or `undefined` when none runs. One that has just been started is a process before it holds the lock, and
 * holds it some time before it listens.
 */
export async function connectOrWait(
  options: GlobalOptions,
  patienceMs = STARTING_MS,
): Promise<ControlClient | undefined> {
  const client = await connect(options);
  if (client !== undefined) return client;
  const { DataRootLock } = await import("../store/lock.ts");
  const giveUpAt = later(realClock.steady(), Math.min(patienceMs, STARTING_MS));
  const isExpected = async () =>
    DataRootLock.holder(options.dataDir) !== undefined || (await lookForDaemons(options)).ours !== undefined;
  while ((await isExpected()) && realClock.steady() < giveUpAt) {
    await pause(realClock, LOOK_EVERY_MS);
    const late = await connect(options);
    if (late !== undefined) return late;
  }
  // It may have begun to listen between the look at the socket and the look at the process.
  return connect(options);
}

/** The daemon now; `undefined` when none listens. Over an agents' socket that is an error: there is no data root to turn to. */
export async function connect({ agentSocket, dataDir }: GlobalOptions): Promise<ControlClient | undefined> {
  const telling = { onQuiet: tellQuiet };
  if (agentSocket === undefined) return ControlClient.connect(dataDir, realClock, telling);
  const client = await ControlClient.connectTo(agentSocket, realClock, telling);
  if (client !== undefined) return client;
  throw new EntmootError(
    "control_unavailable",
    `no Entmoot daemon listens on ${agentSocket}, which ENTMOOT_AGENT_SOCKET names; start it, or unset the variable`,
  );
}

/** Says of a daemon that it accepts and does not answer for some seconds. */
export function tellQuiet(): void {
  printProse("entmootd: waiting for the daemon, which does not answer yet");
}

/** The text for "no daemon", with what may be wrong when one is visible that cannot be reached from here. */
async function explainAbsence(options: GlobalOptions): Promise<string> {
  const { dataDir } = options;
  const { ours: seen, unknown } = await lookForDaemons(options);
  if (seen === undefined) {
    const others = unknown.map(({ pid, uid }) => `process ${pid}${uid === undefined ? "" : ` of user ${uid}`}`);
    const none = existsSync(dataDir) ? NO_DAEMON : NO_ROOT;
    if (others.length === 0) return none;
    return `${none}; whether one of these serves ${dataDir} cannot be told from here: ${others.join(", ")}`;
  }
  const place = `data=${seen.data_dir} control_socket=${seen.control_socket_via_pid ?? seen.control_socket}`;
  return [
    "a daemon for this data root runs, but its control socket does not answer here",
    `current control socket: ${dataDir}/control.sock`,
    `detected daemon: pid=${seen.pid} ${place}`,
    `if it has just been started, try again in a moment; else run this command where the daemon runs, or end process ${seen.pid} and start it again`,
  ].join("; ");
}

async function lookForDaemons({ dataDir }: GlobalOptions): Promise<DaemonsSeen> {
  const { findDaemons } = await import("../host/daemon-processes.ts");
  return findDaemons({ procRoot: "/proc", home: process.env.HOME ?? "", dataDir, selfPid: process.pid });
}

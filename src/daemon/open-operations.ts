import { ControlClient } from "../control/control-client.ts";
import { NO_DAEMON } from "../control/control-error.ts";
import { later } from "../core/clock.ts";
import { EntmootError } from "../core/errors.ts";
import { realClock } from "../host/real-clock.ts";
import type { Operations } from "../node/operations/operation.ts";
import { pause } from "../transport/wait.ts";
import type { GlobalOptions } from "./options.ts";

/** Ours. How long a daemon that holds the data root has to open its control socket. */
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

/** The running daemon of this data root. Throws `control_unavailable` with the next step when none answers. */
export async function openDaemon(options: GlobalOptions): Promise<ControlClient> {
  const client = await connectOrWait(options);
  if (client !== undefined) return client;
  throw new EntmootError("control_unavailable", await explainAbsence(options));
}

/** The daemon, or `undefined` when none runs. One that has just been started holds the lock some time before it listens. */
export async function connectOrWait(options: GlobalOptions): Promise<ControlClient | undefined> {
  const client = await connect(options);
  if (client !== undefined) return client;
  const { DataRootLock } = await import("../store/lock.ts");
  const giveUpAt = later(realClock.steady(), STARTING_MS);
  while (DataRootLock.holder(options.dataDir) !== undefined && realClock.steady() < giveUpAt) {
    await pause(realClock, LOOK_EVERY_MS);
    const late = await connect(options);
    if (late !== undefined) return late;
  }
  return undefined;
}

/** The daemon now; `undefined` when none listens. Over an agents' socket that is an error: there is no data root to turn to. */
export async function connect({ agentSocket, dataDir }: GlobalOptions): Promise<ControlClient | undefined> {
  if (agentSocket === undefined) return ControlClient.connect(dataDir, realClock);
  const client = await ControlClient.connectTo(agentSocket, realClock);
  if (client !== undefined) return client;
  throw new EntmootError(
    "control_unavailable",
    `no Entmoot daemon listens on ${agentSocket}, which ENTMOOT_AGENT_SOCKET names; start it, or unset the variable`,
  );
}

/** The text for "no daemon", with what may be wrong when one is visible that cannot be reached from here. */
async function explainAbsence({ dataDir }: GlobalOptions): Promise<string> {
  const { findDaemons } = await import("../host/daemon-processes.ts");
  const { ours: seen, unknown } = findDaemons({
    procRoot: "/proc",
    home: process.env.HOME ?? "",
    dataDir,
    selfPid: process.pid,
  });
  if (seen === undefined) {
    const others = unknown.map(({ pid, uid }) => `process ${pid}${uid === undefined ? "" : ` of user ${uid}`}`);
    if (others.length === 0) return NO_DAEMON;
    return `${NO_DAEMON}\nwhether this one serves ${dataDir} cannot be told from here: ${others.join(", ")}`;
  }
  return [
    NO_DAEMON,
    "runtime warning: a daemon for this data root runs, but its control socket does not answer here",
    `current control socket: ${dataDir}/control.sock`,
    `detected daemon: pid=${seen.pid} data=${seen.data_dir} control_socket=${seen.control_socket_via_pid ?? seen.control_socket}`,
    "suggestion: run this command where the daemon runs, or restart the daemon",
  ].join("\n");
}

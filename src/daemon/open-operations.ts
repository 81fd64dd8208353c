import { existsSync } from "node:fs";
import { ControlClient } from "../control/control-client.ts";
import { NO_DAEMON, NO_ROOT } from "../control/control-error.ts";
import { later } from "../core/clock.ts";
import { EntmootError } from "../core/errors.ts";
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

/** Daemons that accepted a connection and said nothing, by who asked, with why: one command does not wait twice for the same. */
const silent = new WeakMap<GlobalOptions, string>();

/** Why the daemon did not answer who looked with these options, where it did not. */
export function silenceOf(options: GlobalOptions): string | undefined {
  return silent.get(options);
}

/**
 * The running daemon of this data root, or, when none answers, the node itself opened here without a carrier; over an
 * agents' socket the daemon behind it. Throws `already_running` when a process holds the data root and does not answer,
 * `control_unavailable` when it is to change something, or the socket is an agents', and the daemon hangs.
 */
export async function openOperations(options: GlobalOptions, how: OpenHow): Promise<Operations> {
  const giveUpAt = later(realClock.steady(), STARTING_MS);
  for (;;) {
    try {
      return await openNow(options, how);
    } catch (error) {
      // Another command, which is done in a moment, may take it between a look and the next.
      if (!(error instanceof TakenMeanwhile) || realClock.steady() >= giveUpAt) throw error;
      await pause(realClock, LOOK_EVERY_MS);
    }
  }
}

/** Nobody had the data root when it was looked for. */
class TakenMeanwhile extends EntmootError {}

async function openNow(options: GlobalOptions, how: OpenHow): Promise<Operations> {
  const client = how.change ? await connectToChange(options) : await connectToLook(options);
  if (client !== undefined) return client;
  if (how.change) {
    const { requireAtHome } = await import("./daemon-astray.ts");
    requireAtHome(options);
    const { requireUnused } = await import("./require-free.ts");
    await requireUnused(options.dataDir);
  }
  const { openOfflineNode } = await import("./open-node.ts");
  try {
    return await openOfflineNode(options, how);
  } catch (cause) {
    if (!(cause instanceof EntmootError && cause.code === "already_running")) throw cause;
    throw new TakenMeanwhile(cause.code, cause.message, { cause });
  }
}

/** For looking at messages and members: as `openOperations`, but without a node, an identity or a change where no daemon of ours answers within `answerMs`. */
export async function openReading(options: GlobalOptions, answerMs?: number): Promise<Operations> {
  const client = await connectToLook(options, answerMs);
  if (client !== undefined) {
    if (!(await client.isOriginal())) return client;
    await client[Symbol.asyncDispose]();
  }
  const astray = client === undefined ? await seenAstray(options) : undefined;
  if (astray !== undefined) printProse(`entmootd: ${astray}`);
  const { openForReading } = await import("./read-root.ts");
  return openForReading(options);
}

/**
 * The running daemon of this data root. Throws `control_unavailable` with the next step when none answers, which one that
 * starts has `patienceMs` for, and never more than three seconds.
 */
export async function openDaemon(options: GlobalOptions, patienceMs = STARTING_MS): Promise<ControlClient> {
  const client = await connectToChange(options, patienceMs);
  if (client !== undefined) return client;
  throw new EntmootError("control_unavailable", await explainAbsence(options));
}

/** The daemon has answered since: whoever looks asks it again. */
export function forgetSilence(options: GlobalOptions): void {
  silent.delete(options);
}

/** As `openDaemon`, and it has answered: one that hangs for `answerMs` is none, with the reason. */
export async function openAnswering(options: GlobalOptions, answerMs?: number): Promise<ControlClient> {
  const known = silent.get(options);
  const client = known === undefined ? await connectOrWait(options) : undefined;
  if (client === undefined) throw new EntmootError("control_unavailable", known ?? (await explainAbsence(options)));
  const reason = await silenceFound(client, options, answerMs);
  if (reason === undefined) return client;
  throw new EntmootError("control_unavailable", reason);
}

/**
 * For who can turn to the files: the daemon, or `undefined` when none runs, or it hangs for `answerMs`, of which stderr is
 * told once. Throws `control_unavailable` for one that hangs behind an agents' socket: there are no files to turn to.
 */
export async function connectToLook(options: GlobalOptions, answerMs?: number): Promise<ControlClient | undefined> {
  const known = silent.get(options);
  if (known !== undefined && options.agentSocket === undefined) return undefined;
  if (known !== undefined) throw new EntmootError("control_unavailable", known);
  const client = await connectOrWait(options, answerMs);
  const reason = client && (await silenceFound(client, options, answerMs));
  if (reason === undefined) return client;
  if (options.agentSocket !== undefined) throw new EntmootError("control_unavailable", reason);
  printProse(`entmootd: ${reason}; what is shown is read from the files of the data root`);
  return undefined;
}

/** The daemon for who needs it, or `undefined` when none runs. Throws `control_unavailable` at once for one that is stopped. */
export async function connectToChange(options: GlobalOptions, patienceMs?: number): Promise<ControlClient | undefined> {
  const client = await connectOrWait(options, patienceMs);
  if (client === undefined) return undefined;
  const { refuseStopped } = await import("./silent-daemon.ts");
  await refuseStopped(client, options, patienceMs);
  return client;
}

/** Why it does not answer, kept; it is let go of then. */
async function silenceFound(
  client: ControlClient,
  options: GlobalOptions,
  answerMs: number | undefined,
): Promise<string | undefined> {
  const { whySilent } = await import("./silent-daemon.ts");
  const silence = await whySilent(client, options, answerMs);
  if (silence === undefined) return undefined;
  await client[Symbol.asyncDispose]();
  silent.set(options, silence.reason);
  return silence.reason;
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
    (await seenAstray(options)) === undefined &&
    (DataRootLock.holder(options.dataDir) !== undefined || (await seenDaemons(options)).ours !== undefined);
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

/** Loaded only where no daemon is reached. */
async function seenAstray(options: GlobalOptions): Promise<string | undefined> {
  const { astrayText } = await import("./daemon-astray.ts");
  return astrayText(options);
}

/** The text for "no daemon", with what may be wrong when one is visible that cannot be reached from here. */
async function explainAbsence(options: GlobalOptions): Promise<string> {
  const { dataDir } = options;
  const astray = await seenAstray(options);
  if (astray !== undefined) return astray;
  const { ours: seen, unknown } = await seenDaemons(options);
  const { whyHeld } = await import("../store/backup/restored-mark.ts");
  const held = seen === undefined ? whyHeld(dataDir) : undefined;
  if (held !== undefined) return held;
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

async function seenDaemons(options: GlobalOptions) {
  const { lookForDaemons } = await import("./silent-daemon.ts");
  return lookForDaemons(options);
}

import { realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { ControlServer } from "../control/control-server.ts";
import { durationText } from "../core/amounts.ts";
import { EntmootError } from "../core/errors.ts";
import type { GroupId } from "../core/ids.ts";
import { BUILD_INFO } from "../host/build-info.ts";
import type { Log } from "../host/log.ts";
import { neverWaitForStderr, printProse } from "../host/print.ts";
import { realClock } from "../host/real-clock.ts";
import { type RunningProgram, replaceProcess, runningProgram } from "../host/running-program.ts";
import { EntmootNode } from "../node/entmoot-node.ts";
import { DataRootLock, holderName } from "../store/lock.ts";
import type { NodeStore } from "../store/node-store.ts";
import { TracedTransport } from "../transport/traced-transport.ts";
import { aborted, atMost } from "../transport/wait.ts";
import { archiveBeforeForget } from "./archive-before-forget.ts";
import { requireCarrier, startTransport } from "./choose-transport.ts";
import { newIdentity } from "./new-identity.ts";
import { nodeName } from "./node-name.ts";
import { openRoot } from "./open-root.ts";
import type { GlobalOptions } from "./options.ts";
import { requireFree } from "./require-free.ts";
import { requireOwner } from "./require-owner.ts";
import { Voices } from "./voices.ts";

/** Ours. A clean end takes no longer than this; what is acknowledged is on disk long before. */
const END_MS = 8_000;

/** Ours. A start that takes longer says that it goes on. */
const QUIET_MS = 2_000;

export interface StartDaemon {
  /** Starts the errors: `serve`, `join`, `up`. */
  readonly command: string;
  /** Whether other commands reach it over the control socket. */
  readonly control: boolean;
  /** Where agents are let in; `agent.sock` in the data root when absent. */
  readonly agentSocket?: string | undefined;
  /** Only these groups are opened; all when absent. */
  readonly only?: ReadonlySet<GroupId>;
  /** How this node wants to be shown; as last time when absent. */
  readonly hostname?: string | undefined;
}

/** A node with its carrier, in this process. Disposing it ends it cleanly, within a few seconds. */
export interface Daemon extends AsyncDisposable {
  readonly node: EntmootNode;
  readonly log: Log;
  /** Small things kept in the data root. */
  readonly settings: NodeStore;
  /** Aborts when a signal or `stop` asks for the end. */
  readonly ending: AbortSignal;
}

/**
 * Locks the data root, opens it and its identity (made when there is none), starts the carrier, the node and the
 * control socket. Throws `already_running` naming the process, `forbidden` for who has only an agents' socket, and as the
 * parts do; nothing is left behind then.
 */
export async function startDaemon(options: GlobalOptions, start: StartDaemon): Promise<Daemon> {
  requireOwner(options, start.command);
  neverWaitForStderr();
  using _slow = realClock.after(QUIET_MS, () => printProse(`${start.command}: starting`));
  return await assemble(options, start);
}

async function assemble(options: GlobalOptions, start: StartDaemon): Promise<Daemon> {
  requireCarrier(options);
  if (options.pilotWaitGiven.length > 0) {
    const given = options.pilotWaitGiven.map((name) => `-${name}`).join(", ");
    printProse(`${start.command}: note: this version does not speak Pilot, so nothing is changed by ${given}`);
  }
  const doors = doorsOf(options, start);
  await requireFree(
    options,
    doors.map(({ path }) => path),
  );
  await using parts = new AsyncDisposableStack();
  // Read now: by the end, another executable may stand at the path.
  const program = runningProgram();
  const opened = await lockedRoot(options, start);
  // Closing it twice is harmless: the node closes it too, once there is one.
  parts.use(opened.root);
  const end = new DaemonEnd(program);
  const { log } = opened;
  const keeper = start.control
    ? new Voices({ options, program, clock: realClock, log, settings: opened.root.node, node: () => node })
    : undefined;
  const node: EntmootNode = await startNode(options, { opened, hostname: start.hostname, end, parts, keeper });
  for (const door of start.control ? doors : []) {
    parts.use(await ControlServer.start({ ...door, node, log, clock: realClock }));
  }
  if (keeper !== undefined) {
    parts.use(keeper);
    startVoices(keeper, log);
  }
  parts.defer(onSignals(end.ask));
  const running = parts.move();
  return {
    node,
    log,
    settings: opened.root.node,
    ending: end.signal,
    [Symbol.asyncDispose]: () => endDaemon(running, { end, log, isTold: start.control }),
  };
}

/** One that cannot be started keeps no daemon from starting. */
function startVoices(voices: Voices, log: Log): void {
  try {
    voices.start();
  } catch (error) {
    if (!(error instanceof EntmootError)) throw error;
    log.warn(error.message);
  }
}

/**
 * Who is let in where; without `control` only who may be there already is looked for. Throws `invalid_argument` where both
 * would be let in at one place.
 */
function doorsOf({ dataDir }: GlobalOptions, { agentSocket, command }: StartDaemon) {
  const own = join(dataDir, "control.sock");
  if (agentSocket !== undefined && realPlace(agentSocket) === realPlace(own)) {
    throw new EntmootError(
      "invalid_argument",
      `${command}: -agent-socket: ${agentSocket} is this daemon's own control socket, which is for its owner; choose another place`,
    );
  }
  return [
    { path: own, caller: "owner" },
    { path: agentSocket ?? join(dataDir, "agent.sock"), caller: "agent" },
  ] as const;
}

/** What stands there may be nothing yet; its folder may have several names. */
function realPlace(path: string): string {
  try {
    return join(realpathSync(dirname(path)), basename(path));
  } catch {
    return path;
  }
}

/** How a daemon is asked to end, and whether it is to start again in place. */
class DaemonEnd {
  readonly program: RunningProgram;
  readonly #ending = new AbortController();
  #isRestart = false;

  constructor(program: RunningProgram) {
    this.program = program;
  }

  get signal(): AbortSignal {
    return this.#ending.signal;
  }

  get isRestart(): boolean {
    return this.#isRestart;
  }

  readonly ask = (): void => this.#ending.abort(new EntmootError("unavailable", "the daemon is ending"));

  readonly askForRestart = (): void => {
    this.#isRestart = true;
    this.ask();
  };
}

interface StartNode {
  readonly opened: Awaited<ReturnType<typeof lockedRoot>>;
  readonly hostname: string | undefined;
  readonly end: DaemonEnd;
  readonly keeper: Voices | undefined;
  /** What is started goes here as soon as it is. */
  readonly parts: AsyncDisposableStack;
}

/** The carrier, and the node on it. */
async function startNode(
  options: GlobalOptions,
  { end, hostname, keeper, opened, parts }: StartNode,
): Promise<EntmootNode> {
  const { log, root } = opened;
  const { identity, path } = opened.identity;
  const settings = root.node;
  const chosen = await startTransport(options, { clock: realClock, identity, settings, log });
  const { reason, port } = chosen;
  const tell = (what: string, fields: Readonly<Record<string, string | number>>) => log.info(what, fields);
  const transport = options.traceGossipTransport ? new TracedTransport(chosen.transport, tell) : chosen.transport;
  parts.defer(() => transport.close());
  const node = await EntmootNode.open({
    root,
    identity,
    identityPath: path,
    dataDir: options.dataDir,
    exportBeforeForget: archiveBeforeForget(options.dataDir),
    transport,
    transportReason: reason,
    transportPort: port,
    listenPort: options.listenPort,
    hostname: nodeName(hostname, settings),
    build: BUILD_INFO,
    log,
    traceReconcile: options.traceReconcile,
    clock: realClock,
    onStop: end.ask,
    restart: { program: end.program, request: end.askForRestart },
    voices: () => keeper,
  });
  return parts.use(node);
}

interface Ending {
  readonly end: DaemonEnd;
  readonly log: Log;
  /** Whether the log says that it ends. */
  readonly isTold: boolean;
}

async function endDaemon(running: AsyncDisposableStack, { end, isTold, log }: Ending): Promise<void> {
  const ended = running.disposeAsync().then(() => true);
  if (!(await atMost(realClock, END_MS, ended))) {
    log.warn(`ending took longer than ${durationText(END_MS)}; the process ends now`);
  }
  if (isTold) log.info(end.isRestart ? "entmootd starting again" : "entmootd shutting down");
  if (end.isRestart) replaceProcess(end.program);
}

/** Resolves when the daemon is asked to end. */
export function untilEnding({ ending }: Daemon): Promise<void> {
  return aborted(ending);
}

async function lockedRoot(options: GlobalOptions, { command, only }: StartDaemon) {
  const fresh = await newIdentity(options.identityPath);
  try {
    return openRoot(options, { create: true, fresh, lock: true, ...(only === undefined ? {} : { only }) });
  } catch (cause) {
    if (!(cause instanceof EntmootError && cause.code === "already_running")) throw cause;
    const holder = DataRootLock.holder(options.dataDir);
    const who = holder === undefined ? "" : ` (${holderName(holder)})`;
    const { whyStopped } = await import("./silent-daemon.ts");
    const stopped = await whyStopped(options);
    const next = stopped ?? 'use it as it is ("entmootd tail"), or end it with "entmootd stop"';
    throw new EntmootError(
      "already_running",
      `${command}: another entmoot daemon is already running at ${join(options.dataDir, "control.sock")}${who}; ${next}`,
      { cause },
    );
  }
}

/**
 * Calls `end` at SIGINT, SIGTERM, SIGHUP and SIGQUIT. Gives what undoes it; from then on, which is when ending has begun, a
 * further signal ends the process at once.
 */
function onSignals(end: () => void): () => void {
  const signals = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const;
  for (const signal of signals) process.on(signal, end);
  return () => {
    for (const signal of signals) process.off(signal, end);
  };
}

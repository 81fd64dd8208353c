import { spawn } from "node:child_process";
import { closeSync, readFileSync, readlinkSync } from "node:fs";
import { ControlClient } from "../control/control-client.ts";
import { durationText } from "../core/amounts.ts";
import { type Clock, later } from "../core/clock.ts";
import { EntmootError } from "../core/errors.ts";
import { GroupId } from "../core/ids.ts";
import { fromExistingFolder } from "../host/existing-folder.ts";
import { type RunningProgram, variablesOf } from "../host/running-program.ts";
import { type NodeStatus, program, restart, status } from "../node/operations/daemon.ts";
import { pause } from "../transport/wait.ts";
import { type DaemonUser, daemonUser, outputOf } from "./daemon-user.ts";
import { updateError } from "./update-error.ts";

/** Ours. What a daemon has to end cleanly. */
const END_MS = 30_000;
/** Ours. Between two looks: nobody notices so little, and a look costs a file or a socket. */
const LOOK_AGAIN_MS = 50;
/** Ours. A daemon that answers has opened its groups; one that opens them later has so long. */
const GROUPS_MS = 3_000;
/** Ours. The daemon of before came up once, so however little time the new one was given, it has at least so long. */
const BACK_MS = 20_000;
/** Ours. A process that is gone may have a supervisor that starts it again: so long nobody else does. */
const SUPERVISOR_MS = 2_000;
/**
 * Ours. A new daemon whose process is gone has failed, unless a supervisor has it up by then; each moment more nobody answers. On
 * Windows it is another process from the start.
 */
const FAILED_MS = 500;

/** What the control socket of a data root says; `undefined` when no daemon listens there. */
export async function daemonStatus({
  clock,
  dataDir,
}: Pick<DaemonQuestion, "clock" | "dataDir">): Promise<NodeStatus | undefined> {
  await using client = await ControlClient.connect(dataDir, clock);
  return await client?.call(status, {});
}

export interface DaemonQuestion {
  readonly clock: Clock;
  readonly dataDir: string;
  readonly executable: string;
}

/** The daemon of a data root as it ran before its executable changed: what must be there again afterwards. */
export class RunningDaemon implements Disposable {
  readonly version: string;
  readonly #clock: Clock;
  readonly #dataDir: string;
  readonly #program: RunningProgram;
  readonly #pid: number;
  readonly #groups: readonly GroupId[];
  readonly #user: DaemonUser;
  /** Its stdout and stderr, for one that has to be started anew. */
  readonly #output: readonly (number | "ignore")[];

  private constructor(
    { clock, dataDir }: DaemonQuestion,
    before: NodeStatus,
    startedAs: RunningProgram & { readonly pid: number },
  ) {
    this.#clock = clock;
    this.#dataDir = dataDir;
    this.version = before.version;
    this.#program = startedAs;
    this.#pid = startedAs.pid;
    this.#groups = before.groups.map(({ group_id }) => group_id);
    this.#user = daemonUser(this.#dataDir, startedAs.pid);
    this.#output = [1, 2].map((fd) => outputOf(startedAs.pid, fd, this.#user));
  }

  /**
   * The daemon that runs from `executable`; `undefined` when none runs. Throws `update_failed` when it runs from another
   * one or cannot start itself again.
   */
  static async find(question: DaemonQuestion): Promise<RunningDaemon | undefined> {
    const { dataDir, executable } = question;
    try {
      await using client = await ControlClient.connect(dataDir, question.clock);
      if (client === undefined) return undefined;
      const before = await client.call(status, {});
      const startedAs = await client.call(program, { path: executable });
      if (startedAs.path !== executable) {
        throw new EntmootError("conflict", `expected a daemon of ${executable}, found one of ${startedAs.path}`);
      }
      return new RunningDaemon(question, before, startedAs);
    } catch (error) {
      if (!(error instanceof EntmootError)) throw error;
      throw updateError(
        `the daemon of ${dataDir} cannot be restarted in place: ${error.message}; update without -restart, then restart it yourself`,
        error,
      );
    }
  }

  /**
   * Lets what stands at the executable's path now take over the daemon's process, and waits until it answers as
   * `version` with every group of before; gives its process id. Throws `update_failed` saying what is wrong.
   */
  async restart(version: string, readyMs: number): Promise<number> {
    await this.#replace();
    return this.#untilReady(version, readyMs, { goneMs: process.platform === "win32" ? SUPERVISOR_MS : FAILED_MS });
  }

  /**
   * After a failed `restart`, with the executable of `version` in place again: ends what runs and starts the daemon as
   * it was. Throws `update_failed` when it does not come back.
   */
  async bringBack(version: string, readyMs: number): Promise<number> {
    if (
      !(await this.#replace().then(
        () => true,
        () => false,
      ))
    ) {
      if (this.#user.kind === "nobody") {
        throw updateError(`it is not ended and started anew by this user, because ${this.#user.reason}`);
      }
      this.#kill();
      if (!(await this.#answersWithin(SUPERVISOR_MS))) {
        const isAlive = this.#start();
        return this.#untilReady(version, Math.max(readyMs, BACK_MS), { goneMs: SUPERVISOR_MS, isAlive });
      }
    }
    // Somebody else starts it: its process is not the one we know, so nothing tells that it is over before its time is.
    return this.#untilReady(version, Math.max(readyMs, BACK_MS), { goneMs: Number.POSITIVE_INFINITY });
  }

  [Symbol.dispose](): void {
    for (const fd of this.#output) if (fd !== "ignore") closeSync(fd);
  }

  async #replace(): Promise<void> {
    await using client = await ControlClient.connect(this.#dataDir, this.#clock);
    if (client === undefined) throw updateError(`no daemon answers on ${this.#dataDir}`);
    await client.callLast(restart, { path: this.#program.path }, END_MS);
  }

  /** Of a daemon whose process is gone nothing more is expected after `goneMs`. */
  async #untilReady(
    version: string,
    readyMs: number,
    { goneMs = SUPERVISOR_MS, isAlive = () => this.#isAlive() }: Watching = {},
  ): Promise<number> {
    const started = this.#clock.steady();
    const passed = () => this.#clock.steady() - started;
    let answeredMs: number | undefined;
    let lastSeenMs = 0;
    for (;;) {
      const found = await this.#ask();
      if (found !== undefined) {
        if (found.version !== version) {
          throw updateError(`the daemon that answers is ${found.version}, not ${version}`);
        }
        const missing = missingMoots(this.#groups, found);
        if (missing.length === 0) return found.pid;
        answeredMs ??= passed();
        if (passed() - answeredMs > GROUPS_MS) {
          throw updateError(`the daemon of ${version} lost ${missing.map((id) => GroupId.toBase64(id)).join(", ")}`);
        }
      }
      if (found !== undefined || isAlive()) lastSeenMs = passed();
      else if (passed() - lastSeenMs > goneMs) {
        throw updateError(`the daemon of ${version} ended before it was ready`);
      }
      if (passed() > readyMs)
        throw updateError(`the daemon of ${version} did not answer within ${durationText(readyMs)}`);
      await pause(this.#clock, LOOK_AGAIN_MS);
    }
  }

  /** `undefined` when nobody answers yet. */
  #ask(): Promise<NodeStatus | undefined> {
    return daemonStatus({ clock: this.#clock, dataDir: this.#dataDir }).catch(() => undefined);
  }

  async #answersWithin(ms: number): Promise<boolean> {
    const until = later(this.#clock.steady(), ms);
    while (this.#clock.steady() < until) {
      if ((await this.#ask()) !== undefined) return true;
      await pause(this.#clock, LOOK_AGAIN_MS);
    }
    return false;
  }

  #isAlive(): boolean {
    try {
      process.kill(this.#pid, 0);
    } catch {
      return false;
    }
    try {
      // A process nobody has waited for yet is over all the same. Its name stands in brackets and may hold any.
      return !/^\d+ \(.*\) [ZX] /s.test(readFileSync(`/proc/${this.#pid}/stat`, "latin1"));
    } catch {
      return true;
    }
  }

  /** Ends the process at once, if it still is the daemon's and not another that got its number. */
  #kill(): void {
    try {
      if (process.platform === "linux" && !readlinkSync(`/proc/${this.#pid}/exe`).startsWith(this.#program.path))
        return;
      process.kill(this.#pid, "SIGKILL");
    } catch {
      // Gone already.
    }
  }

  /** Gives what tells whether it still runs. */
  #start(): () => boolean {
    const program = fromExistingFolder(this.#program);
    const { path, argv, cwd } = program;
    const [argv0, ...args] = argv;
    const child = spawn(path, args, {
      ...(argv0 === undefined ? {} : { argv0 }),
      env: variablesOf(program),
      cwd,
      stdio: ["ignore", ...this.#output],
      detached: true,
      ...(this.#user.kind === "other" ? this.#user.owner : {}),
    });
    child.on("error", () => {}); // Whether it came is asked over the socket.
    child.unref();
    return () => child.pid !== undefined && child.exitCode === null && child.signalCode === null;
  }
}

/** Those of `before` that are not there. What is held, or has no file left just now, is: no release is to blame for it. */
export function missingMoots(
  before: readonly GroupId[],
  { groups, unopened }: Pick<NodeStatus, "groups" | "unopened">,
): GroupId[] {
  const found = new Set([...groups, ...unopened.filter(({ passing }) => passing)].map(({ group_id }) => group_id));
  return before.filter((id) => !found.has(id));
}

/** How it is seen that nothing is to be waited for any more. */
interface Watching {
  readonly goneMs?: number;
  readonly isAlive?: () => boolean;
}

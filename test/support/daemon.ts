import { mkdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { ControlClient } from "../../src/control/control-client.ts";
import { realClock } from "../../src/host/real-clock.ts";
import { status } from "../../src/node/operations/daemon.ts";
import { infoJson } from "../../src/view/info-json.ts";
import { BINARY } from "./binary.ts";
import { eventually } from "./eventually.ts";
import { type Ended, Program, type ProgramOptions } from "./program.ts";
import { TerminalProgram } from "./terminal-program.ts";

export { eventually };

/** Everything on loopback: what a process test may reach, and where nobody outside can interfere. */
const LOOPBACK = { ENTMOOT_IROH_BIND: "127.0.0.1,::1", ENTMOOT_RELAY: "off", ENTMOOT_LAN: "off" };

/** A group as `info` prints it. */
export interface GroupInfo {
  readonly group_id: string;
  readonly members: number;
  readonly messages: number;
  readonly merkle_root: string;
  readonly name?: string;
  readonly local_node_id: number;
  readonly local_member: boolean;
  readonly founder: boolean;
  readonly policy?: string;
  readonly retention?: { readonly days: number | null; readonly cutoff: string | null; readonly removed: number };
}

export interface NodeOptions {
  /** What every command on this node gets beside the loopback settings; `undefined` takes one away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** What runs instead of the compiled binary alone, such as a shell in a mount namespace. */
  readonly command?: readonly string[];
}

/**
 * A node made of real processes: a data root of its own, commands of the compiled binary on it, and its daemon.
 * Disposing it ends what it started; the directory belongs to the caller.
 */
export class DaemonNode implements AsyncDisposable {
  readonly data: string;
  readonly #env: Readonly<Record<string, string | undefined>>;
  readonly #command: readonly string[];
  readonly #programs = new Set<Program>();
  #daemon: Program | undefined;
  #disposed = false;

  /** `home` holds the data root `name`, and is the home directory of its commands. */
  constructor(home: string, name: string, options: NodeOptions = {}) {
    this.data = join(home, name);
    mkdirSync(home, { recursive: true });
    this.#env = { PATH: process.env.PATH, HOME: home, ENTMOOT_DATA: this.data, ...LOOPBACK, ...options.env };
    this.#command = options.command ?? [BINARY];
  }

  /** The daemon that `serve` or `up` started. Throws when none was. */
  get daemon(): Program {
    if (this.#daemon === undefined) throw new Error(`no daemon was started on ${this.data}`);
    return this.#daemon;
  }

  /** What its commands are started with, for a program that starts one by itself. */
  get environment(): Readonly<Record<string, string | undefined>> {
    return this.#env;
  }

  /** Starts a command and gives it while it runs. */
  spawn(args: readonly string[], options: Partial<ProgramOptions> = {}): Program {
    if (this.#disposed) throw new Error(`the node of ${this.data} has been disposed of`);
    const env = { ...this.#env, ...options.env };
    const program = new Program([...this.#command, ...args], { ...options, env });
    this.#programs.add(program);
    return program;
  }

  /** The same data root with commands run by something else, such as a shell; it ends nothing of what this one started. */
  through(command: readonly string[]): DaemonNode {
    return new DaemonNode(dirname(this.data), basename(this.data), { env: this.#env, command });
  }

  /** Starts a command on a terminal of its own; ending it is up to the caller. */
  onTerminal(args: readonly string[], env: Readonly<Record<string, string | undefined>> = {}): TerminalProgram {
    return new TerminalProgram([...this.#command, ...args], { ...this.#env, ...env });
  }

  /** Runs a command to its end, whatever that is. */
  async run(args: readonly string[], options: Partial<ProgramOptions> = {}): Promise<Ended> {
    const program = this.spawn(args, options);
    const ended = await program.ended();
    this.#programs.delete(program);
    return ended;
  }

  /** Runs a command that must succeed and print one JSON object. */
  // biome-ignore lint/suspicious/noExplicitAny: tests read what they expect of it and fail otherwise.
  async ask(args: readonly string[], options: Partial<ProgramOptions> = {}): Promise<any> {
    const { status, stdout, stderr } = await this.run(args, options);
    if (status !== 0) throw new Error(`entmootd ${args.join(" ")}\nstatus ${status}\n${stdout}${stderr}`);
    return JSON.parse(stdout);
  }

  /** Starts `serve` and gives its readiness line. */
  serve(...flags: string[]) {
    return this.startDaemon(["serve", ...flags], "serving");
  }

  /** Starts `up` and gives its readiness line. */
  up(...flags: string[]) {
    return this.startDaemon(["up", ...flags], "ready");
  }

  /** Starts a command that stays, and waits for its line with this `event`. */
  // biome-ignore lint/suspicious/noExplicitAny: as above.
  async startDaemon(args: readonly string[], event: string): Promise<any> {
    if (this.#daemon?.running) throw new Error(`a daemon already runs on ${this.data}: pid ${this.#daemon.pid}`);
    this.#daemon = this.spawn(args);
    return this.#daemon.json({ event });
  }

  /** Ends the daemon as a power cut of the process would: nothing more is written or sent. */
  async kill(): Promise<void> {
    this.daemon.kill("SIGKILL");
    await this.daemon.ended();
  }

  /** Ends the daemon by SIGTERM. Throws when that does not end it with status 0. */
  async end(): Promise<void> {
    this.daemon.kill("SIGTERM");
    const { status, stderr } = await this.daemon.ended();
    if (status !== 0) throw new Error(`the daemon ended with status ${status}\n${stderr}`);
  }

  /** The daemon through its control socket, without a process for each call. */
  async client(): Promise<ControlClient> {
    const client = await ControlClient.connect(this.data, realClock);
    if (client === undefined) throw new Error(`no daemon listens on ${this.data}\n${this.#daemon?.stderr ?? ""}`);
    return client;
  }

  /** One group as `info` shows it; the only one by default. */
  async group(groupId?: string): Promise<GroupInfo> {
    return pick((await this.ask(["info"])).groups, groupId);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true;
    await Promise.all([...this.#programs].map((program) => program[Symbol.asyncDispose]()));
  }
}

/**
 * Waits until all daemons show the same Merkle root of the group (the only one by default), with `messages` messages
 * when given; gives the root as `info` prints it.
 */
export async function agree(
  nodes: readonly DaemonNode[],
  { messages, groupId, atMostMs = 60_000 }: { messages?: number; groupId?: string; atMostMs?: number } = {},
): Promise<string> {
  let seen: readonly GroupInfo[] = [];
  await using stack = new AsyncDisposableStack();
  const clients = await Promise.all(nodes.map(async (node) => stack.use(await node.client())));
  // Asked over the control socket: a process for each look would take the processors from the daemons.
  const look = async () => {
    const found = await Promise.all(clients.map(async (client) => infoJson(await client.call(status, {}))));
    seen = found.map(({ groups }) => pick(groups, groupId));
    const [first] = seen;
    const equal = seen.every((group) => group.merkle_root === first!.merkle_root);
    return equal && (messages === undefined || first!.messages === messages) ? first!.merkle_root : undefined;
  };
  try {
    return await eventually("equal roots", look, atMostMs);
  } catch (cause) {
    const rows = seen.map((group, at) => `${nodes[at]!.data}: ${group.messages} messages, root ${group.merkle_root}`);
    const wanted = messages === undefined ? "" : ` with ${messages} messages`;
    throw new Error(`no equal roots${wanted} within ${atMostMs} ms:\n${rows.join("\n")}`, { cause });
  }
}

function pick(groups: readonly GroupInfo[], groupId: string | undefined): GroupInfo {
  const found = groups.find((group) => groupId === undefined || group.group_id === groupId);
  if (found === undefined) throw new Error(`no such group: ${JSON.stringify(groups)}`);
  return found;
}

import { appendFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { DaemonNode } from "../support/daemon.ts";
import { eventually } from "../support/eventually.ts";
import { claudeHome } from "./claude.ts";
import { codexHome } from "./codex.ts";
import type { HostHome } from "./host-home.ts";
import { HostTerminal } from "./host-terminal.ts";
import { opencodeHome } from "./opencode.ts";
import type { StubModel } from "./stub/stub-model.ts";

export type WakeableHost = "claude" | "codex" | "opencode";

export const HOST_TITLES: Readonly<Record<WakeableHost, string>> = {
  claude: "Claude Code",
  codex: "Codex",
  opencode: "opencode",
};

/** Tools that Claude Code calls without asking its user, as its settings would say. */
const ALLOWED = ["ack", "ask", "reply", "send"].map((tool) => `mcp__entmoot__entmoot_${tool}`);

function homeOf(host: WakeableHost, model: StubModel): HostHome {
  if (host === "claude") return claudeHome(model);
  return host === "codex" ? codexHome(model) : opencodeHome(model);
}

/**
 * A host attached to `main` under a name of its own, by the one command that a person types, and on a terminal once it is started.
 * It hears its test message before anything else. Disposing it ends what it started, and removes its home.
 */
export class AttachedHost implements AsyncDisposable {
  readonly host: WakeableHost;
  readonly name: string;
  /** As it is named in a message of the local moot. */
  readonly nodeId: number;
  readonly groupId: string;
  readonly #home: HostHome;
  readonly #main: DaemonNode;
  #terminal: HostTerminal | undefined;

  private constructor(
    main: DaemonNode,
    home: HostHome,
    about: { readonly host: WakeableHost; readonly name: string; readonly nodeId: number; readonly groupId: string },
  ) {
    this.#main = main;
    this.#home = home;
    this.host = about.host;
    this.name = about.name;
    this.nodeId = about.nodeId;
    this.groupId = about.groupId;
  }

  static async attach(main: DaemonNode, host: WakeableHost, name: string, model: StubModel): Promise<AttachedHost> {
    const home = homeOf(host, model);
    try {
      const env = { ...home.env, PATH: `${dirname(home.program)}:${process.env.PATH}`, ENTMOOT_DATA: main.data };
      const { allow, group_id: groupId } = await main.ask(["attach", host, "-as", name], { cwd: home.project, env });
      // As its user would who wants it to answer unasked.
      if (host === "codex") appendFileSync(allow.where, allow.text);
      const { members } = await main.ask(["call", "members", JSON.stringify({ group_id: groupId })]);
      const { node_id: nodeId } = members.find(({ hostname }: { hostname: string }) => hostname === name);
      return new AttachedHost(main, home, { host, name, nodeId, groupId });
    } catch (error) {
      await home[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Throws where it does not run. */
  get terminal(): HostTerminal {
    if (this.#terminal === undefined) throw new Error(`${HOST_TITLES[this.host]} does not run`);
    return this.#terminal;
  }

  /** Resolves once its agent can be woken. */
  async start(): Promise<void> {
    const args = this.host === "claude" ? ["--permission-mode", "default", "--allowedTools", ...ALLOWED] : [];
    const { env, program, project: cwd } = this.#home;
    this.#terminal = await HostTerminal.start([program, ...args], { cwd, env });
    await eventually(`somebody who listens for ${this.name}`, async () => {
      const { listeners } = await this.#asVoice(["call", "deliveries", "{}"]);
      if (listeners.length === 1) return true;
      throw new Error(this.terminal.text);
    });
  }

  /** Resolves once nothing waits for it, and nothing was told to it of which it is not known what became. */
  async isIdle(): Promise<void> {
    await eventually(`nothing that waits for ${this.name}`, async () => {
      const { waiting } = await this.#asVoice(["call", "deliveries", "{}"]);
      return waiting.length === 0 || undefined;
    });
  }

  /** A message for it that a guard holds back; `undefined` while there is none. */
  async held(): Promise<{ readonly id: string; readonly why: string } | undefined> {
    const { waiting } = await this.#asVoice(["call", "deliveries", "{}"]);
    const found = waiting.find(({ held }: { held?: string }) => held !== undefined);
    return found === undefined ? undefined : { id: found.message_id, why: found.held };
  }

  /** Ends the host and everything it started, as a power cut of them would. */
  async kill(): Promise<void> {
    for (const pid of this.#home.processes()) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // It has just ended.
      }
    }
    await this.#home.quiet();
    await this.#terminal?.[Symbol.asyncDispose]();
    this.#terminal = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#terminal?.[Symbol.asyncDispose]();
    await this.#home[Symbol.asyncDispose]();
  }

  // biome-ignore lint/suspicious/noExplicitAny: as `DaemonNode.ask`.
  #asVoice(args: readonly string[]): Promise<any> {
    return this.#main.ask(args, { env: { ENTMOOT_DATA: join(this.#main.data, "voices", this.name) } });
  }
}

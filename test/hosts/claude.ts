import { existsSync, globSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { eventually } from "../support/eventually.ts";
import { HostHome } from "./host-home.ts";
import { type HostEnv, HostTerminal } from "./host-terminal.ts";
import { readLines } from "./probe.ts";
import type { StubModel } from "./stub/stub-model.ts";

/** Claude Code approves a key by its last characters, and asks about one it does not know. */
const KEY = "sk-ant-api03-stub-stub-stub-stub-stub";

/** What Claude Code says of a session in its own folder. */
export interface ClaudeSession {
  readonly pid: number;
  readonly sessionId: string;
  /** `idle`, `busy`, `waiting` before a dialog, `shell` when idle with something that runs in the background. */
  readonly status: string;
  readonly waitingFor?: string;
  readonly version: string;
  readonly messagingSocketPath?: string;
}

/** A home for Claude Code that has been set up, knows its key and trusts its project; its models are the stub's. */
export function claudeHome(model: StubModel, env: HostEnv = {}): HostHome {
  const home = new HostHome("claude", () => ({ ...claudeEnv(model), ...env }));
  setUpClaude(home.path, home.project);
  return home;
}

/** What points Claude Code at the stub. */
export function claudeEnv(model: StubModel): HostEnv {
  return { ANTHROPIC_BASE_URL: model.url, ANTHROPIC_API_KEY: KEY, DISABLE_AUTOUPDATER: "1" };
}

/** As after a person's first start with that home. */
export function setUpClaude(home: string, project: string): void {
  const seen = {
    hasCompletedOnboarding: true,
    theme: "dark",
    customApiKeyResponses: { approved: [KEY.slice(-20)], rejected: [] },
    projects: { [project]: { hasTrustDialogAccepted: true, hasCompletedProjectOnboarding: true } },
  };
  writeFileSync(join(home, ".claude.json"), JSON.stringify(seen));
}

/** Claude Code on a terminal, as a person uses it. */
export class Claude implements AsyncDisposable {
  readonly home: HostHome;
  readonly terminal: HostTerminal;

  private constructor(home: HostHome, terminal: HostTerminal) {
    this.home = home;
    this.terminal = terminal;
  }

  /** Starts it in the project of `home`; resolves once it waits for its user. */
  static async start(home: HostHome, args: readonly string[] = []): Promise<Claude> {
    const terminal = await HostTerminal.start([home.program, ...args], { cwd: home.project, env: home.env });
    const claude = new Claude(home, terminal);
    try {
      await claude.idle();
      return claude;
    } catch (error) {
      await terminal[Symbol.asyncDispose]();
      throw new Error(`Claude Code did not start:\n${terminal.text}`, { cause: error });
    }
  }

  get session(): ClaudeSession | undefined {
    const path = join(this.home.path, ".claude/sessions", `${this.terminal.pid}.json`);
    try {
      return existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : undefined;
    } catch {
      return undefined; // It is being written.
    }
  }

  async idle(): Promise<ClaudeSession> {
    return await this.#when("idle", "shell");
  }

  async busy(): Promise<ClaudeSession> {
    return await this.#when("busy");
  }

  /** Resolves once a dialog stands before its user. */
  async waiting(): Promise<ClaudeSession> {
    return await this.#when("waiting");
  }

  /** Says yes to the dialog that stands there, which takes no key in its first moments. */
  async allow(): Promise<void> {
    await this.waiting();
    await eventually("an answer to the dialog", () => {
      if (this.session?.status !== "waiting") return true;
      this.terminal.type("\r");
      return undefined;
    });
  }

  /** Ends it as its user does. */
  async quit(): Promise<number> {
    await this.terminal.submit("/exit");
    return await this.terminal.ended();
  }

  /** What it keeps of the conversation, oldest first. */
  // biome-ignore lint/suspicious/noExplicitAny: the host's own records.
  get transcript(): any[] {
    return globSync(join(this.home.path, ".claude/projects/*/*.jsonl")).flatMap(readLines);
  }

  async #when(...statuses: string[]): Promise<ClaudeSession> {
    return await eventually(`a session that is ${statuses.join(" or ")}`, () => {
      const session = this.session;
      return session !== undefined && statuses.includes(session.status) ? session : undefined;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.terminal[Symbol.asyncDispose]();
  }
}

import { globSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { HostHome } from "./host-home.ts";
import { type HostEnv, HostTerminal } from "./host-terminal.ts";
import { readLines } from "./probe.ts";
import type { StubModel } from "./stub/stub-model.ts";

/** A home for Codex that trusts its project; its model is the stub's. `more` is added to its configuration. */
export function codexHome(model: StubModel, more = "", env: HostEnv = {}): HostHome {
  const home = new HostHome("codex", (path) => ({ CODEX_HOME: path, ...env }));
  setUpCodex(home.path, home.project, model, more);
  return home;
}

/** As after a person's first start, in Codex's own folder. */
export function setUpCodex(folder: string, project: string, model: StubModel, more = ""): void {
  writeFileSync(
    join(folder, "config.toml"),
    `model = "stub-model"
model_provider = "stub"
check_for_update_on_startup = false
${more}
[model_providers.stub]
name = "stub"
base_url = "${model.url}/v1"
wire_api = "responses"
requires_openai_auth = false

[projects."${project}"]
trust_level = "trusted"
`,
  );
}

/** Codex on a terminal, as a person uses it. */
export class Codex implements AsyncDisposable {
  readonly home: HostHome;
  readonly terminal: HostTerminal;

  private constructor(home: HostHome, terminal: HostTerminal) {
    this.home = home;
    this.terminal = terminal;
  }

  /** Starts it in the project of `home`; resolves once it waits for its user. */
  static async start(home: HostHome, args: readonly string[] = []): Promise<Codex> {
    const terminal = await HostTerminal.start([home.program, ...args], { cwd: home.project, env: home.env });
    const codex = new Codex(home, terminal);
    try {
      await terminal.shows("Ask Codex to do anything");
      return codex;
    } catch (error) {
      await terminal[Symbol.asyncDispose]();
      throw error;
    }
  }

  /**
   * Says `line` to it. Keys that come at once it takes for a paste, and an Enter soon after for a part of that: pressed again
   * while the line still stands there. An Enter without a line does nothing.
   */
  async submit(line: string): Promise<void> {
    await this.terminal.types(line);
    await this.terminal.pressUntil("\r", `${line} is taken`, () => this.#line !== line);
  }

  /** Resolves once its terminal, which hears of it after everybody else, says that so many turns are over. */
  async done(turns: number): Promise<void> {
    await this.terminal.shows(new RegExp(`(^ +Worked for [\\s\\S]*){${turns}}`, "m"));
  }

  /** Ends it as its user does; the daemon that it started goes on without it. */
  async quit(): Promise<number> {
    // While its terminal has not heard that a turn is over, Ctrl-C would end the turn, or it asks which is meant.
    await this.terminal.pressUntil(
      () => (this.terminal.text.includes("Task is still running") ? "3" : "\x03"),
      "its end",
      () => this.terminal.hasEnded,
    );
    return await this.terminal.ended();
  }

  /** What its user has typed and not sent. */
  get #line(): string | undefined {
    return /^› (.*)$/m.exec(this.terminal.text.split("\n").findLast((row) => row.startsWith("› ")) ?? "")?.[1];
  }

  /** What it keeps of its conversations, oldest first. */
  // biome-ignore lint/suspicious/noExplicitAny: the host's own records.
  get rollout(): any[] {
    return globSync(join(this.home.path, "sessions/**/*.jsonl")).flatMap(readLines);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.terminal[Symbol.asyncDispose]();
  }
}

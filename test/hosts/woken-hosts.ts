import { appendFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { HostName } from "../../scripts/hosts/pinned.ts";
import { DOOR_VARIABLE, MONITOR, monitorPlugin } from "../../src/agent/claude/monitor-plugin.ts";
import { PLUGIN_FILE, PLUGIN_TEXT } from "../../src/agent/opencode/plugin-text.ts";
import { putFile } from "../../src/agent/setup/entry-file.ts";
import { BINARY } from "../support/binary.ts";
import { Claude, claudeHome } from "./claude.ts";
import { Codex, codexHome } from "./codex.ts";
import type { HostHome } from "./host-home.ts";
import { HostTerminal } from "./host-terminal.ts";
import { opencodeHome, quit } from "./opencode.ts";
import type { StubModel } from "./stub/stub-model.ts";

/** A host by its first door, or by another. */
export type WokenHostName = Extract<HostName, "claude" | "codex" | "opencode"> | "claude-monitor";

/** A host as it runs before its user. */
export interface WokenHost extends AsyncDisposable {
  quit(): Promise<number>;
}

interface WokenHostWays {
  /** A home with our server among the host's own, as set-up adds it, which has these variables besides. */
  home(model: StubModel, env: (home: HostHome) => Readonly<Record<string, string>>): HostHome | Promise<HostHome>;
  /** Resolves once it waits for its user. */
  start(home: HostHome, args?: readonly string[]): Promise<WokenHost>;
}

/** Claude Code asks its user about each tool that is not allowed here. */
export const CLAUDE_ALLOWED = ["--permission-mode", "default", "--allowedTools", "mcp__entmoot__entmoot_reply"];

async function addToClaude(home: HostHome, env: Readonly<Record<string, string>>): Promise<void> {
  const variables = Object.entries(env).flatMap(([name, value]) => ["-e", `${name}=${value}`]);
  await home.run(["mcp", "add", "--scope", "user", "entmoot", ...variables, "--", BINARY, "mcp"]);
}

/** Each host with our tools; its user lets it answer unasked. */
export const WOKEN_HOSTS: Readonly<Record<WokenHostName, WokenHostWays>> = {
  claude: {
    async home(model, env) {
      const home = claudeHome(model);
      await addToClaude(home, env(home));
      return home;
    },
    start: (home, args = []) => Claude.start(home, [...CLAUDE_ALLOWED, ...args]),
  },
  "claude-monitor": {
    async home(model, env) {
      const home = claudeHome(model);
      const { ENTMOOT_AGENT_SOCKET: socket = "", ...others } = env(home);
      await addToClaude(home, { ENTMOOT_AGENT_SOCKET: socket, ...others, [DOOR_VARIABLE]: MONITOR });
      const { path, project } = home;
      const plugin = monitorPlugin({ socket, command: [BINARY, MONITOR], project, home: path, env: {} });
      for (const { path: file, text } of plugin.files) putFile(file, text);
      for (const add of plugin.add) await home.run(add);
      return home;
    },
    start: (home, args = []) => Claude.start(home, [...CLAUDE_ALLOWED, ...args]),
  },
  codex: {
    async home(model, env) {
      const home = codexHome(model);
      const all = { ENTMOOT_HOST: "codex", CODEX_HOME: home.path, ...env(home) };
      const variables = Object.entries(all).flatMap(([name, value]) => ["--env", `${name}=${value}`]);
      await home.run(["mcp", "add", "entmoot", ...variables, "--", BINARY, "mcp"]);
      const allow = '\n[mcp_servers.entmoot.tools.entmoot_reply]\napproval_mode = "approve"\n';
      appendFileSync(join(home.path, "config.toml"), allow);
      return home;
    },
    start: (home, args = []) => Codex.start(home, args),
  },
  opencode: {
    home(model, env) {
      const home = opencodeHome(model);
      const environment = { ENTMOOT_HOST: "opencode", ...env(home) };
      const entry = { type: "local", command: [BINARY, "mcp"], environment, enabled: true };
      writeFileSync(join(home.project, "opencode.json"), JSON.stringify({ mcp: { entmoot: entry } }));
      mkdirSync(join(home.project, ".opencode/plugin"), { recursive: true });
      writeFileSync(join(home.project, ".opencode/plugin", PLUGIN_FILE), PLUGIN_TEXT);
      return home;
    },
    async start(home, args = []) {
      const terminal = await startOpencode(home, args);
      return { quit: () => quit(terminal), [Symbol.asyncDispose]: () => terminal[Symbol.asyncDispose]() };
    },
  },
};

/** As a person starts it: without a port, so that no server of its own listens. */
export async function startOpencode(home: HostHome, args: readonly string[] = []): Promise<HostTerminal> {
  const terminal = await HostTerminal.start([home.program, ...args], { cwd: home.project, env: home.env });
  await terminal.shows("ctrl+p commands");
  return terminal;
}

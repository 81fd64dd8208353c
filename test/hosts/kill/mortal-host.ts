import { appendFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { HostName } from "../../../scripts/hosts/pinned.ts";
import { DOOR_VARIABLE, MONITOR, monitorPlugin } from "../../../src/agent/claude/monitor-plugin.ts";
import { PLUGIN_FILE, PLUGIN_TEXT } from "../../../src/agent/opencode/plugin-text.ts";
import { putFile } from "../../../src/agent/setup/entry-file.ts";
import { BINARY } from "../../support/binary.ts";
import { eventually } from "../../support/eventually.ts";
import { Claude, claudeHome } from "../claude.ts";
import { Codex, codexHome } from "../codex.ts";
import type { HostHome } from "../host-home.ts";
import { killHost, killOurServers, ourServers } from "../host-moot.ts";
import { HostTerminal } from "../host-terminal.ts";
import { opencodeHome, quit } from "../opencode.ts";
import type { StubModel } from "../stub/stub-model.ts";

/** A host by its first door, or by another. */
export type MortalHostName = Extract<HostName, "claude" | "codex" | "opencode"> | "claude-monitor";

/** A host as it runs before its user. */
interface RunningHost extends AsyncDisposable {
  quit(): Promise<number>;
}

interface HostWays {
  /** A home with our server among the host's own, which reaches its daemon over what `socketIn` gives. */
  home(model: StubModel, socketIn: (home: HostHome) => string): HostHome | Promise<HostHome>;
  /** Resolves once it waits for its user. */
  start(home: HostHome): Promise<RunningHost>;
}

const WAYS: Readonly<Record<MortalHostName, HostWays>> = {
  claude: {
    async home(model, socketIn) {
      const home = claudeHome(model);
      const env = ["-e", `ENTMOOT_AGENT_SOCKET=${socketIn(home)}`];
      await home.run(["mcp", "add", "--scope", "user", "entmoot", ...env, "--", BINARY, "mcp"]);
      return home;
    },
    start: (home) => Claude.start(home, ["--permission-mode", "default"]),
  },
  "claude-monitor": {
    async home(model, socketIn) {
      const home = claudeHome(model);
      const socket = socketIn(home);
      const env = ["-e", `ENTMOOT_AGENT_SOCKET=${socket}`, "-e", `${DOOR_VARIABLE}=${MONITOR}`];
      await home.run(["mcp", "add", "--scope", "user", "entmoot", ...env, "--", BINARY, "mcp"]);
      const { path, project } = home;
      const plugin = monitorPlugin({ socket, command: [BINARY, MONITOR], project, home: path, env: {} });
      for (const { path: file, text } of plugin.files) putFile(file, text);
      for (const add of plugin.add) await home.run(add);
      return home;
    },
    start: (home) => Claude.start(home, ["--permission-mode", "default"]),
  },
  codex: {
    home(model, socketIn) {
      const home = codexHome(model);
      appendFileSync(
        join(home.path, "config.toml"),
        `
[mcp_servers.entmoot]
command = ${JSON.stringify(BINARY)}
args = ["mcp"]
[mcp_servers.entmoot.env]
ENTMOOT_AGENT_SOCKET = ${JSON.stringify(socketIn(home))}
ENTMOOT_HOST = "codex"
CODEX_HOME = ${JSON.stringify(home.path)}
`,
      );
      return home;
    },
    start: (home) => Codex.start(home),
  },
  opencode: {
    home(model, socketIn) {
      const home = opencodeHome(model);
      const environment = { ENTMOOT_AGENT_SOCKET: socketIn(home), ENTMOOT_HOST: "opencode" };
      const entry = { type: "local", command: [BINARY, "mcp"], environment, enabled: true };
      writeFileSync(join(home.project, "opencode.json"), JSON.stringify({ mcp: { entmoot: entry } }));
      mkdirSync(join(home.project, ".opencode/plugin"), { recursive: true });
      writeFileSync(join(home.project, ".opencode/plugin", PLUGIN_FILE), PLUGIN_TEXT);
      return home;
    },
    async start(home) {
      const terminal = await HostTerminal.start([home.program], { cwd: home.project, env: home.env });
      await terminal.shows("ctrl+p commands");
      return { quit: () => quit(terminal), [Symbol.asyncDispose]: () => terminal[Symbol.asyncDispose]() };
    },
  },
};

/** Gives what it was made for: see `HostWays`. */
export const mortalHome = (host: MortalHostName, ...made: Parameters<HostWays["home"]>) => WAYS[host].home(...made);

/** A host that is started, ended by its user, killed, and started again. */
export class MortalHost implements AsyncDisposable {
  readonly #name: MortalHostName;
  readonly #home: HostHome;
  #running: RunningHost | undefined;

  constructor(name: MortalHostName, home: HostHome) {
    this.#name = name;
    this.#home = home;
  }

  /** Resolves once it waits for its user. */
  async start(): Promise<void> {
    this.#running = await WAYS[this.#name].start(this.#home);
  }

  /** Ends it as its user does. */
  async quit(): Promise<void> {
    await this.#running?.quit();
    await this[Symbol.asyncDispose]();
  }

  async kill(): Promise<void> {
    killHost(this.#home);
    await this.#home.quiet();
    await this[Symbol.asyncDispose]();
  }

  /** Its host may start others in their place. */
  async killBridges(): Promise<void> {
    const before = ourServers(this.#home);
    killOurServers(this.#home);
    await eventually("the end of the bridges", () => {
      const now = ourServers(this.#home);
      return before.every((pid) => !now.includes(pid)) || undefined;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#running?.[Symbol.asyncDispose]();
    this.#running = undefined;
  }
}

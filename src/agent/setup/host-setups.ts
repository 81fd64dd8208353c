import { join } from "node:path";
import { PLUGIN_FILE, PLUGIN_TEXT } from "../opencode/plugin-text.ts";

/** The one entry that a host needs to start `entmootd mcp`. */
export interface ServerEntry {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** Where a host keeps what it is set up with. */
export interface HostPlaces {
  readonly home: string;
  /** The folder that the person works in. */
  readonly project: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** How an entry gets into a host. */
export type EntryWay =
  /** By the host's own commands; `files` are those that they write. */
  | {
      readonly kind: "command";
      readonly add: readonly string[];
      readonly remove: readonly string[];
      readonly files: readonly string[];
    }
  /** The host has no command for it: one key of its JSON file, and for some a file of ours beside it. */
  | {
      readonly kind: "file";
      readonly file: string;
      readonly keys: readonly string[];
      readonly value: unknown;
      readonly beside?: { readonly file: string; readonly text: string };
    }
  /** Only shown: its file is of a kind that cannot be changed without losing what a person wrote in it. */
  | { readonly kind: "shown"; readonly file: string; readonly text: string };

/** A host that can be set up. */
export interface HostSetup {
  readonly host: string;
  readonly title: string;
  /** What is looked for on PATH. */
  readonly program: string;
  /** Whether an entry is of one project folder; else of all. */
  readonly isPerProject: boolean;
  /** What its user allows so that it need not ask before each answer; shown, never written. */
  readonly allow: string;
  way(entry: ServerEntry, places: HostPlaces): EntryWay;
}

function pairs(flag: string, env: ServerEntry["env"]): string[] {
  return Object.entries(env).flatMap(([name, value]) => [flag, `${name}=${value}`]);
}

const claude: HostSetup = {
  host: "claude",
  title: "Claude Code",
  program: "claude",
  isPerProject: true,
  allow:
    'in .claude/settings.json: {"permissions": {"allow": ["mcp__entmoot__entmoot_reply", "mcp__entmoot__entmoot_ack"]}}',
  way: ({ args, command, env, name }, places) => ({
    kind: "command",
    // Of this project and this person alone. Variables stand ahead of another flag, for they take every word up to one.
    add: [
      "mcp",
      "add",
      "--scope",
      "local",
      ...pairs("--env", env),
      "--transport",
      "stdio",
      name,
      "--",
      command,
      ...args,
    ],
    remove: ["mcp", "remove", "--scope", "local", name],
    files: [join(places.env.CLAUDE_CONFIG_DIR ?? places.home, ".claude.json")],
  }),
};

function codexHome({ env, home }: HostPlaces): string {
  return env.CODEX_HOME ?? join(home, ".codex");
}

const codex: HostSetup = {
  host: "codex",
  title: "Codex",
  program: "codex",
  isPerProject: false,
  allow: 'in config.toml: [mcp_servers.entmoot.tools.entmoot_reply] approval_mode = "approve"',
  way: ({ args, command, env, name }, places) => ({
    kind: "command",
    // It hands its servers little of the environment.
    add: [
      "mcp",
      "add",
      name,
      ...pairs("--env", { ...env, ENTMOOT_HOST: "codex", CODEX_HOME: codexHome(places) }),
      "--",
      command,
      ...args,
    ],
    remove: ["mcp", "remove", name],
    files: [join(codexHome(places), "config.toml")],
  }),
};

const opencode: HostSetup = {
  host: "opencode",
  title: "opencode",
  program: "opencode",
  isPerProject: true,
  allow: "it asks for no permission before these tools unless its configuration says so",
  way: ({ args, command, env, name }, { project }) => ({
    kind: "file",
    file: join(project, "opencode.json"),
    keys: ["mcp", name],
    value: {
      type: "local",
      command: [command, ...args],
      environment: { ...env, ENTMOOT_HOST: "opencode" },
      enabled: true,
    },
    // Without it messages wait until the agent asks for them: opencode listens nowhere by itself.
    beside: { file: join(project, ".opencode", "plugin", PLUGIN_FILE), text: PLUGIN_TEXT },
  }),
};

/** The form that most hosts have their servers in. */
function inServersFile(file: string, { args, command, env, name }: ServerEntry): EntryWay {
  return { kind: "file", file, keys: ["mcpServers", name], value: { command, args, env } };
}

const gemini: HostSetup = {
  host: "gemini",
  title: "Gemini CLI",
  program: "gemini",
  isPerProject: true,
  allow: 'in .gemini/settings.json, beside the server\'s command: "trust": true',
  way: (entry, { project }) => inServersFile(join(project, ".gemini", "settings.json"), entry),
};

const cursor: HostSetup = {
  host: "cursor",
  title: "Cursor",
  program: "cursor-agent",
  isPerProject: true,
  allow: "in Cursor's settings of tools",
  way: (entry, { project }) => inServersFile(join(project, ".cursor", "mcp.json"), entry),
};

const copilot: HostSetup = {
  host: "copilot",
  title: "GitHub Copilot CLI",
  program: "copilot",
  isPerProject: false,
  allow: "start it with --allow-tool 'entmoot'",
  way: ({ args, command, env, name }, { home }) => ({
    kind: "command",
    add: ["mcp", "add", name, ...pairs("--env", env), "--", command, ...args],
    remove: ["mcp", "remove", name],
    files: [join(home, ".copilot", "mcp-config.json")],
  }),
};

const goose: HostSetup = {
  host: "goose",
  title: "Goose",
  program: "goose",
  isPerProject: false,
  allow: "in its configuration of tools",
  way: ({ args, command, env, name }, { home }) => ({
    kind: "shown",
    file: join(home, ".config", "goose", "config.yaml"),
    text: [
      "extensions:",
      `  ${name}:`,
      "    type: stdio",
      `    cmd: ${JSON.stringify(command)}`,
      `    args: ${JSON.stringify(args)}`,
      `    envs: ${JSON.stringify(env)}`,
      "    enabled: true",
      "    timeout: 300",
    ].join("\n"),
  }),
};

const openclaw: HostSetup = {
  host: "openclaw",
  title: "OpenClaw",
  program: "openclaw",
  isPerProject: false,
  allow: "in its tool policy",
  way: ({ args, command, env, name }, { home }) => ({
    kind: "shown",
    file: join(home, ".openclaw", "openclaw.json"),
    text: JSON.stringify({ mcp: { servers: { [name]: { command, args, env } } } }, undefined, 2),
  }),
};

/** Every host that can be set up, those with a way into a running session first. */
export const HOST_SETUPS: readonly HostSetup[] = [claude, codex, opencode, gemini, cursor, copilot, goose, openclaw];

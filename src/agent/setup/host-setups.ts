import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { PLUGIN_FILE, PLUGIN_TEXT } from "../opencode/plugin-text.ts";
import { claude } from "./claude-setup.ts";
import { type HostPlaces, type HostSetup, pairs, type ServerEntry, TALKING_TEXT, TALKING_TOOLS } from "./host-setup.ts";

function codexHome({ env, home }: HostPlaces): string {
  return env.CODEX_HOME ?? join(home, ".codex");
}

function codexUserFile(places: HostPlaces): string {
  return join(codexHome(places), "config.toml");
}

function codexProjectFile({ project }: HostPlaces): string {
  return join(project, ".codex", "config.toml");
}

/** Codex reads a folder's own settings only where its user trusts the folder, or the repository that it is in. */
function isTrustedByCodex(places: HostPlaces): boolean {
  let projects: unknown;
  try {
    projects = (Bun.TOML.parse(readFileSync(codexUserFile(places), "utf8")) as { projects?: unknown }).projects;
  } catch {
    return false; // Codex says what is wrong with its file itself.
  }
  return foldersUpToRepository(places.project).some((folder) => {
    const found = (projects as Record<string, { trust_level?: unknown }> | undefined)?.[folder];
    return found?.trust_level === "trusted";
  });
}

function foldersUpToRepository(folder: string): string[] {
  const folders = [folder];
  for (let at = folder; dirname(at) !== at; at = dirname(at)) {
    if (existsSync(join(at, ".git"))) return [...folders, at];
    folders.push(at);
  }
  return [folder];
}

const codex: HostSetup = {
  host: "codex",
  title: "Codex",
  program: "codex",
  door: { name: "codex thread", proves: "read" },
  isPerProject: isTrustedByCodex,
  whyForAll: (places) =>
    isTrustedByCodex(places)
      ? undefined
      : `Codex reads ${codexProjectFile(places)} only in folders that its user trusts, and does not trust this one: its entry, and so its voice, is one for all folders`,
  allow: (places) => ({
    where: isTrustedByCodex(places) ? codexProjectFile(places) : codexUserFile(places),
    text: TALKING_TOOLS.map((tool) => `[mcp_servers.entmoot.tools.${tool}]\napproval_mode = "approve"\n`).join(""),
  }),
  way: ({ args, command, env, name }, places, written) => {
    // It hands its servers little of the environment.
    const all = { ...env, ENTMOOT_HOST: "codex", CODEX_HOME: codexHome(places) };
    const isOfProject = written === undefined ? isTrustedByCodex(places) : written === codexProjectFile(places);
    // Its own command knows the user's file alone.
    return isOfProject
      ? {
          kind: "file",
          file: codexProjectFile(places),
          format: "toml",
          keys: ["mcp_servers", name],
          value: { command, args, env: all },
        }
      : {
          kind: "command",
          add: ["mcp", "add", name, ...pairs("--env", all), "--", command, ...args],
          remove: ["mcp", "remove", name],
          files: [codexUserFile(places)],
        };
  },
};

/** Our tools as opencode has them in its file, and takes them over its server. */
export function opencodeServerEntry({ args, command, env }: ServerEntry) {
  return {
    type: "local",
    command: [command, ...args],
    environment: { ...env, ENTMOOT_HOST: "opencode" },
    enabled: true,
  };
}

const opencode: HostSetup = {
  host: "opencode",
  title: "opencode",
  program: "opencode",
  door: { name: "opencode session", proves: "read" },
  isPerProject: () => true,
  // It asks for no permission before these tools unless its configuration says so.
  allow: () => undefined,
  way: (entry, { project }) => ({
    kind: "file",
    file: join(project, "opencode.json"),
    format: "json",
    keys: ["mcp", entry.name],
    value: opencodeServerEntry(entry),
    // Without it messages wait until the agent asks for them: opencode listens nowhere by itself, unless it was given a port.
    ...(entry.env.ENTMOOT_OPENCODE_URL === undefined
      ? { beside: { file: join(project, ".opencode", "plugin", PLUGIN_FILE), text: PLUGIN_TEXT } }
      : {}),
  }),
};

const gemini: HostSetup = {
  host: "gemini",
  title: "Gemini CLI",
  program: "gemini",
  isPerProject: () => true,
  allow: ({ project }) => ({
    where: join(project, ".gemini", "settings.json"),
    text: 'in mcpServers.entmoot, beside its command: "trust": true',
  }),
  way: ({ args, command, env, name }, { project }) => ({
    kind: "command",
    add: ["mcp", "add", "--scope", "project", "--transport", "stdio", ...pairs("--env", env), name, command, ...args],
    remove: ["mcp", "remove", "--scope", "project", name],
    files: [join(project, ".gemini", "settings.json")],
    // In a folder that is not trusted its own command takes the file for empty, and what else is in it goes. It starts nothing.
    env: { GEMINI_CLI_TRUST_WORKSPACE: "true" },
  }),
};

const cursor: HostSetup = {
  host: "cursor",
  title: "Cursor",
  program: "cursor-agent",
  isByFile: true,
  isPerProject: () => true,
  allow: () => ({ where: "Cursor's settings of tools", text: TALKING_TEXT }),
  way: ({ args, command, env, name }, { project }) => ({
    kind: "file",
    file: join(project, ".cursor", "mcp.json"),
    format: "json",
    keys: ["mcpServers", name],
    value: { command, args, env },
  }),
};

const copilot: HostSetup = {
  host: "copilot",
  title: "GitHub Copilot CLI",
  program: "copilot",
  isPerProject: () => false,
  allow: () => ({ where: "its command line", text: "--allow-tool 'entmoot'" }),
  way: ({ args, command, env, name }, { env: all, home }) => ({
    kind: "command",
    add: ["mcp", "add", name, ...pairs("--env", env), "--", command, ...args],
    remove: ["mcp", "remove", name],
    files: [join(all.COPILOT_HOME ?? join(home, ".copilot"), "mcp-config.json")],
  }),
};

const goose: HostSetup = {
  host: "goose",
  title: "Goose",
  program: "goose",
  isByFile: true,
  isPerProject: () => false,
  allow: () => ({ where: "its permissions of tools", text: TALKING_TEXT }),
  // `goose configure` asks its user, and takes no entry from a command.
  way: ({ args, command, env, name }, { env: all, home }) => ({
    kind: "file",
    file: join(all.XDG_CONFIG_HOME ?? join(home, ".config"), "goose", "config.yaml"),
    format: "yaml",
    keys: ["extensions", name],
    value: { name, type: "stdio", cmd: command, args, envs: env, enabled: true, timeout: 300 },
  }),
};

const openclaw: HostSetup = {
  host: "openclaw",
  title: "OpenClaw",
  program: "openclaw",
  isPerProject: () => false,
  allow: () => ({ where: "its tool policy", text: TALKING_TEXT }),
  way: ({ args, command, env, name }, { env: all, home }) => ({
    kind: "command",
    add: ["mcp", "set", name, JSON.stringify({ command, args, env })],
    remove: ["mcp", "unset", name],
    files: [all.OPENCLAW_CONFIG_PATH ?? join(home, ".openclaw", "openclaw.json")],
  }),
};

/** Every host that can be set up, those with a way into a running session first. */
export const HOST_SETUPS: readonly HostSetup[] = [claude, codex, opencode, gemini, cursor, copilot, goose, openclaw];

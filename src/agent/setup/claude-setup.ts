import { join } from "node:path";
import { readTextAtMost } from "../../files/read-at-most.ts";
import { claudeFolder } from "../claude/claude-session.ts";
import { DOOR_VARIABLE, MONITOR, monitorPlugin } from "../claude/monitor-plugin.ts";
import {
  type ClosedDoor,
  type HostPlaces,
  type HostSetup,
  pairs,
  type ServerEntry,
  TALKING_TOOLS,
} from "./host-setup.ts";

/** Ours. Settings of a person or a folder are a few KB; what is larger is not read, and closes nothing. */
const SETTINGS_BYTES_MAX = 1024 * 1024;
/** https://code.claude.com/docs/en/settings */
const MANAGED_SETTINGS =
  process.platform === "darwin"
    ? "/Library/Application Support/ClaudeCode/managed-settings.json"
    : "/etc/claude-code/managed-settings.json";

export const claude: HostSetup = {
  host: "claude",
  title: "Claude Code",
  program: "claude",
  door: { name: "claude inbox", proves: "read" },
  otherDoor: {
    word: MONITOR,
    name: "claude monitor",
    proves: "read",
    env: { [DOOR_VARIABLE]: MONITOR },
    closed: closedInbox,
  },
  isPerProject: () => true,
  allow: ({ project }) => ({
    where: join(project, ".claude", "settings.local.json"),
    text: JSON.stringify({ permissions: { allow: TALKING_TOOLS.map((tool) => `mcp__entmoot__${tool}`) } }),
  }),
  way: (entry, places) => ({
    kind: "command",
    // Of this project and this person alone. Variables stand ahead of another flag, for they take every word up to one.
    add: [
      "mcp",
      "add",
      "--scope",
      "local",
      ...pairs("--env", entry.env),
      "--transport",
      "stdio",
      entry.name,
      "--",
      entry.command,
      ...entry.args,
    ],
    remove: ["mcp", "remove", "--scope", "local", entry.name],
    files: [join(places.env.CLAUDE_CONFIG_DIR ?? places.home, ".claude.json")],
    ...(entry.env[DOOR_VARIABLE] === MONITOR ? { plugin: monitorOf(entry, places) } : {}),
  }),
};

function monitorOf({ args, command, env }: ServerEntry, places: HostPlaces) {
  const [, ...flags] = args;
  return monitorPlugin({ ...places, socket: env.ENTMOOT_AGENT_SOCKET ?? "", command: [command, MONITOR, ...flags] });
}

/** What a person's settings, or those of who manages this machine, say of what other programs send to sessions here. */
function closedInbox({ env, home, project }: HostPlaces): ClosedDoor | undefined {
  const folder = claudeFolder({ HOME: home, ...env });
  const paths = [
    MANAGED_SETTINGS,
    join(project, ".claude", "settings.local.json"),
    join(project, ".claude", "settings.json"),
    join(folder, "settings.json"),
  ];
  for (const path of paths) {
    const said = inboundIn(path);
    if (said === undefined) continue;
    if (said !== "refuse" && said !== "hold") return undefined;
    // Who manages the machine, or wants to see each message first, is not gone round.
    const isToStay = path === MANAGED_SETTINGS || said === "hold";
    return { why: `${path} says crossSessionInbound ${said}`, isToStay };
  }
  return undefined;
}

function inboundIn(path: string): unknown {
  try {
    const settings: unknown = Bun.JSONC.parse(readTextAtMost(path, SETTINGS_BYTES_MAX) ?? "{}");
    return (settings as { readonly crossSessionInbound?: unknown } | null)?.crossSessionInbound;
  } catch {
    return undefined; // The host says itself what is wrong with it.
  }
}

import { dirname, join } from "node:path";
import { shellCommand } from "../../host/shell-quote.ts";
import { shortSum } from "../records-of.ts";
import { claudeFolder } from "./claude-session.ts";

/** As the host names what our monitor says, in its records and to its model. */
export const MONITOR_TITLE = "messages of your moots";

/** What set-up tells our tools in its environment: they leave it to the monitor to wake the agent. */
export const DOOR_VARIABLE = "ENTMOOT_CLAUDE_DOOR";
export const MONITOR = "monitor";

const PLUGIN = "entmoot";
/** The host keeps a copy under it. */
const VERSION = "1.0.0";

/** A file of ours. */
export interface PluginFile {
  readonly path: string;
  readonly text: string;
}

/** A plugin that a host installs by its own commands, beside an entry. */
export interface PluginWay {
  readonly files: readonly PluginFile[];
  readonly add: readonly (readonly string[])[];
  readonly remove: readonly (readonly string[])[];
  /** What the host's commands write. */
  readonly changes: readonly string[];
  /** Of these its own copies, which it keeps when the plugin is gone. */
  readonly copies: readonly string[];
}

export interface MonitorPluginParts {
  /** The agents' socket of the voice, beside which our files stand. */
  readonly socket: string;
  /** This program, as it is run for the monitor. */
  readonly command: readonly string[];
  readonly project: string;
  readonly home: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * A marketplace of this machine with the one plugin whose monitor is our bridge, enabled in one project folder for this person. Each
 * voice and folder has one of its own, for a plugin cannot be told more than its command says.
 */
export function monitorPlugin({ command, env, home, project, socket }: MonitorPluginParts): PluginWay {
  const sum = shortSum(project).slice(0, 8);
  const market = `entmoot-${sum}`;
  const named = `${PLUGIN}@${market}`;
  const folder = join(dirname(socket), "claude-monitor", sum);
  const plugins = join(claudeFolder({ HOME: home, ...env }), "plugins");
  const copy = join(plugins, "cache", market, PLUGIN, VERSION);
  const about = { name: PLUGIN, version: VERSION, description: "Messages of your moots reach this session" };
  const author = { name: "entmootd" };
  const source = { name: PLUGIN, source: `./${PLUGIN}`, description: about.description };
  const description = "Written by entmootd attach; entmootd detach takes it back";
  const marketplace = { name: market, owner: author, metadata: { description }, plugins: [source] };
  const line = shellCommand(["exec", "env", `ENTMOOT_AGENT_SOCKET=${socket}`, ...command]);
  // What stands in it as a variable the host would replace.
  const monitor = { name: PLUGIN, command: line.replaceAll("${", "$''{"), description: MONITOR_TITLE };
  const written = (path: string, value: unknown) => ({
    path: join(folder, path),
    text: `${JSON.stringify(value, undefined, 2)}\n`,
  });
  const copies = [".claude-plugin/plugin.json", "monitors/monitors.json", ".orphaned_at"].map((path) =>
    join(copy, path),
  );
  return {
    files: [
      written(".claude-plugin/marketplace.json", marketplace),
      written(`${PLUGIN}/.claude-plugin/plugin.json`, { ...about, author }),
      written(`${PLUGIN}/monitors/monitors.json`, [monitor]),
    ],
    add: [
      ["plugin", "marketplace", "add", folder],
      ["plugin", "install", "--scope", "local", named],
    ],
    remove: [
      ["plugin", "uninstall", "--scope", "local", named],
      ["plugin", "marketplace", "remove", market],
    ],
    changes: [
      join(dirname(plugins), "settings.json"),
      join(project, ".claude", "settings.local.json"),
      join(plugins, "known_marketplaces.json"),
      join(plugins, "installed_plugins.json"),
      ...copies,
    ],
    copies,
  };
}

import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { expandHome } from "./home-path.ts";

/** Another process on this machine that runs an Entmoot daemon. Keys as `env -json` prints them; never its argv. */
export interface DaemonProcess {
  readonly pid: number;
  readonly binary?: string;
  readonly data_dir?: string;
  readonly identity_path?: string;
  readonly pilot_socket?: string;
  readonly control_socket?: string;
  /** The control socket as seen through the process's own mount namespace. */
  readonly control_socket_via_pid?: string;
  readonly mount_namespace?: string;
  readonly net_namespace?: string;
  readonly subcommand?: string;
  readonly container_like?: boolean;
}

/** Global flags that take the next argument, so its value is not mistaken for the subcommand. */
const VALUE_FLAGS = new Set([
  "data",
  "identity",
  "socket",
  "listen-port",
  "log-level",
  "pilot-wait-timeout",
  "pilot-wait-base-delay",
  "pilot-wait-max-delay",
  "transport",
  "relay",
  "iroh-port",
  "iroh-bind",
  "lan",
]);
const DAEMON_COMMANDS = new Set(["serve", "join", "up"]);
/** Ours. Linux caps one argument at 128 KiB; a daemon's whole line, and its environment, are far shorter. */
const STRINGS_MAX = 256 * 1024;

/** Where to look and what counts as ours. `procRoot` is `/proc` except in tests. */
export interface DaemonSearch {
  readonly procRoot: string;
  readonly home: string;
  readonly dataDir: string;
  readonly selfPid: number;
}

/** The first daemon for `dataDir`; `undefined` when none is visible, and always on systems without `/proc`. */
export function findDaemonProcess(search: DaemonSearch): DaemonProcess | undefined {
  let entries: string[];
  try {
    entries = readdirSync(search.procRoot);
  } catch {
    return undefined;
  }
  const pids = entries.filter((entry) => /^[1-9]\d*$/.test(entry)).map(Number);
  for (const pid of pids.sort((a, b) => a - b)) {
    if (pid === search.selfPid) continue;
    const daemon = describe(pid, search);
    if (daemon?.data_dir === search.dataDir) return daemon;
  }
  return undefined;
}

function describe(pid: number, { procRoot, home }: DaemonSearch): DaemonProcess | undefined {
  const dir = join(procRoot, String(pid));
  const argv = readStrings(join(dir, "cmdline"));
  const binary = argv[0];
  if (binary === undefined || !["entmootd", "entmoot"].includes(basename(binary))) return undefined;
  const { flags, subcommand } = readDaemonFlags(argv.slice(1));
  if (subcommand === undefined || !DAEMON_COMMANDS.has(subcommand)) return undefined;

  const cwd = link(join(dir, "cwd")) ?? "/";
  const env = readStrings(join(dir, "environ"));
  const place = (text: string) => resolve(cwd, expandHome(text, variable(env, "HOME") ?? home));
  const dataDir = place(flags.data ?? variable(env, "ENTMOOT_DATA") ?? "~/.entmoot");
  const controlSocket = join(dataDir, "control.sock");
  const viaPid = `${dir}/root${controlSocket}`;
  const mount = link(join(dir, "ns/mnt"));
  const net = link(join(dir, "ns/net"));
  return {
    pid,
    binary,
    data_dir: dataDir,
    identity_path: flags.identity === undefined ? join(dataDir, "identity.json") : place(flags.identity),
    pilot_socket: place(flags.socket ?? "/tmp/pilot.sock"),
    control_socket: controlSocket,
    ...(existsSync(viaPid) ? { control_socket_via_pid: viaPid } : {}),
    ...(mount === undefined ? {} : { mount_namespace: mount }),
    ...(net === undefined ? {} : { net_namespace: net }),
    subcommand,
    ...(existsSync(join(dir, "root/.dockerenv")) ? { container_like: true } : {}),
  };
}

/** Global flags may stand on either side of the subcommand; a repeated one counts last. */
function readDaemonFlags(args: readonly string[]): { flags: Record<string, string>; subcommand: string | undefined } {
  const flags: Record<string, string> = {};
  let subcommand: string | undefined;
  for (let at = 0; at < args.length; at++) {
    const arg = args[at]!;
    if (arg === "--") break;
    const match = /^--?([^-=][^=]*)(?:=(.*))?$/s.exec(arg);
    if (match === null) {
      subcommand ??= arg;
      continue;
    }
    const [, name, value] = match;
    if (!VALUE_FLAGS.has(name!)) continue;
    const given = value ?? args[++at];
    if (given !== undefined) flags[name!] = given;
  }
  return { flags, subcommand };
}

/** What a process set this variable to when it began; an empty one counts as none. */
function variable(env: readonly string[], name: string): string | undefined {
  return env.find((entry) => entry.startsWith(`${name}=`))?.slice(name.length + 1) || undefined;
}

/** A command line or an environment; nothing of it where it cannot be read. */
function readStrings(path: string): string[] {
  try {
    const bytes = readFileSync(path);
    if (bytes.length === 0 || bytes.length > STRINGS_MAX) return [];
    return bytes.toString("utf8").replace(/\0$/, "").split("\0");
  } catch {
    return []; // The process ended, or is not ours to look at.
  }
}

function link(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

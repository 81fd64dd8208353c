import { existsSync, readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { basename, isAbsolute, join, resolve } from "node:path";
import { expandHome } from "./home-path.ts";
import { START_FOLDER } from "./start-folder.ts";

/** Another process on this machine that runs an Entmoot daemon. Keys as `env -json` prints them; never its argv. */
export interface DaemonProcess {
  readonly pid: number;
  readonly uid?: number;
  /** Somebody stopped it (SIGSTOP, or Ctrl-Z): it accepts connections and does nothing. */
  readonly stopped?: boolean;
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

/** Flags that take the next argument, so its value is not mistaken for the subcommand. */
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
  "agent-socket",
  "hostname",
  "group",
  "moot",
  "timeout",
]);
const DAEMON_COMMANDS = new Set(["serve", "join", "up"]);
/** Ours. Linux caps one argument at 128 KiB; a daemon's whole line, and its environment, are far shorter. */
const STRINGS_MAX = 256 * 1024;

/** Ours. A machine of many users may run more; who reads this looks for one, most likely the one started last. */
const LISTED_MAX = 8;

/** Where to look and what counts as ours. `procRoot` is `/proc` except in tests. */
export interface DaemonSearch {
  readonly procRoot: string;
  readonly home: string;
  readonly dataDir: string;
  readonly selfPid: number;
}

/** What can be seen of daemons from here. */
export interface DaemonsSeen {
  /** The first daemon of this data root. */
  readonly ours: DaemonProcess | undefined;
  /** Daemons of which it cannot be told whose data root they serve: another user's environment is not shown. */
  readonly unknown: readonly UnknownDaemon[];
  /** Daemons of other data roots that are this user's too, or anybody's where root asks. */
  readonly others: readonly DaemonElsewhere[];
}

/** A daemon of another data root. */
export interface DaemonElsewhere {
  readonly pid: number;
  readonly data_dir: string;
}

/** A daemon whose data root cannot be told. */
export interface UnknownDaemon {
  readonly pid: number;
  readonly uid?: number;
}

/**
 * Looks for the daemon of `dataDir`. A process is judged by its own arguments, environment, folder, user and mount
 * namespace and never by ours. Nothing is seen on systems without `/proc`.
 */
export function findDaemons(search: DaemonSearch): DaemonsSeen {
  let entries: string[];
  try {
    entries = readdirSync(search.procRoot);
  } catch {
    return { ours: undefined, unknown: [], others: [] };
  }
  const pids = entries.filter((entry) => /^[1-9]\d*$/.test(entry)).map(Number);
  const unknown: UnknownDaemon[] = [];
  const others: DaemonElsewhere[] = [];
  for (const pid of pids.sort((a, b) => a - b)) {
    if (pid === search.selfPid) continue;
    const daemon = describe(pid, search);
    if (daemon === undefined) continue;
    const isOurs = daemon.data_dir === undefined ? undefined : isSameRoot(daemon.data_dir, pid, search);
    if (isOurs === true) return { ours: daemon, unknown: [], others: [] };
    if (isOurs === undefined) unknown.push(withUid(pid, daemon.uid));
    if (isOurs === false && mayUse(daemon)) others.push({ pid, data_dir: daemon.data_dir! });
  }
  return { ours: undefined, unknown: startedLast(unknown, search), others: startedLast(others, search) };
}

/** The latest, in the order in which they were started, the last one first; by number where that is not told. */
function startedLast<Seen extends { readonly pid: number }>(seen: readonly Seen[], { procRoot }: DaemonSearch): Seen[] {
  const starts = new Map(seen.map(({ pid }) => [pid, startedAt(join(procRoot, String(pid), "stat"))]));
  return seen.toSorted((a, b) => starts.get(b.pid)! - starts.get(a.pid)!).slice(0, LISTED_MAX);
}

/** Ticks since the machine was started. */
function startedAt(path: string): number {
  try {
    return Number(readFileSync(path, "latin1").split(") ").at(-1)!.split(" ")[19] ?? 0);
  } catch {
    return 0; // It has ended.
  }
}

/** Somebody else's is of no use to who looks for theirs. */
function mayUse({ uid }: DaemonProcess): boolean {
  const self = process.getuid?.();
  return self === 0 || uid === self;
}

/** Every daemon that is seen, whatever data root it serves, by number. */
export function allDaemons(search: DaemonSearch): DaemonProcess[] {
  try {
    const pids = readdirSync(search.procRoot).filter((entry) => /^[1-9]\d*$/.test(entry));
    const others = pids.map(Number).filter((pid) => pid !== search.selfPid);
    return others.sort((a, b) => a - b).flatMap((pid) => describe(pid, search) ?? []);
  } catch {
    return [];
  }
}

/** Whether the path leads the process to what it leads us to; `undefined` when that cannot be told. */
function isSameRoot(dataDir: string, pid: number, search: DaemonSearch): boolean | undefined {
  if (dataDir !== search.dataDir) return false;
  const theirs = link(join(search.procRoot, String(pid), "ns/mnt"));
  const own = link(join(search.procRoot, "self/ns/mnt"));
  // Which files another user's process sees is not shown; the same name may be another folder there.
  if (theirs === undefined) return own === undefined ? true : undefined;
  if (own === undefined || theirs === own) return true;
  const [here, there] = [search.dataDir, join(search.procRoot, String(pid), "root", dataDir)].map(folderAt);
  // Only there: it is the one that is meant, and cannot be reached from here.
  return here === undefined || there === undefined ? there !== undefined : here === there;
}

function folderAt(path: string): string | undefined {
  try {
    const { dev, ino } = statSync(path, { bigint: true });
    return `${dev} ${ino}`;
  } catch {
    return undefined;
  }
}

function withUid(pid: number, uid: number | undefined): UnknownDaemon {
  return { pid, ...(uid === undefined ? {} : { uid }) };
}

/** Without a data root where it cannot be told. */
function describe(pid: number, { procRoot, home }: DaemonSearch): DaemonProcess | undefined {
  const dir = join(procRoot, String(pid));
  const argv = readStrings(join(dir, "cmdline")) ?? [];
  const binary = argv[0];
  if (binary === undefined || !["entmootd", "entmoot"].includes(basename(binary))) return undefined;
  const { flags, subcommand } = readDaemonFlags(argv.slice(1));
  if (subcommand === undefined || !DAEMON_COMMANDS.has(subcommand)) return undefined;

  const uid = ownerOf(dir);
  const env = readStrings(join(dir, "environ"));
  // A home that is not set is the user's, which is ours for our own user alone.
  const theirHome = variable(env, "HOME") ?? (env !== undefined && uid === process.getuid?.() ? home : undefined);
  const cwd = variable(env, START_FOLDER) ?? link(join(dir, "cwd"))?.replace(/ \(deleted\)$/, "");
  const place = (text: string) => placeOf(text, theirHome, cwd);
  const named = flags.data ?? (env === undefined ? undefined : (variable(env, "ENTMOOT_DATA") ?? "~/.entmoot"));
  const dataDir = named === undefined ? undefined : place(named);
  const known = { pid, ...(uid === undefined ? {} : { uid }), ...(isStopped(dir) ? { stopped: true } : {}), binary };
  if (dataDir === undefined) return { ...known, subcommand };
  const controlSocket = join(dataDir, "control.sock");
  const viaPid = `${dir}/root${controlSocket}`;
  const identity = flags.identity === undefined ? join(dataDir, "identity.json") : place(flags.identity);
  const pilot = place(flags.socket ?? "/tmp/pilot.sock");
  const mount = link(join(dir, "ns/mnt"));
  const net = link(join(dir, "ns/net"));
  return {
    ...known,
    data_dir: dataDir,
    ...(identity === undefined ? {} : { identity_path: identity }),
    ...(pilot === undefined ? {} : { pilot_socket: pilot }),
    control_socket: controlSocket,
    ...(existsSync(viaPid) ? { control_socket_via_pid: viaPid } : {}),
    ...(mount === undefined ? {} : { mount_namespace: mount }),
    ...(net === undefined ? {} : { net_namespace: net }),
    subcommand,
    ...(existsSync(join(dir, "root/.dockerenv")) ? { container_like: true } : {}),
  };
}

/** Absolute; `undefined` where it depends on what is not shown. */
function placeOf(text: string, home: string | undefined, cwd: string | undefined): string | undefined {
  if (isAbsolute(text)) return resolve(text);
  if (text === "~" || text.startsWith("~/")) return home === undefined ? undefined : resolve(expandHome(text, home));
  return cwd === undefined ? undefined : resolve(cwd, text);
}

function ownerOf(dir: string): number | undefined {
  return statSync(dir, { throwIfNoEntry: false })?.uid;
}

/** Its name stands in brackets and may hold any. */
function isStopped(dir: string): boolean {
  try {
    return /^\d+ \(.*\) [Tt] /s.test(readFileSync(join(dir, "stat"), "latin1"));
  } catch {
    return false;
  }
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
function variable(env: readonly string[] | undefined, name: string): string | undefined {
  return env?.find((entry) => entry.startsWith(`${name}=`))?.slice(name.length + 1) || undefined;
}

/** A command line or an environment; `undefined` where it cannot be read. */
function readStrings(path: string): string[] | undefined {
  try {
    const bytes = readFileSync(path);
    if (bytes.length > STRINGS_MAX) return undefined;
    if (bytes.length === 0) return [];
    return bytes.toString("utf8").replace(/\0$/, "").split("\0");
  } catch {
    return undefined; // The process ended, or is not ours to look at.
  }
}

function link(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

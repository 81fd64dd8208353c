import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** Why a text must not go to what reads a terminal now. */
export interface WrongReader {
  /** As its command line names it. */
  readonly name: string;
  /** `commands`: it would run what it reads, or hand it to who knows whom. `other`: it is not what was attached. */
  readonly kind: "commands" | "other";
  /** It is what was attached itself, so that waiting changes nothing. */
  readonly isAttached: boolean;
}

/** Ours. More processes than a machine of ours is looked through for. */
const PROCESSES_MAX = 4096;

/** Each runs what it reads when it is given no script. */
const SHELLS = /^-?(?:sh|bash|dash|zsh|fish|[mp]?d?ksh(?:93)?|ash|t?csh|nu|xonsh|elvish|yash|busybox|pwsh|powershell)$/;
const INTERPRETERS = /^(?:python[\d.]*|pypy[\d.]*|node|nodejs|bun|deno|ruby|perl|php|lua[\d.]*|tclsh|guile)$/;
/** Given a script or not, these read commands. */
const PROMPTS =
  /^(?:i?python3?-?repl|ipython3?|irb|ghci|r|julia|psql|mysql|mariadb|sqlite3?|redis-cli|mongo(?:sh)?|bc|dc|gdb|lldb|ftp|sftp|at|make-repl|jshell|scala|clj|iex|erl)$/;
/** Behind these reads somebody who cannot be seen from here. */
const GATES =
  /^(?:ssh|mosh(?:-client)?|telnet|nc|ncat|socat|tmux(?::.*)?|screen|zellij|su|sudo|doas|runuser|docker|podman|nerdctl|kubectl|lxc|machinectl|nsenter|chroot|unshare|script|expect|dtach|abduco)$/;
/** A key is a command to these. */
const EDITORS =
  /^(?:ex|vi|vim|nvim|view|vimdiff|nano|pico|emacs|emacsclient|hx|helix|kak|micro|joe|mcedit|ed|less|more|most|man|mc|htop|top|lazygit|tig|fzf)$/;

/** Whether a program of this command line would run a text typed to it, or its reader cannot be told. */
export function readsCommands(argv: readonly string[]): boolean {
  const [first = "", ...args] = argv;
  const name = baseName(first);
  if (PROMPTS.test(name) || GATES.test(name)) return true;
  if (SHELLS.test(name))
    return !hasScript(args, /^-[a-zA-Z]*c/, /^(?:-[oO]|--rcfile|--init-file)$/) || args.includes("-s");
  if (!INTERPRETERS.test(name)) return false;
  if (args.some((arg) => /^(?:-i|--interactive)$/.test(arg)) || args[0] === "repl") return true;
  return !hasScript(args, /^(?:-[a-zA-Z]*[cemp]$|-[cemp]\S|--eval|--print)/, /^-[WXIrl]$/);
}

/** What reads the terminal at `path` beside or in place of the program attached, whose process is the session's leader. */
export function wrongReader(
  leader: number,
  argv: readonly string[],
  path: string | undefined,
): WrongReader | undefined {
  if (readsCommands(argv)) return { name: baseName(argv[0] ?? ""), kind: "commands", isAttached: true };
  if (path === undefined) return undefined;
  const foreground = foregroundOf(leader);
  if (foreground === undefined) return undefined;
  if (foreground !== leader) {
    return { name: nameOf(foreground), kind: "other", isAttached: false };
  }
  for (const pid of processes()) {
    const stat = statOf(pid);
    if (stat?.group !== foreground || stat.session !== leader || !readsFrom(pid, path)) continue;
    const its = commandLine(pid);
    const name = baseName(its[0] ?? "");
    if (readsCommands(its)) return { name, kind: "commands", isAttached: pid === leader };
    if (pid !== leader && EDITORS.test(name)) return { name, kind: "other", isAttached: false };
  }
  return undefined;
}

/** The process group in front of the terminal of a session; `undefined` where the system does not say. */
export function foregroundOf(leader: number): number | undefined {
  const foreground = statOf(leader)?.foreground;
  return foreground === undefined || foreground <= 0 ? undefined : foreground;
}

/** Whether this process, or one in front of its terminal, has been stopped. */
export function isStopped(leader: number): boolean {
  const stat = statOf(leader);
  return stat?.state === "T" || (stat !== undefined && statOf(stat.foreground)?.state === "T");
}

interface ProcessStat {
  readonly state: string;
  readonly group: number;
  readonly session: number;
  readonly foreground: number;
}

function statOf(pid: number): ProcessStat | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name of the program, in brackets, may hold anything.
    const [state = "", , group, session, , foreground] = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return { state, group: Number(group), session: Number(session), foreground: Number(foreground) };
  } catch {
    return undefined;
  }
}

function processes(): number[] {
  try {
    const found = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
    return found.slice(-PROCESSES_MAX).map(Number);
  } catch {
    return [];
  }
}

/** Where that may not be looked at, it does. */
function readsFrom(pid: number, path: string): boolean {
  try {
    return readlinkSync(`/proc/${pid}/fd/0`) === path;
  } catch {
    return true;
  }
}

function commandLine(pid: number): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").slice(0, -1);
  } catch {
    return [];
  }
}

function nameOf(pid: number): string {
  return baseName(commandLine(pid)[0] ?? "") || "another program";
}

/** Whether a file or words to run are among the arguments. */
function hasScript(args: readonly string[], words: RegExp, takesNext: RegExp): boolean {
  for (let at = 0; at < args.length; at++) {
    const arg = args[at]!;
    if (words.test(arg)) return true;
    if (takesNext.test(arg)) at++;
    else if (arg === "--") return at + 1 < args.length;
    else if (!/^[-+]./.test(arg)) return arg !== "-";
  }
  return false;
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1).toLowerCase();
}

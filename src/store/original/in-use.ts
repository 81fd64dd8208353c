import { readdirSync, readFileSync, readlinkSync, realpathSync, type Stats, statSync } from "node:fs";
import { join } from "node:path";
import { groupOfDirectory } from "../group-directory.ts";
import { ORIGINAL_MESSAGES } from "./original-files.ts";
import { METADATA_DATABASE } from "./original-side-files.ts";
import { OWN_MARK } from "./own-mark.ts";

/** Another process that has a database of the original open. */
export interface OriginalUser {
  readonly pid: number;
  /** What the system calls it; empty when it does not say. */
  readonly name: string;
  readonly path: string;
}

/**
 * Who has a database of the original open below the data root `root`: its daemon from its first moments on, long before
 * it listens, and its other commands; not who has our mark open, which is an HTTP service of this program. By the locks that SQLite keeps on a database with a log while it is open, as
 * Linux lists them; elsewhere nobody is found.
 */
export function usersOfOriginal(root: string, procRoot = "/proc"): OriginalUser[] {
  const files = new Map<string, { path: string; device: string }>();
  for (const path of databasesOf(root)) {
    const stat = statOf(path);
    if (stat?.isFile()) files.set(`${stat.ino}`, { path, device: deviceOf(stat.dev) });
  }
  const users: OriginalUser[] = [];
  for (const { pid, device, inode } of files.size === 0 ? [] : locks(procRoot)) {
    const file = files.get(inode);
    if (file === undefined || pid === process.pid || users.some((user) => user.pid === pid)) continue;
    const isOurs = hasOpen(procRoot, pid, join(root, OWN_MARK)) === true;
    if (!isOurs && (hasOpen(procRoot, pid, file.path) ?? device === file.device)) {
      users.push({ pid, name: textOf(join(procRoot, `${pid}`, "comm")).trim(), path: file.path });
    }
  }
  return users;
}

/** `undefined` where it is not there or not for us to see, which opening the group tells better. */
function statOf(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}

function databasesOf(root: string): string[] {
  const shared = [join(root, METADATA_DATABASE)];
  const groups = join(root, "groups");
  let names: string[] = [];
  try {
    names = readdirSync(groups).filter((name) => groupOfDirectory(name) !== undefined);
  } catch {
    // None yet, or not for us to read, which opening the root tells better.
  }
  return [...shared, ...names.map((name) => join(groups, name, ORIGINAL_MESSAGES))];
}

/** `1: POSIX  ADVISORY  READ 23367 fe:00:10036707 1073741826 1073742335` */
const LOCK = /^\d+: \S+ +\S+ +\S+ +(\d+) ([0-9a-f]+:[0-9a-f]+):(\d+) /;

function locks(procRoot: string): { pid: number; device: string; inode: string }[] {
  return textOf(join(procRoot, "locks"))
    .split("\n")
    .flatMap((line) => {
      const [, pid, device, inode] = LOCK.exec(line) ?? [];
      return pid === undefined ? [] : [{ pid: Number(pid), device: device!, inode: inode! }];
    });
}

/** Whether the process has the file open; `undefined` when that cannot be seen. A number alone may be another disk's file. */
function hasOpen(procRoot: string, pid: number, path: string): boolean | undefined {
  const folder = join(procRoot, `${pid}`, "fd");
  try {
    const real = realpathSync(path);
    return readdirSync(folder).some((fd) => {
      try {
        return readlinkSync(join(folder, fd)) === real;
      } catch {
        return false;
      }
    });
  } catch {
    return undefined;
  }
}

/** As the list of locks writes it. */
function deviceOf(device: number): string {
  const major = (device >>> 8) & 0xfff;
  const minor = (device & 0xff) | ((device >>> 12) & 0xfff00);
  return `${major.toString(16).padStart(2, "0")}:${minor.toString(16).padStart(2, "0")}`;
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

import { readdirSync, readlinkSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { allDaemons, type DaemonSearch } from "./daemon-processes.ts";

/** The file that a daemon holds open as long as it runs, in its data root. */
const LOCK_FILE = "node.lock";
/** What the system appends to the name of a file that is gone. */
const GONE = " (deleted)";

/** A daemon whose data root was moved or removed while it runs: it is reached at neither place. */
export interface StrayDaemon {
  readonly pid: number;
  /** The data root as it was started with. */
  readonly formerly: string;
  /** Where its data root is now; absent when it was removed. */
  readonly now?: string;
}

/**
 * A daemon whose data root was moved to `dataDir`, or was there when it started and is no more. It is told by the lock that
 * it holds open, so one that is only about to start is none. Nothing is seen without `/proc`, nor of another user.
 */
export function findStrayDaemon(search: DaemonSearch): StrayDaemon | undefined {
  const here = fileAt(join(search.dataDir, LOCK_FILE));
  for (const { pid, data_dir } of allDaemons(search)) {
    const held = data_dir === undefined ? undefined : heldLock(join(search.procRoot, String(pid)));
    if (data_dir === undefined || held === undefined) continue;
    if (fileAt(join(search.procRoot, String(pid), "root", data_dir, LOCK_FILE)) === held.file) continue;
    if (held.file !== here && data_dir !== search.dataDir) continue;
    const now = held.file === here ? search.dataDir : held.folder;
    return { pid, formerly: data_dir, ...(now === undefined ? {} : { now }) };
  }
  return undefined;
}

/** The lock that the process has open, and its folder while it stands there. */
function heldLock(dir: string): { readonly file: string; readonly folder: string | undefined } | undefined {
  try {
    for (const descriptor of readdirSync(join(dir, "fd"))) {
      const path = readlinkSync(join(dir, "fd", descriptor));
      const name = basename(path);
      if (name !== LOCK_FILE && name !== LOCK_FILE + GONE) continue;
      const file = fileAt(join(dir, "fd", descriptor));
      if (file !== undefined) return { file, folder: name === LOCK_FILE ? dirname(path) : undefined };
    }
  } catch {
    // It ended, or is not ours to look at.
  }
  return undefined;
}

function fileAt(path: string): string | undefined {
  try {
    const { dev, ino } = statSync(path, { bigint: true });
    return `${dev} ${ino}`;
  } catch {
    return undefined;
  }
}

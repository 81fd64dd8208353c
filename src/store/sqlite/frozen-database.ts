import { constants, Database } from "bun:sqlite";
import { accessSync, copyFileSync, constants as fs, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { EntmootError } from "../../core/errors.ts";
import { type ConnectOptions, setUp } from "./sqlite-connection.ts";

/** Ours. Copies tried before the file counts as one that somebody writes. */
const COPIES_MAX = 5;

/** A connection to a database that cannot be written where it is. */
export interface Frozen {
  readonly db: Database;
  /** It is another file than the one that was asked for. */
  readonly isCopy: boolean;
  /** Removes what was made for it, once the connection is closed. */
  readonly forget: () => void;
}

/**
 * Opens for reading what this process may not write, as a backup: SQLite wants to make files beside a database with a log.
 * One without a log and of today's shape is read where it is, any other from a copy in the temporary folder. Throws
 * SQLite's and the system's errors, and `unavailable` where somebody else writes it all the time.
 */
export function openFrozen(path: string, options: ConnectOptions): Frozen {
  if (!hasLog(path)) {
    const name = `${pathToFileURL(path).href}?immutable=1`;
    const db = new Database(name, constants.SQLITE_OPEN_READONLY | constants.SQLITE_OPEN_URI);
    if (Number(db.query("PRAGMA user_version").values()[0]?.[0]) >= options.migrations.length) {
      // Says so where it is of a later shape, and changes nothing.
      setUp(db, path, { ...options, isFrozen: true });
      return { db, isCopy: false, forget() {} };
    }
    db.close();
  }
  const folder = mkdtempSync(join(tmpdir(), "entmoot-read-"));
  const forget = () => rmSync(folder, { recursive: true, force: true });
  let db: Database | undefined;
  try {
    const copy = join(folder, basename(path));
    copyQuietly(path, copy);
    db = new Database(copy, { readwrite: true, strict: true });
    setUp(db, path, options);
    return { db, isCopy: true, forget };
  } catch (error) {
    db?.close();
    forget();
    throw error;
  }
}

/** Whether this process may read the file, and may not write it or beside it. */
export function isOnlyReadable(path: string): boolean {
  try {
    accessSync(path, fs.R_OK);
  } catch {
    return false;
  }
  try {
    accessSync(path, fs.W_OK);
    accessSync(dirname(path), fs.W_OK);
    return false;
  } catch {
    return true;
  }
}

/** Whether there is anything to read: a database that is only being made holds nothing. */
export function holdsAnything(path: string): boolean {
  return (statSync(path, { throwIfNoEntry: false })?.size ?? 0) > 0 || hasLog(path);
}

function hasLog(path: string): boolean {
  return (statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0) > 0;
}

/** Copies database and log so that both are of one instant: neither changed from before to after. */
function copyQuietly(path: string, copy: string): void {
  for (let attempt = 1; attempt <= COPIES_MAX; attempt++) {
    const before = fingerprint(path);
    for (const suffix of ["", "-wal"]) {
      rmSync(copy + suffix, { force: true });
      if (suffix === "" || hasLog(path)) copyFileSync(path + suffix, copy + suffix, fs.COPYFILE_FICLONE);
    }
    if (fingerprint(path) === before) return;
  }
  throw new EntmootError("unavailable", `${path}: changes while it is read; ask as the user whose daemon writes it`);
}

function fingerprint(path: string): string {
  const parts = [path, `${path}-wal`].map((file) => {
    const found = statSync(file, { throwIfNoEntry: false, bigint: true });
    return found === undefined ? "none" : `${found.ino}:${found.size}:${found.mtimeNs}`;
  });
  return parts.join(" ");
}

import { Database, SQLiteError } from "bun:sqlite";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { instantText } from "../core/amounts.ts";
import type { UnixMs } from "../core/clock.ts";
import { EntmootError, type ErrorCode } from "../core/errors.ts";
import { removeFile, replaceFile, requireOwnDatabase } from "../files/guarded-files.ts";
import { readTextAtMost } from "../files/read-at-most.ts";
import { createPrivateFile, fileFailure, PRIVATE_FILE, requireFile } from "./private-files.ts";
import { isSeenFrom, processPlace } from "./process-place.ts";
import { SameFile } from "./same-file.ts";
import { sqliteFailure } from "./sqlite/sqlite-failure.ts";

const LOCK_FILE = "node.lock";
/** Who holds the lock, for people. The lock itself is what counts; this file may outlive it. */
const HOLDER_FILE = "node.pid";

/** Ours. Someone who only asks has the lock for an instant; longer than that it is a holder's. */
const ASKING_MS = 200;

/** What asking for a lock that nobody holds may end in. */
const NOBODYS: readonly ErrorCode[] = ["data_root_invalid", "disk_full"];

/** Who holds the lock, as far as it is known. */
export interface LockHolder {
  /** Absent too where it is the number of a process of another container or machine, whose numbers mean others here. */
  readonly pid?: number;
  /** Unix milliseconds. */
  readonly sinceMs?: number;
  /** It is no process of this machine or container. */
  readonly isElsewhere?: true;
}

/** Ours. The machine and the pid namespace in few characters; more is not ours. */
const PLACE_MAX = 256;
/** Ours. What is written has some 150 bytes. */
const HOLDER_BYTES_MAX = 4_096;

/**
 * Held by the one daemon that may write a data root. It is SQLite's lock on `node.lock`, so the
 * kernel lets go of it however the process ends, and no stale lock can be left behind.
 */
export class DataRootLock implements Disposable {
  readonly #root: string;
  readonly #lock: FileLock;
  readonly #file: SameFile | undefined;

  private constructor(root: string, lock: FileLock) {
    this.#root = root;
    this.#lock = lock;
    this.#file = SameFile.at(join(root, LOCK_FILE));
  }

  /** Why it keeps nobody out any more; `undefined` while it does. */
  look(): EntmootError | undefined {
    return this.#file?.look();
  }

  /**
   * Takes the lock of the data root at `path`, which must exist, for this process. Throws `already_running` naming
   * the process that has it, `data_root_invalid` or `disk_full`.
   */
  static acquire(path: string, nowMs: UnixMs): DataRootLock {
    const root = resolve(path);
    const lock = FileLock.tryAcquire(join(root, LOCK_FILE), ASKING_MS);
    if (!lock) throw alreadyRunning(root);
    try {
      writeHolder(root, nowMs);
    } catch (error) {
      lock[Symbol.dispose]();
      throw error;
    }
    return new DataRootLock(root, lock);
  }

  /** Who holds the lock of the data root at `path`: `undefined` when nobody does. Creates nothing. */
  static holder(path: string): LockHolder | undefined {
    const root = resolve(path);
    const file = join(root, LOCK_FILE);
    if (!existsSync(file)) return undefined;
    let lock: FileLock | undefined;
    try {
      lock = FileLock.tryAcquire(file, 0);
    } catch (error) {
      // In a data root that cannot be written, as a backup or on a full disk, nobody holds it: it is taken before anything else.
      if (error instanceof EntmootError && NOBODYS.includes(error.code)) return undefined;
      throw error;
    }
    if (!lock) return readHolder(root) ?? {};
    lock[Symbol.dispose]();
    return undefined;
  }

  [Symbol.dispose](): void {
    removeHolder(this.#root);
    this.#lock[Symbol.dispose]();
  }
}

/** An exclusive lock on a file of its own, between processes and within one; the kernel releases it with its process. */
export class FileLock implements Disposable {
  readonly #db: Database;

  private constructor(db: Database) {
    this.#db = db;
  }

  /** Makes the file if needed. `undefined` when another still holds it after `waitMs`. */
  static tryAcquire(path: string, waitMs: number): FileLock | undefined {
    const file = resolve(path);
    requireFile(file);
    if (!existsSync(file)) createPrivateFile(file);
    let db: Database | undefined;
    try {
      db = new Database(requireOwnDatabase(file), { readwrite: true, strict: true });
      db.run(`PRAGMA busy_timeout = ${Math.max(0, Math.floor(waitMs))}`);
      // The journal of a transaction is a file; in memory, the lock can be had on a full disk too.
      db.run("PRAGMA journal_mode = MEMORY");
      // Never committed: nothing is ever written, the transaction only is the lock.
      db.run("BEGIN EXCLUSIVE");
      return new FileLock(db);
    } catch (error) {
      db?.close();
      if (error instanceof SQLiteError && error.code?.startsWith("SQLITE_BUSY")) return undefined;
      throw sqliteFailure(error, file);
    }
  }

  [Symbol.dispose](): void {
    this.#db.close(true);
  }
}

/** The holder for people, as a sentence's subject. */
export function holderName({ isElsewhere, pid }: LockHolder): string {
  if (pid !== undefined) return `process ${pid}`;
  return isElsewhere ? "a process of another container or machine" : "another process";
}

function alreadyRunning(root: string): EntmootError {
  const holder = readHolder(root) ?? {};
  const since = holder.sinceMs === undefined ? "" : ` since ${instantText(holder.sinceMs)}`;
  return new EntmootError(
    "already_running",
    `data root ${root} is in use by ${holderName(holder)}${since}; stop it first`,
  );
}

/** On a full disk the lock is held all the same; then there is at most no telling by whom. */
function writeHolder(root: string, nowMs: UnixMs): void {
  const file = join(root, HOLDER_FILE);
  const text = `${JSON.stringify({ pid: process.pid, since_ms: nowMs, place: processPlace() })}\n`;
  const write = () => {
    try {
      replaceFile(file, text, { mode: PRIVATE_FILE });
      return undefined;
    } catch (error) {
      return fileFailure(error, file);
    }
  };
  const refused = write();
  if (refused === undefined) return;
  if (!isNoRoom(refused)) throw refused;
  // It names somebody who is gone, and stands where the new one fits.
  removeHolder(root);
  if (write() !== undefined) removeHolder(root);
}

function isNoRoom(failure: unknown): boolean {
  return failure instanceof EntmootError && failure.code === "disk_full";
}

function removeHolder(root: string): void {
  removeFile(join(root, HOLDER_FILE));
}

function readHolder(root: string): LockHolder | undefined {
  const file = join(root, HOLDER_FILE);
  try {
    const { pid, place, since_ms } = JSON.parse(readTextAtMost(file, HOLDER_BYTES_MAX)!) as Record<string, unknown>;
    if (!Number.isSafeInteger(pid) || !Number.isSafeInteger(since_ms)) return undefined;
    const sinceMs = since_ms as number;
    const isElsewhere = typeof place === "string" && place.length <= PLACE_MAX && !isSeenFrom(place);
    return isElsewhere ? { isElsewhere, sinceMs } : { pid: pid as number, sinceMs };
  } catch {
    // Missing, cut short or not ours: the lock is held all the same.
    return undefined;
  }
}

import { Database, SQLiteError } from "bun:sqlite";
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { UnixMs } from "../core/clock.ts";
import { EntmootError } from "../core/errors.ts";
import { removeFile, replaceFile, requireOwnDatabase } from "../files/guarded-files.ts";
import { createPrivateFile, fileFailure, PRIVATE_FILE } from "./private-files.ts";
import { sqliteFailure } from "./sqlite/sqlite-failure.ts";

const LOCK_FILE = "node.lock";
/** Who holds the lock, for people. The lock itself is what counts; this file may outlive it. */
const HOLDER_FILE = "node.pid";

/** Ours. Someone who only asks has the lock for an instant; longer than that it is a holder's. */
const ASKING_MS = 200;

export interface LockHolder {
  readonly pid: number;
  /** Unix milliseconds. */
  readonly sinceMs: number;
}

/**
 * Held by the one daemon that may write a data root. It is SQLite's lock on `node.lock`, so the
 * kernel lets go of it however the process ends, and no stale lock can be left behind.
 */
export class DataRootLock implements Disposable {
  readonly #root: string;
  readonly #lock: FileLock;

  private constructor(root: string, lock: FileLock) {
    this.#root = root;
    this.#lock = lock;
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
      writeHolder(root, { pid: process.pid, sinceMs: nowMs });
    } catch (error) {
      lock[Symbol.dispose]();
      throw error;
    }
    return new DataRootLock(root, lock);
  }

  /** Who holds the lock of the data root at `path`: `undefined` when nobody does. Creates nothing. */
  static holder(path: string): Partial<LockHolder> | undefined {
    const root = resolve(path);
    const file = join(root, LOCK_FILE);
    if (!existsSync(file)) return undefined;
    let lock: FileLock | undefined;
    try {
      lock = FileLock.tryAcquire(file, 0);
    } catch (error) {
      // In a data root that cannot be written, as a backup, there is nobody who could hold it.
      if (error instanceof EntmootError && error.code === "data_root_invalid") return undefined;
      throw error;
    }
    if (!lock) return readHolder(root) ?? {};
    lock[Symbol.dispose]();
    return undefined;
  }

  [Symbol.dispose](): void {
    removeFile(join(this.#root, HOLDER_FILE));
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
    if (!existsSync(file)) createPrivateFile(file);
    let db: Database | undefined;
    try {
      db = new Database(requireOwnDatabase(file), { readwrite: true, strict: true });
      db.run(`PRAGMA busy_timeout = ${Math.max(0, Math.floor(waitMs))}`);
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

function alreadyRunning(root: string): EntmootError {
  const { pid, sinceMs } = readHolder(root) ?? {};
  const who = pid === undefined ? "another process" : `process ${pid}`;
  const since = sinceMs === undefined ? "" : ` since ${new Date(sinceMs).toISOString()}`;
  return new EntmootError("already_running", `data root ${root} is in use by ${who}${since}; stop it first`);
}

function writeHolder(root: string, holder: LockHolder): void {
  const file = join(root, HOLDER_FILE);
  try {
    replaceFile(file, `${JSON.stringify({ pid: holder.pid, since_ms: holder.sinceMs })}\n`, { mode: PRIVATE_FILE });
  } catch (error) {
    throw fileFailure(error, file);
  }
}

function readHolder(root: string): LockHolder | undefined {
  try {
    const { pid, since_ms } = JSON.parse(readFileSync(join(root, HOLDER_FILE), "utf8")) as Record<string, unknown>;
    if (!Number.isSafeInteger(pid) || !Number.isSafeInteger(since_ms)) return undefined;
    return { pid: pid as number, sinceMs: since_ms as number };
  } catch {
    // Missing, cut short or not ours: the lock is held all the same.
    return undefined;
  }
}

import { Database, SQLiteError, type Statement } from "bun:sqlite";
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { EntmootError } from "../../core/errors.ts";
import { createPrivateFile } from "../private-files.ts";

/** What a statement binds or gives. Integers come back as `number` unless the statement asks for `bigint`. */
export type SqlValue = null | number | bigint | string | Uint8Array;

/** One step of a database's shape; its number is its place in the list, from 1. Must be idempotent. */
export interface Migration {
  readonly about: string;
  readonly sql: string;
}

/** `read` never writes, apart from bringing an older database up to date. */
export type Access = "write" | "read";

interface OpenOptions {
  /** What errors call the file: `group database`. */
  readonly label: string;
  readonly migrations: readonly Migration[];
  readonly access: Access;
  /** `off` only for a file that is thrown away when its making is interrupted. */
  readonly durable?: boolean;
}

/** Ours. How long a statement waits for another process to finish its write. */
const BUSY_TIMEOUT_MS = 10_000;
/** Ours. A group's connection costs at most this much page cache; read-ahead is left to the system. */
const CACHE_KIB = 8192;
/**
 * Ours. Pages (of 4 KiB) in the WAL at which a commit also writes them into the file, which costs two more syncs; below
 * what is kept of the WAL. At SQLite's 1000 every large batch did, and wrote the same pages again and again.
 */
const CHECKPOINT_PAGES = 3500;
/** Ours. A WAL that grew past this in a burst is cut back at the next checkpoint. */
const WAL_KEPT_BYTES = 16 * 1024 * 1024;

/**
 * One SQLite database file, 0600, WAL, every commit fsynced. Failures are `EntmootError`s that name
 * the file: `disk_full` when there is no room, `unavailable` when another process holds it too
 * long, `data_root_invalid` when it is damaged, not ours or not writable, else `internal`.
 */
export class SqliteFile implements Disposable {
  readonly path: string;
  readonly access: Access;
  readonly #db: Database;
  readonly #begin: Statement;
  readonly #commit: Statement;
  readonly #version: Sql;
  #statements: Sql[] = [];
  #open = true;

  private constructor(path: string, db: Database, access: Access) {
    this.path = path;
    this.access = access;
    this.#db = db;
    this.#begin = db.prepare("BEGIN IMMEDIATE");
    this.#commit = db.prepare("COMMIT");
    this.#version = this.prepare("PRAGMA data_version");
  }

  /** Opens `path`, made if it is not there, and brings it up to date. */
  static open(path: string, { label, migrations, access, durable = true }: OpenOptions): SqliteFile {
    // Absolute: only a path that starts with `file:` would be read as a URI.
    const file = resolve(path);
    // A log left behind by a deleted database is thrown away by SQLite itself, because this one begins empty.
    if (!existsSync(file)) createPrivateFile(file);
    let db: Database | undefined;
    try {
      // `strict`: a misspelt parameter throws instead of binding NULL.
      db = new Database(file, { readwrite: true, strict: true });
      db.run(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
      if (durable) useWal(db);
      else db.run("PRAGMA journal_mode = MEMORY");
      db.run(`PRAGMA synchronous = ${durable ? "FULL" : "OFF"}`);
      // Where fsync alone leaves data in the drive's cache (macOS), go through to the medium; nothing elsewhere.
      db.run(`PRAGMA fullfsync = ${durable ? "ON" : "OFF"}`);
      db.run(`PRAGMA checkpoint_fullfsync = ${durable ? "ON" : "OFF"}`);
      db.run(`PRAGMA cache_size = -${CACHE_KIB}`);
      db.run(`PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
      db.run(`PRAGMA journal_size_limit = ${WAL_KEPT_BYTES}`);
      migrate(db, file, label, migrations);
      if (access === "read") db.run("PRAGMA query_only = ON");
      return new SqliteFile(file, db, access);
    } catch (error) {
      db?.close();
      throw sqliteFailure(error, file);
    }
  }

  /** A statement to run often. It is made when it first runs, so a group that is only looked at costs little. */
  prepare(sql: string, integers: "number" | "bigint" = "number"): Sql {
    const prepared = new Sql(this.path, () => {
      this.#requireOpen();
      const statement = this.#db.prepare(sql);
      if (integers === "bigint") statement.safeIntegers(true);
      return statement;
    });
    this.#statements.push(prepared);
    return prepared;
  }

  /** For statements that run once. */
  exec(sql: string): void {
    try {
      this.#db.run(sql);
    } catch (error) {
      throw sqliteFailure(error, this.path);
    }
  }

  /** Runs `work` in one write transaction; durable on return, without any trace when it throws. */
  transact<T>(work: () => T): T {
    if (this.access === "read") {
      throw new EntmootError("unavailable", `${this.path}: opened for reading; ask the running daemon to write`);
    }
    this.#requireOpen();
    try {
      this.#begin.run();
      const result = work();
      this.#commit.run();
      return result;
    } catch (error) {
      if (this.#db.inTransaction) this.#rollBack();
      throw sqliteFailure(error, this.path);
    }
  }

  /** Another number once another connection has committed; what this one commits leaves it as it is. */
  version(): number {
    return this.#version.row()![0] as number;
  }

  /** Runs reads that must agree with each other, whatever other processes commit meanwhile. */
  snapshot<T>(work: () => T): T {
    if (this.#db.inTransaction) return work();
    this.exec("BEGIN");
    try {
      return work();
    } finally {
      this.#rollBack();
    }
  }

  /** Closes the connection; the last one to close folds the WAL into the file. Safe to repeat. */
  [Symbol.dispose](): void {
    if (!this.#open) return;
    this.#open = false;
    for (const statement of this.#statements) statement.finalize();
    this.#statements = [];
    this.#begin.finalize();
    this.#commit.finalize();
    this.#db.close(true);
  }

  #requireOpen(): void {
    if (!this.#open) throw new EntmootError("internal", `${this.path}: used after it was closed`);
  }

  #rollBack(): void {
    try {
      this.#db.run("ROLLBACK");
    } catch {
      // SQLite has rolled back by itself, which it does on I/O errors; the first error tells more.
    }
  }
}

/** A prepared statement whose failures are `EntmootError`s. */
export class Sql {
  readonly #path: string;
  readonly #make: () => Statement;
  #statement: Statement | undefined;

  constructor(path: string, make: () => Statement) {
    this.#path = path;
    this.#make = make;
  }

  /** How many rows it changed, and the row number of the last insert. */
  run(...values: SqlValue[]): { readonly changes: number; readonly lastInsertRowid: number } {
    try {
      this.#statement ??= this.#make();
      const { changes, lastInsertRowid } = this.#statement.run(...values);
      return { changes, lastInsertRowid: Number(lastInsertRowid) };
    } catch (error) {
      throw sqliteFailure(error, this.#path);
    }
  }

  rows(...values: SqlValue[]): SqlValue[][] {
    try {
      this.#statement ??= this.#make();
      return this.#statement.values(...values) as SqlValue[][];
    } catch (error) {
      throw sqliteFailure(error, this.#path);
    }
  }

  row(...values: SqlValue[]): SqlValue[] | undefined {
    return this.rows(...values)[0];
  }

  /** Lets go of what SQLite holds for it. */
  finalize(): void {
    this.#statement?.finalize();
    this.#statement = undefined;
  }
}

/** The failure as people can act on it; an `EntmootError` stays as it is. */
export function sqliteFailure(error: unknown, path: string): unknown {
  if (!(error instanceof SQLiteError)) return error;
  const code = error.code ?? "";
  const because = { cause: error };
  const found = `${error.message}${code === "" ? "" : ` (${code})`}`;
  // The index of the log lives in a file too, and growing it is the first thing that fails on a full disk.
  if (code === "SQLITE_FULL" || code === "SQLITE_IOERR_SHMSIZE") {
    return new EntmootError(
      "disk_full",
      `${path}: no room left to write; nothing was stored; free space on this disk or move the data root, then try again`,
      because,
    );
  }
  if (code.startsWith("SQLITE_BUSY") || code.startsWith("SQLITE_LOCKED")) {
    return new EntmootError("unavailable", `${path}: another process is writing for too long; try again`, because);
  }
  if (code.startsWith("SQLITE_CORRUPT") || code === "SQLITE_NOTADB") {
    return new EntmootError(
      "data_root_invalid",
      `${path}: not a sound SQLite database: ${found}; restore it from a backup, or move it away and join the group again`,
      because,
    );
  }
  if (code.startsWith("SQLITE_READONLY") || code.startsWith("SQLITE_CANTOPEN") || code === "SQLITE_PERM") {
    return new EntmootError(
      "data_root_invalid",
      `${path}: cannot be opened for writing: ${found}; check its owner, permissions and that the disk is not read-only`,
      because,
    );
  }
  return new EntmootError("internal", `${path}: ${found}`, because);
}

/** Two processes that make the same database race for this switch, and SQLite does not wait here. */
function useWal(db: Database): void {
  const deadline = BUSY_TIMEOUT_MS / SWITCH_RETRY_MS;
  for (let attempt = 0; ; attempt++) {
    try {
      db.run("PRAGMA journal_mode = WAL");
      return;
    } catch (error) {
      if (!(error instanceof SQLiteError) || !error.code?.startsWith("SQLITE_BUSY") || attempt > deadline) throw error;
      // Blocking, as every wait of SQLite is: its callers are synchronous.
      Bun.sleepSync(SWITCH_RETRY_MS);
    }
  }
}

const SWITCH_RETRY_MS = 10;

function migrate(db: Database, path: string, label: string, migrations: readonly Migration[]): void {
  if (versionOf(db, path, label, migrations.length) === migrations.length) return;
  db.run("BEGIN IMMEDIATE");
  try {
    const version = versionOf(db, path, label, migrations.length);
    for (const { sql } of migrations.slice(version)) db.run(sql);
    db.run(`PRAGMA user_version = ${migrations.length}`);
    db.run("COMMIT");
  } catch (error) {
    if (db.inTransaction) db.run("ROLLBACK");
    throw error;
  }
}

function versionOf(db: Database, path: string, label: string, known: number): number {
  const version = Number(db.query("PRAGMA user_version").values()[0]?.[0]);
  if (version >= 0 && version <= known) return version;
  throw new EntmootError(
    "data_root_invalid",
    `${path}: ${label} has version ${version}, this entmootd knows up to ${known}; run a newer entmootd, or restore a backup`,
  );
}

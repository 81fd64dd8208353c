import { type Database, SQLiteError } from "bun:sqlite";
import { closeSync, openSync, readSync } from "node:fs";
import { EntmootError } from "../../core/errors.ts";
import type { OpeningWait } from "./opening-wait.ts";
import type { Migration } from "./sqlite-file.ts";

export interface ConnectOptions {
  /** What errors call the file: `group database`. */
  readonly label: string;
  readonly migrations: readonly Migration[];
  /** `off` only for a file that is thrown away when its making is interrupted. */
  readonly durable: boolean;
  /** How long opening waits for another process that writes. */
  readonly patience: OpeningWait;
  /** It can only be read where it is, and nobody writes it. */
  readonly isFrozen?: boolean;
}

/** Ours. A group's connection costs at most this much page cache; read-ahead is left to the system. */
const CACHE_KIB = 8192;
/**
 * Ours. Pages (of 4 KiB) in the WAL at which a commit also writes them into the file, which costs two more syncs; below
 * what is kept of the WAL. At SQLite's 1000 every large batch did, and wrote the same pages again and again.
 */
const CHECKPOINT_PAGES = 3500;
/** Ours. A WAL that grew past this in a burst is cut back at the next checkpoint. */
const WAL_KEPT_BYTES = 16 * 1024 * 1024;
/** Ours. Between two tries to open what another process holds. */
const RETRY_MS = 10;

/** Sets up a connection that was just made to the file at `path`, and brings the file up to date. Leaves it waiting for nobody. */
export function setUp(db: Database, path: string, options: ConnectOptions): void {
  // Waited for here alone: SQLite does not wait at the switch to WAL, for which two that make the same database race,
  // and would begin anew with each statement.
  db.run("PRAGMA busy_timeout = 0");
  for (;;) {
    try {
      trySetUp(db, path, options);
      return;
    } catch (error) {
      const isBusy = error instanceof SQLiteError && error.code?.startsWith("SQLITE_BUSY");
      if (!isBusy || !options.patience.spend(RETRY_MS)) throw error;
      // Blocking, as every wait of SQLite is: its callers are synchronous.
      Bun.sleepSync(RETRY_MS);
    }
  }
}

/** May be done again when it failed. */
function trySetUp(db: Database, path: string, options: ConnectOptions): void {
  const { durable, isFrozen, label, migrations } = options;
  if (isFrozen) {
    db.run(`PRAGMA cache_size = -${CACHE_KIB}`);
    versionOf(db, path, label, migrations.length);
    return;
  }
  if (durable) db.run("PRAGMA journal_mode = WAL");
  else db.run("PRAGMA journal_mode = MEMORY");
  db.run(`PRAGMA synchronous = ${durable ? "FULL" : "OFF"}`);
  // Where fsync alone leaves data in the drive's cache (macOS), go through to the medium; nothing elsewhere.
  db.run(`PRAGMA fullfsync = ${durable ? "ON" : "OFF"}`);
  db.run(`PRAGMA checkpoint_fullfsync = ${durable ? "ON" : "OFF"}`);
  db.run(`PRAGMA cache_size = -${CACHE_KIB}`);
  db.run(`PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
  db.run(`PRAGMA journal_size_limit = ${WAL_KEPT_BYTES}`);
  migrate(db, path, label, migrations);
}

function migrate(db: Database, path: string, label: string, migrations: readonly Migration[]): void {
  if (versionOf(db, path, label, migrations.length) === migrations.length) return;
  db.run("BEGIN IMMEDIATE");
  try {
    const version = versionOf(db, path, label, migrations.length);
    for (const { sql, unless } of migrations.slice(version)) {
      if (unless === undefined || db.query(unless).values().length === 0) db.run(sql);
    }
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

/** Where a database file says its version (https://sqlite.org/fileformat2.html#user_version_number). */
const USER_VERSION_AT = 60;

/** The version in the header of the file at `path`; 0 when there is none, or what was done last is still in the log. */
export function userVersionOf(path: string): number {
  const bytes = new Uint8Array(4);
  try {
    const fd = openSync(path, "r");
    try {
      readSync(fd, bytes, 0, bytes.length, USER_VERSION_AT);
    } finally {
      closeSync(fd);
    }
  } catch {
    return 0; // Opening it tells what is wrong.
  }
  return new DataView(bytes.buffer).getInt32(0);
}

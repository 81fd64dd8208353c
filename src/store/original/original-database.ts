import { Database, constants as sqlite } from "bun:sqlite";
import { constants, copyFileSync, existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { EntmootError } from "../../core/errors.ts";
import { requireOwnDatabase } from "../../files/guarded-files.ts";
import { fileFailure, requireFile } from "../private-files.ts";
import { sqliteFailure } from "../sqlite/sqlite-failure.ts";
import type { SqlValue } from "../sqlite/sqlite-file.ts";
import { makePrivatePlace, removePrivatePlace } from "./private-place.ts";

/** Ours. Copies tried before a file is called busy. */
const COPIES_MAX = 5;
const RETRY_MS = 50;

/** A database of the original, seen as it was at one instant. Nothing is written to it or beside it. */
export class OriginalDatabase implements Disposable {
  readonly path: string;
  /** Where the copy is, if it is one; it goes away when this is disposed. */
  readonly #scratch: string | undefined;
  /** What the file was when it was opened, where nothing but that keeps others from changing it meanwhile. */
  readonly #found: string | undefined;
  readonly #db: Database;

  private constructor(path: string, db: Database, how: { readonly scratch?: string; readonly found?: string }) {
    this.path = path;
    this.#scratch = how.scratch;
    this.#found = how.found;
    this.#db = db;
  }

  /**
   * Reads the database at `path` where it is, in one transaction, beside whoever writes it; `undefined` when there is
   * none. From a private copy where reading in place would make a file or has to repair one: a log without its index,
   * a journal. Throws as `open`.
   */
  static look(path: string): OriginalDatabase | undefined {
    if (!existsSync(path)) return undefined;
    requireOwnDatabase(path);
    requireFile(path);
    const place = placeOf(path);
    if (place === undefined) return OriginalDatabase.#copy(path, makePrivatePlace());
    const found = place === "immutable" ? fingerprint(path) : undefined;
    let db: Database | undefined;
    try {
      db = new Database(`file:${encodeURI(path).replace(/[?#]/g, encodeURIComponent)}?${PLACES[place]}`, LOOK);
      db.run("BEGIN");
      checkSound(db, path);
      return new OriginalDatabase(path, db, found === undefined ? {} : { found });
    } catch (error) {
      db?.close();
      throw fileFailure(sqliteFailure(error, path), path);
    }
  }

  /**
   * Reads the database at `path` from a copy, with its log, in a new directory beginning with `scratch`; `undefined`
   * when there is none. Throws `unavailable` while someone writes it, `data_root_invalid` when it is damaged, `disk_full`.
   */
  static open(path: string, scratch: string): OriginalDatabase | undefined {
    if (!existsSync(path)) return undefined;
    requireOwnDatabase(path);
    requireFile(path);
    return OriginalDatabase.#copy(path, mkdtempSync(scratch));
  }

  /** Reads it from a copy in `directory`, which goes away with it. */
  static #copy(path: string, directory: string): OriginalDatabase {
    const copy = join(directory, basename(path));
    let db: Database | undefined;
    try {
      copyQuietly(path, copy);
      db = new Database(copy, { readwrite: true, strict: true });
      db.run("PRAGMA query_only = ON");
      checkSound(db, path);
      return new OriginalDatabase(path, db, { scratch: directory });
    } catch (error) {
      db?.close();
      removePrivatePlace(directory);
      throw fileFailure(sqliteFailure(error, path), path);
    }
  }

  /** Whether it has a table of this name. */
  has(table: string): boolean {
    return this.rows("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?1", table).length > 0;
  }

  /** All rows; statements are kept, so the same text may be asked often. */
  rows(sql: string, ...values: SqlValue[]): SqlValue[][] {
    try {
      return this.#db.query(sql).values(...values) as SqlValue[][];
    } catch (error) {
      throw sqliteFailure(error, this.path);
    }
  }

  /** As `rows`, one at a time, as objects by column name. */
  *each(sql: string, ...values: SqlValue[]): Generator<Record<string, SqlValue>> {
    const statement = this.#db.prepare(sql);
    try {
      yield* statement.iterate(...values) as IterableIterator<Record<string, SqlValue>>;
    } catch (error) {
      throw sqliteFailure(error, this.path);
    } finally {
      statement.finalize();
    }
  }

  /** Throws `unavailable` when somebody changed the file while it was read, so that what was read may be of no one instant. */
  checkUnchanged(): void {
    if (this.#found !== undefined && fingerprint(this.path) !== this.#found) throw changing(this.path);
  }

  [Symbol.dispose](): void {
    this.#db.close();
    if (this.#scratch !== undefined) removePrivatePlace(this.#scratch);
  }
}

const LOOK = sqlite.SQLITE_OPEN_READONLY | sqlite.SQLITE_OPEN_URI;

const PLACES = {
  /** Nobody has written since the log was folded in, and there is nothing beside the file to be kept in step with. */
  immutable: "immutable=1",
  /** Log and index are there: both are read as they are, and the index is not written to. */
  beside: "mode=ro&readonly_shm=1",
} as const;

/** How the database can be read where it is; `undefined` when it cannot without making or changing a file. */
function placeOf(path: string): keyof typeof PLACES | undefined {
  const [log, index, journal] = ["-wal", "-shm", "-journal"].map((suffix) => existsSync(path + suffix));
  if (journal) return undefined;
  if (log && index) return "beside";
  return log ? undefined : "immutable";
}

function checkSound(db: Database, path: string): void {
  const [verdict] = db.query("PRAGMA quick_check(1)").values()[0] ?? [];
  if (verdict !== "ok") throw new EntmootError("data_root_invalid", `${path}: damaged: ${verdict}`);
}

/** Copies database and log so that both are of one instant: neither changed from before to after. */
export function copyQuietly(path: string, copy: string): void {
  for (let attempt = 1; attempt <= COPIES_MAX; attempt++) {
    const before = fingerprint(path);
    copyFileSync(path, copy, constants.COPYFILE_FICLONE);
    rmSync(`${copy}-wal`, { force: true });
    if (existsSync(`${path}-wal`)) copyFileSync(`${path}-wal`, `${copy}-wal`, constants.COPYFILE_FICLONE);
    if (fingerprint(path) === before) return;
    // Blocking, as SQLite is: opening a group is synchronous.
    Bun.sleepSync(RETRY_MS);
  }
  throw changing(path);
}

function changing(path: string): EntmootError {
  return new EntmootError(
    "unavailable",
    `${path}: changes while it is read; stop the program that writes it, then try again`,
  );
}

function fingerprint(path: string): string {
  const parts = [path, `${path}-wal`].map((file) => {
    const stat = statSync(file, { throwIfNoEntry: false, bigint: true });
    return stat ? `${stat.ino}:${stat.size}:${stat.mtimeNs}` : "none";
  });
  return parts.join(" ");
}

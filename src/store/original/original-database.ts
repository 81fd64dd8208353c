import { Database } from "bun:sqlite";
import { constants, copyFileSync, existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { EntmootError } from "../../core/errors.ts";
import { fileFailure } from "../private-files.ts";
import { sqliteFailure } from "../sqlite/sqlite-failure.ts";
import type { SqlValue } from "../sqlite/sqlite-file.ts";

/** Ours. Copies tried before a file is called busy. */
const COPIES_MAX = 5;
const RETRY_MS = 50;

/**
 * A database of the original, read from a copy: SQLite cannot open one whose log is hot without
 * changing files beside it. The copy goes away when this is disposed.
 */
export class OriginalDatabase implements Disposable {
  readonly path: string;
  readonly #scratch: string;
  readonly #db: Database;

  private constructor(path: string, scratch: string, db: Database) {
    this.path = path;
    this.#scratch = scratch;
    this.#db = db;
  }

  /**
   * Copies the database at `path` with its log into a new directory beginning with `scratch`; `undefined` when there
   * is none. Throws `unavailable` while someone writes it, `data_root_invalid` when it is damaged, `disk_full`.
   */
  static open(path: string, scratch: string): OriginalDatabase | undefined {
    if (!existsSync(path)) return undefined;
    const directory = mkdtempSync(scratch);
    const copy = join(directory, basename(path));
    let db: Database | undefined;
    try {
      copyQuietly(path, copy);
      db = new Database(copy, { readwrite: true, strict: true });
      db.run("PRAGMA query_only = ON");
      const [verdict] = db.query("PRAGMA quick_check(1)").values()[0] ?? [];
      if (verdict !== "ok") throw new EntmootError("data_root_invalid", `${path}: damaged: ${verdict}`);
      return new OriginalDatabase(path, directory, db);
    } catch (error) {
      db?.close();
      rmSync(directory, { recursive: true, force: true });
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

  [Symbol.dispose](): void {
    this.#db.close();
    rmSync(this.#scratch, { recursive: true, force: true });
  }
}

/** Copies database and log so that both are of one instant: neither changed from before to after. */
function copyQuietly(path: string, copy: string): void {
  for (let attempt = 1; attempt <= COPIES_MAX; attempt++) {
    const before = fingerprint(path);
    copyFileSync(path, copy, constants.COPYFILE_FICLONE);
    rmSync(`${copy}-wal`, { force: true });
    if (existsSync(`${path}-wal`)) copyFileSync(`${path}-wal`, `${copy}-wal`, constants.COPYFILE_FICLONE);
    if (fingerprint(path) === before) return;
    // Blocking, as SQLite is: opening a group is synchronous.
    Bun.sleepSync(RETRY_MS);
  }
  throw new EntmootError(
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

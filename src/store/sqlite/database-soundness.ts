import { Database } from "bun:sqlite";
import { EntmootError } from "../../core/errors.ts";
import { requireOwnDatabase } from "../../files/guarded-files.ts";
import { sqliteFailure } from "./sqlite-failure.ts";

/** Ours. Faults that are listed; one with more is as damaged. */
const FAULTS_MAX = 16;

/** What SQLite says of an index that does not fit its table; the table is sound then. */
const OF_AN_INDEX = /missing from index|wrong # of entries in index|non-unique entry in index/;

/** What was found in one database. */
export interface Soundness {
  /** `index`: the tables are sound, and what is made from them is not. */
  readonly state: "sound" | "index" | "damaged";
  readonly faults: readonly string[];
}

/** Reads all of the database at `path`, beside whoever writes it. Throws as the store, but for one that is damaged. */
export function soundnessOf(path: string): Soundness {
  try {
    using db = new Database(requireOwnDatabase(path), { readonly: true, strict: true });
    const rows = db.query(`PRAGMA integrity_check(${FAULTS_MAX})`).values().map(String);
    if (rows.length === 1 && rows[0] === "ok") return { state: "sound", faults: [] };
    return { state: rows.every((row) => OF_AN_INDEX.test(row)) ? "index" : "damaged", faults: rows };
  } catch (error) {
    const failure = sqliteFailure(error, path);
    if (failure instanceof EntmootError && failure.code === "data_root_invalid") {
      return { state: "damaged", faults: [failure.message] };
    }
    throw failure;
  }
}

/** Makes every index of the database at `path` anew from its tables, durable on return; nobody else may have it open. */
export function rebuildIndexes(path: string): void {
  try {
    using db = new Database(requireOwnDatabase(path), { readwrite: true, strict: true });
    db.run("PRAGMA synchronous = FULL");
    db.run("REINDEX");
    db.run("PRAGMA wal_checkpoint(TRUNCATE)");
  } catch (error) {
    throw sqliteFailure(error, path);
  }
}

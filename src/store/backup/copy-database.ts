import { constants, Database } from "bun:sqlite";
import { pathToFileURL } from "node:url";
import { EntmootError } from "../../core/errors.ts";
import { requireOwnDatabase } from "../../files/guarded-files.ts";
import { HeldFolder } from "../../files/held-folder.ts";
import { createPrivateFile, fileFailure, requireFile, syncFile } from "../private-files.ts";
import { isOnlyReadable } from "../sqlite/frozen-database.ts";
import { sqliteFailure } from "../sqlite/sqlite-failure.ts";

/** Ours. A command has nothing else to do meanwhile. */
const WAIT_MS = 10_000;

/**
 * Copies a database to a place where nothing stands, as it is at one instant, whoever writes it meanwhile: without its log,
 * and without the room of what was removed. 0600, durable on return. Blocks as long as that takes. Throws
 * `data_root_invalid`, `disk_full`.
 */
export function copyDatabase(from: string, to: string): void {
  requireFile(from);
  createPrivateFile(to);
  let db: Database | undefined;
  try {
    db = openToRead(requireOwnDatabase(from));
    db.run(`PRAGMA busy_timeout = ${WAIT_MS}`);
    const source = db;
    // SQLite takes an empty file for one that is to be made.
    HeldFolder.at(to, (name) => source.query("VACUUM INTO ?1").run(name));
  } catch (error) {
    const failure = fileFailure(sqliteFailure(error, from), from);
    throw failure instanceof EntmootError && failure.code === "disk_full"
      ? new EntmootError("disk_full", `${to}: no room left to write; free space there, then try again`, {
          cause: error,
        })
      : failure;
  } finally {
    db?.close();
  }
  syncFile(to);
}

/** One that nobody may write is as it is: SQLite wants to make files beside any other. */
function openToRead(path: string): Database {
  if (!isOnlyReadable(path)) return new Database(path, { readonly: true });
  const name = `${pathToFileURL(path).href}?immutable=1`;
  return new Database(name, constants.SQLITE_OPEN_READONLY | constants.SQLITE_OPEN_URI);
}

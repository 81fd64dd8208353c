import { closeSync, existsSync, fstatSync, fsyncSync, openSync, readSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { codeOf } from "../core/system-error.ts";
import { makeFolder, NewFile, syncPath } from "../files/guarded-files.ts";
import { trustedPath } from "../files/trusted-path.ts";
import { fileFailure, PRIVATE_DIRECTORY, PRIVATE_FILE } from "./private-files.ts";

/** Below the data root: a folder for each time that something was changed. */
export const REPAIRS_FOLDER = "repairs";

/** What SQLite keeps beside a database and is a part of it. */
const BESIDE = ["", "-wal", "-journal"];
/** Ours. A database of gigabytes is copied in little memory. */
const PIECE_BYTES = 1024 * 1024;

/**
 * Copies the databases at `paths`, which are below `dataDir` and which nobody writes, to a folder of the data root of their
 * own, durable on return; gives the folder. What stands there by then is left. Throws `disk_full`, `data_root_invalid`.
 */
export function copyBeforeChange(dataDir: string, paths: readonly string[], nowMs: number): string {
  const name = new Date(nowMs).toISOString().replaceAll(/[-:]/g, "").replace(".", "");
  const folder = join(dataDir, REPAIRS_FOLDER, name);
  try {
    makeFolder(folder, PRIVATE_DIRECTORY);
    for (const path of paths
      .flatMap((each) => BESIDE.map((suffix) => each + suffix))
      .filter((each) => existsSync(each))) {
      const copy = join(folder, relative(dataDir, dirname(path)), basename(path));
      makeFolder(dirname(copy), PRIVATE_DIRECTORY);
      copyFile(path, copy);
      syncPath(dirname(copy));
    }
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
    throw fileFailure(error, folder);
  }
  return folder;
}

function copyFile(from: string, to: string): void {
  const source = openSync(trustedPath(from), "r");
  try {
    using file = new NewFile(to, PRIVATE_FILE);
    const piece = new Uint8Array(Math.min(PIECE_BYTES, Math.max(1, fstatSync(source).size)));
    for (let read = readSync(source, piece); read > 0; read = readSync(source, piece))
      file.write(piece.subarray(0, read));
    fsyncSync(file.handle);
    file.keep();
  } finally {
    closeSync(source);
  }
}

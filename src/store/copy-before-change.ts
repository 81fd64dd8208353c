import { existsSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { codeOf } from "../core/system-error.ts";
import { makeFolder, syncPath } from "../files/guarded-files.ts";
import { copyFile } from "./backup/copy-file.ts";
import { fileFailure, PRIVATE_DIRECTORY } from "./private-files.ts";

/** Below the data root: a folder for each time that something was changed. */
export const REPAIRS_FOLDER = "repairs";

/** What SQLite keeps beside a database and is a part of it. */
const BESIDE = ["", "-wal", "-journal"];

/**
 * Copies the databases at `paths`, which are below `dataDir` and which nobody writes, to a folder of the data root of their
 * own, durable on return; gives the folder. What stands there by then is left. Throws `disk_full`, `data_root_invalid`.
 */
export async function copyBeforeChange(dataDir: string, paths: readonly string[], nowMs: number): Promise<string> {
  const name = new Date(nowMs).toISOString().replaceAll(/[-:]/g, "").replace(".", "");
  const folder = join(dataDir, REPAIRS_FOLDER, name);
  try {
    makeFolder(folder, PRIVATE_DIRECTORY);
    for (const path of paths
      .flatMap((each) => BESIDE.map((suffix) => each + suffix))
      .filter((each) => existsSync(each))) {
      const copy = join(folder, relative(dataDir, dirname(path)), basename(path));
      makeFolder(dirname(copy), PRIVATE_DIRECTORY);
      await copyFile(path, copy);
      syncPath(dirname(copy));
    }
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
    throw fileFailure(error, folder);
  }
  return folder;
}

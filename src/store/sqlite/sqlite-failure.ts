import { SQLiteError } from "bun:sqlite";
import { EntmootError } from "../../core/errors.ts";
import { OutOfFiles, StoreBusy, StoreUnavailable } from "../store-failures.ts";
import { systemRefusal } from "../system-refusal.ts";

/** Wire with SQLite. The longest path it opens, in bytes; its log and index stand beside the file, under longer names. */
const PATH_BYTES_MAX = 507;

/**
 * The failure as people can act on it; an `EntmootError` stays as it is. To be asked while whatever failed still is as it
 * was: why a file cannot be opened is found out by trying. `isWriting`: what was to be stored is not, where it has no room.
 */
export function sqliteFailure(error: unknown, path: string, isWriting = false): unknown {
  if (!(error instanceof SQLiteError)) return error;
  const code = error.code ?? "";
  const because = { cause: error };
  const found = `${error.message}${code === "" ? "" : ` (${code})`}`;
  // The index of the log lives in a file too, and growing it is the first thing that fails on a full disk.
  if (code === "SQLITE_FULL" || code === "SQLITE_IOERR_SHMSIZE") {
    return new EntmootError(
      "disk_full",
      `${path}: no room left to write; ${isWriting ? "nothing was stored; " : ""}free space on this disk or move the data root, then try again`,
      because,
    );
  }
  if (code.startsWith("SQLITE_BUSY") || code.startsWith("SQLITE_LOCKED")) return new StoreBusy(path, because);
  if (code.startsWith("SQLITE_CORRUPT") || code === "SQLITE_NOTADB") {
    return new EntmootError(
      "data_root_invalid",
      `${path}: not a sound SQLite database: ${found}; restore it from a backup, or move it away and join the group again`,
      because,
    );
  }
  if (code.startsWith("SQLITE_CANTOPEN") || code === "SQLITE_IOERR_SHMOPEN") {
    return whyNotOpen(path, because) ?? notWritable(path, found, because);
  }
  if (code.startsWith("SQLITE_READONLY") || code === "SQLITE_PERM") return notWritable(path, found, because);
  if (code === "SQLITE_NOMEM" || code === "SQLITE_IOERR_NOMEM") {
    return new StoreUnavailable(
      `${path}: no memory left for it: ${found}; give this process more memory, then try again`,
      because,
    );
  }
  if (code.startsWith(IO_ERROR)) {
    return new EntmootError(
      "data_root_invalid",
      `${path}: the system refuses to read or write it: ${found}; look at the disk, its quota and the limits of this process ("ulimit -f"), then try again`,
      because,
    );
  }
  return new EntmootError("internal", `${path}: ${found}`, because);
}

/** Wire with SQLite. How its codes for what the system refuses begin. */
const IO_ERROR = "SQLITE_IOERR";

/** Whether there was no room, or the disk did not do what it was asked: it is of no use to others either. */
export function isRefusedByDisk(failure: unknown): failure is EntmootError {
  if (!(failure instanceof EntmootError)) return false;
  const { cause, code } = failure;
  if (code === "disk_full") return true;
  return code === "data_root_invalid" && cause instanceof SQLiteError && cause.code?.startsWith(IO_ERROR) === true;
}

/** SQLite does not say why; `undefined` when the system does not either. */
function whyNotOpen(path: string, because: ErrorOptions): EntmootError | undefined {
  const bytes = Buffer.byteLength(path);
  if (bytes > PATH_BYTES_MAX) {
    return new EntmootError(
      "data_root_invalid",
      `${path}: this path has ${bytes} bytes, and SQLite opens at most ${PATH_BYTES_MAX}; choose a data root with a shorter path`,
      because,
    );
  }
  const refusal = systemRefusal(path);
  return refusal instanceof OutOfFiles ? new OutOfFiles(path, because) : refusal;
}

function notWritable(path: string, found: string, because: ErrorOptions): EntmootError {
  return new EntmootError(
    "data_root_invalid",
    `${path}: cannot be opened for writing: ${found}; check its owner, permissions and that the disk is not read-only`,
    because,
  );
}

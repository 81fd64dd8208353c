import { statSync } from "node:fs";
import { dirname } from "node:path";
import { EntmootError } from "../core/errors.ts";
import { codeOf } from "../core/system-error.ts";
import { makeFile, makeFolder, setMode, syncPath } from "../files/guarded-files.ts";
import { OutOfFiles } from "./store-failures.ts";

/** Wire with the original: nothing in a data root is for anyone but its owner. */
export const PRIVATE_FILE = 0o600;
export const PRIVATE_DIRECTORY = 0o700;

/** Bits of a mode that give something to the group or to others. */
const SHARED_BITS = 0o077;

/** Makes an empty file, 0600, of the owner of its folder, unless there is one. Throws `data_root_invalid` or `disk_full`. */
export function createPrivateFile(path: string): void {
  // Exclusive, because closing a handle on a database that SQLite has open would drop SQLite's locks.
  try {
    if (makeFile(path, PRIVATE_FILE)) syncDirectory(dirname(path));
  } catch (error) {
    throw fileFailure(error, path);
  }
}

/** Makes a directory, 0700, of the owner of the one around it, and the ones above it, unless they are there. Throws `data_root_invalid` or `disk_full`. */
export function createPrivateDirectory(path: string): void {
  try {
    const made = makeFolder(path, PRIVATE_DIRECTORY);
    if (made !== undefined) syncDirectory(dirname(made));
    if (!statSync(path).isDirectory()) throw new EntmootError("data_root_invalid", notDirectory(path));
  } catch (error) {
    const code = codeOf(error);
    if (code === "EEXIST" || code === "ENOTDIR") throw new EntmootError("data_root_invalid", notDirectory(path));
    throw fileFailure(error, path);
  }
}

/** Takes group and others out of the mode of `path`; the mode it had, or `undefined` when nothing was to do. */
export function tighten(path: string, wanted: number): number | undefined {
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found) return undefined;
  const mode = found.mode & 0o777;
  if ((mode & SHARED_BITS) === 0) return undefined;
  try {
    setMode(path, wanted);
  } catch (error) {
    throw fileFailure(error, path);
  }
  return mode;
}

/** Makes entries added to or renamed in `path` survive a power cut. */
export function syncDirectory(path: string): void {
  syncPath(path);
}

/** Makes the content of a closed file survive a power cut. */
export function syncFile(path: string): void {
  syncPath(path);
}

/** The failure of a file operation as people can act on it; an `EntmootError` stays as it is. */
export function fileFailure(error: unknown, path: string): unknown {
  if (error instanceof EntmootError) return error;
  const because = { cause: error };
  const code = codeOf(error);
  switch (code) {
    case "ENOSPC":
    case "EDQUOT":
      return new EntmootError("disk_full", `${path}: no room left to write; free space, then try again`, because);
    case "EACCES":
    case "EPERM":
      return new EntmootError(
        "data_root_invalid",
        `${path}: no permission (${code}); check its owner and mode`,
        because,
      );
    case "EROFS":
      return new EntmootError(
        "data_root_invalid",
        `${path}: the file system is read-only; mount it writable or choose another data root`,
        because,
      );
    case "ENOENT":
      return new EntmootError("data_root_invalid", `${path}: not there; make the directory first`, because);
    case "EMFILE":
    case "ENFILE":
      return new OutOfFiles(path, because);
    case "ENAMETOOLONG":
      return new EntmootError(
        "data_root_invalid",
        `${path}: this path, or a name in it, is longer than the system takes; choose a shorter one`,
        because,
      );
    case "ELOOP":
      return new EntmootError("data_root_invalid", `${path}: its symbolic links lead in a circle; mend them`, because);
    case "ENOMEM":
      return new EntmootError("unavailable", `${path}: no memory left (ENOMEM); free some, then try again`, because);
    case "ENOTDIR":
      return new EntmootError("data_root_invalid", `${path}: a part of this path is a file, not a directory`, because);
    case undefined:
      return error;
    default:
      return new EntmootError("internal", `${path}: ${(error as Error).message}`, because);
  }
}

function notDirectory(path: string): string {
  return `${path}: expected a directory, found a file; choose another data root or move the file away`;
}

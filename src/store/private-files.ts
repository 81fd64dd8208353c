import { accessSync, constants, type Stats, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
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

/**
 * Throws `data_root_invalid` where something stands at `path` that is no file: opening a pipe waits for its other end, and
 * a device has none. What cannot be looked at is for who opens it to tell.
 */
export function requireFile(path: string): void {
  let found: Stats | undefined;
  try {
    found = statSync(path, { throwIfNoEntry: false });
  } catch {
    return;
  }
  if (found === undefined || found.isFile()) return;
  throw new EntmootError(
    "data_root_invalid",
    `${path}: expected a file, found ${kindOf(found)}; move it away, and restore the file from a backup if there was one`,
  );
}

function kindOf(found: Stats): string {
  if (found.isDirectory()) return "a directory";
  if (found.isFIFO()) return "a pipe";
  return found.isSocket() ? "a socket" : "a device";
}

/**
 * Takes group and others out of the mode of the file or directory at `path`; the mode it had, or `undefined` when nothing
 * was to do. What is neither is left alone: a link may lead to a device that is everybody's.
 */
export function tighten(path: string, wanted: number): number | undefined {
  const found = statSync(path, { throwIfNoEntry: false });
  const isMeant = wanted === PRIVATE_DIRECTORY ? found?.isDirectory() : found?.isFile();
  if (!found || !isMeant) return undefined;
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
      return new EntmootError("data_root_invalid", `${noPermission(path, code)}; check its owner and mode`, because);
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

/** Whether something is at `path`. Throws `data_root_invalid` where that cannot be seen. */
export function isThere(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    if (codeOf(error) === "ENOTDIR") return false;
    throw fileFailure(error, path);
  }
}

/** What was refused where, and to whom: the folder that keeps this process from `path` rather than what is in it. */
export function noPermission(path: string, code: string): string {
  const at = refusedAt(resolve(path));
  const owner = ownerOf(at);
  const self = process.geteuid?.();
  const whose = owner === self ? "" : `: it belongs to user ${owner}, and this process runs as user ${self}`;
  return `${at}: no permission (${code})${whose}`;
}

/** The first folder on the way that may not be entered, or the last one there is when what is missing may not be made in it. */
function refusedAt(path: string): string {
  const folders = foldersBetween("/", dirname(path));
  for (const folder of folders) if (!mayDo(folder, constants.X_OK)) return folder;
  if (ownerOf(path) !== undefined) return path;
  const last = folders.findLast((folder) => ownerOf(folder) !== undefined);
  return last === undefined || mayDo(last, constants.W_OK) ? path : last;
}

/** `inner` and what is above it, up to `outer`, which comes first. */
function foldersBetween(outer: string, inner: string): string[] {
  const folders = [inner];
  while (folders[0]!.length > outer.length) folders.unshift(dirname(folders[0]!));
  return folders;
}

/** Also `true` of what is not there. */
function mayDo(path: string, what: number): boolean {
  try {
    accessSync(path, what);
    return true;
  } catch (error) {
    const code = codeOf(error);
    return code !== "EACCES" && code !== "EPERM";
  }
}

/** `undefined` when nothing is there, or nothing can be seen. */
function ownerOf(path: string): number | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false })?.uid;
  } catch {
    return undefined;
  }
}

function notDirectory(path: string): string {
  return `${path}: expected a directory, found a file; choose another data root or move the file away`;
}

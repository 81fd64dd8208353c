import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  fsyncSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  renameSync,
  rmdirSync,
  rmSync,
  type Stats,
  statSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { EntmootError } from "../core/errors.ts";
import { codeOf } from "../core/system-error.ts";
import { HeldFolder } from "./held-folder.ts";
import { giveHandle } from "./owner.ts";
import { trustedPath } from "./trusted-path.ts";

/*
 * Every file in a data root is written by one of these. Whoever owns the folder may have put anything under any name, and
 * this may be root: no link is followed to what is not theirs, what is made is made anew, and it is given to the owner of
 * its folder by its handle.
 */

const NEW = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/** A file that did not stand there before; removed again when it is disposed of without being kept. */
export class NewFile implements Disposable {
  readonly path: string;
  /** Closed when it is disposed of. */
  readonly handle: number;
  readonly #folder: HeldFolder;
  #isThere = true;

  /** With `isOurs` it is not given to the owner of its folder. Throws the system's errors, `EEXIST` where anything stands. */
  constructor(path: string, mode: number, { isOurs = false }: { readonly isOurs?: boolean } = {}) {
    this.path = path;
    this.#folder = HeldFolder.of(path);
    try {
      this.handle = openSync(this.#folder.name(path), NEW, mode);
    } catch (error) {
      this.#folder[Symbol.dispose]();
      throw error;
    }
    try {
      if (!isOurs) giveHandle(this.handle, this.#folder.owner);
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  write(bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length; ) done += writeSync(this.handle, bytes, done);
  }

  /** Stays under its name. */
  keep(): void {
    this.#isThere = false;
  }

  /** Takes the place of whatever stands at `path`, in the same folder. */
  replace(path: string): void {
    renameSync(this.#folder.name(this.path), this.#folder.name(path));
    this.#isThere = false;
  }

  /** Is at `path` too, in the same folder, where nothing stands: throws `EEXIST` otherwise. */
  link(path: string): void {
    linkSync(this.#folder.name(this.path), this.#folder.name(path));
  }

  [Symbol.dispose](): void {
    closeSync(this.handle);
    if (this.#isThere) rmSync(this.#folder.name(this.path), { force: true });
    this.#folder[Symbol.dispose]();
  }
}

/** Writes the small file `path` whole or not at all. Throws the system's errors. */
export function replaceFile(path: string, content: string | Uint8Array, { mode }: { readonly mode: number }): void {
  const fresh = `${path}.tmp`;
  removeFile(fresh);
  using file = new NewFile(fresh, mode);
  file.write(typeof content === "string" ? new TextEncoder().encode(content) : content);
  file.replace(path);
}

/** Makes an empty file and gives `true`; `false` where anything stands at `path`. */
export function makeFile(path: string, mode: number): boolean {
  try {
    using file = new NewFile(path, mode);
    file.keep();
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    throw error;
  }
}

/** Makes a folder and those above it that are missing, each its owner's around it; the outermost made, or `undefined`. */
export function makeFolder(path: string, mode: number): string | undefined {
  const missing: string[] = [];
  for (let at = resolve(path); statSync(at, { throwIfNoEntry: false }) === undefined; at = dirname(at)) {
    missing.unshift(at);
  }
  for (const at of missing) {
    try {
      HeldFolder.at(at, (name, { owner }) => {
        mkdirSync(name, { mode });
        const handle = openSync(name, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
        try {
          giveHandle(handle, owner);
        } finally {
          closeSync(handle);
        }
      });
    } catch (error) {
      // Another process made it meanwhile.
      if (codeOf(error) !== "EEXIST" || !statSync(at, { throwIfNoEntry: false })?.isDirectory()) throw error;
    }
  }
  trustedPath(path);
  return missing[0];
}

/** Removes the file at `path` if there is one; of a link the link. */
export function removeFile(path: string): void {
  atPlace(path, (name) => rmSync(name, { force: true }));
}

/** As `removeFile`, for a folder with all in it too. */
export function removeTree(path: string): void {
  atPlace(path, (name) => rmSync(name, { recursive: true, force: true }));
}

/** Removes the folder at `path`. Throws the system's errors, as for one that is not empty. */
export function removeEmptyFolder(path: string): void {
  atPlace(path, (name) => rmdirSync(name));
}

/** Moves the file at `from` over whatever is at `to`, in the same folder. */
export function moveFile(from: string, to: string): void {
  HeldFolder.at(from, (name, folder) => renameSync(name, folder.name(to)));
}

/** Gives the file at `from` the name `to`, in the same folder, where nothing stands, and takes its own away. */
export function moveToFree(from: string, to: string): void {
  HeldFolder.at(from, (name, folder) => {
    linkSync(name, folder.name(to));
    unlinkSync(name);
  });
}

/** Sets the mode of the file or folder at `path`, which must be fit to be written. Throws the system's errors. */
export function setMode(path: string, mode: number): void {
  const real = requireOwnFile(path);
  const handle = openSync(real, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    requireFit(path, fstatSync(handle), statSync(dirname(real)).uid);
    fchmodSync(handle, mode);
  } finally {
    closeSync(handle);
  }
}

/** Makes what a closed file, or a folder, holds survive a power cut. */
export function syncPath(path: string): void {
  const handle = openSync(trustedPath(path), constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

/**
 * Where the file or folder at `path` is, without any link. Throws `data_root_invalid` for one that is not to be written: by way of
 * somebody else's link, or a second name that its folder's owner gave to a file of another. May be missing.
 */
export function requireOwnFile(path: string): string {
  const real = trustedPath(path);
  const found = lstatSync(real, { throwIfNoEntry: false });
  if (found !== undefined) requireFit(path, found, statSync(dirname(real)).uid);
  return real;
}

function requireFit(path: string, found: Stats, folderUid: number): void {
  if (found.isDirectory() || found.nlink === 1 || found.uid === folderUid) return;
  throw new EntmootError(
    "data_root_invalid",
    `${path}: a second name of a file of user ${found.uid} in the folder of user ${folderUid}: it is not written; remove that name`,
  );
}

function atPlace(path: string, work: (name: string) => void): void {
  let folder: HeldFolder;
  try {
    folder = HeldFolder.of(path);
  } catch (error) {
    const code = codeOf(error);
    // Without its folder there is nothing to remove.
    if (code === "ENOENT") return;
    if (code !== "EMFILE" && code !== "ENFILE" && code !== "EACCES") throw error;
    // What is to go goes also where no descriptor is left to hold on to its folder.
    work(join(trustedPath(dirname(resolve(path))), basename(path)));
    return;
  }
  using held = folder;
  work(held.name(path));
}

/**
 * As `requireOwnFile`, for a database: also for what SQLite keeps beside it, and opens without following links. Between
 * this look and SQLite's own the owner of the folder could still change a name; links to other users' files are then
 * refused by the system itself where it protects hard links, as Linux does unless told otherwise.
 */
export function requireOwnDatabase(path: string): string {
  const real = requireOwnFile(path);
  for (const suffix of ["-wal", "-shm", "-journal"]) {
    const beside = real + suffix;
    if (lstatSync(beside, { throwIfNoEntry: false })?.isSymbolicLink()) {
      throw new EntmootError("data_root_invalid", `${beside}: a symbolic link, expected a file or nothing; remove it`);
    }
    requireOwnFile(beside);
  }
  return real;
}

import { createHash, randomBytes } from "node:crypto";
import { closeSync, constants, existsSync, fstatSync, fsyncSync, openSync, readSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import type * as Iroh from "@number0/iroh";
import { sizeText } from "../../core/amounts.ts";
import { EntmootError, textOf } from "../../core/errors.ts";
import { codeOf } from "../../core/system-error.ts";
import { makeFolder, NewFile } from "../../files/guarded-files.ts";
import { trustedPath } from "../../files/trusted-path.ts";
import { type IrohNative, irohNative } from "./iroh-native.ts";
import { withoutBacktraces } from "./no-backtraces.ts";

export type IrohLibrary = typeof Iroh;

/** Ours. Bytes moved at once: the library is 20 MB, and reading it whole would stay in memory until a collection. */
const COPY_BYTES = 1_048_576;

/**
 * The native library, unpacked under `libraryDir` when it travels inside the executable. Costs some 30 ms and is paid
 * by callers only. Throws `unsupported` where this build has none, `unavailable` when it cannot be unpacked or loaded.
 */
export async function loadIroh(libraryDir: string, native: IrohNative = irohNative()): Promise<IrohLibrary> {
  if (native.kind === "none") {
    throw new EntmootError(
      "unsupported",
      `iroh: this build has none for ${native.target}; so it reaches no other machine; use a build for another platform`,
    );
  }
  const path = native.kind === "installed" ? native.path : await unpackLibrary(libraryDir, native);
  try {
    // The package's own loader is not used: it would have the bundler embed the library a second time and
    // looks for it beside the executable first. All it adds is the choice of file, which is made here.
    return loaded.get(path) ?? load(path);
  } catch (cause) {
    const reason = textOf(cause).replace(`${path}: `, "");
    throw new EntmootError("unavailable", `iroh: cannot load ${path}: ${reason}${adviceFor(reason)}`, { cause });
  }
}

/** By path. A process has one iroh, however many endpoints it opens. */
const loaded = new Map<string, IrohLibrary>();

/** Not `require`: it takes a `?` in the path for the start of a query, and a data root may have one in its name. */
function load(path: string): IrohLibrary {
  withoutBacktraces(process.env);
  const module = { exports: {} };
  process.dlopen(module, path);
  loaded.set(path, module.exports as IrohLibrary);
  return module.exports as IrohLibrary;
}

function adviceFor(reason: string): string {
  if (/map segment|not permitted|permission denied/i.test(reason)) {
    return "; the data root is on a file system mounted noexec: move it, or mount it exec";
  }
  if (/GLIBC|musl|ld-linux/i.test(reason)) {
    return "; this build is for another C library: use the glibc build on glibc systems and the musl build on musl systems";
  }
  return "";
}

/** What the system says where there is no room. */
const FULL: ReadonlySet<string> = new Set(["ENOSPC", "EDQUOT"]);

type Embedded = Extract<IrohNative, { kind: "embedded" }>;

/**
 * Path of the unpacked library, `<libraryDir>/<sha256>/iroh.node`. A file already there is used when its hash is right
 * and replaced when not. Processes may unpack at once: each writes its own file and renames it into place.
 * Throws `unavailable` naming what could not be written.
 */
export async function unpackLibrary(libraryDir: string, library: Embedded): Promise<string> {
  const dir = join(libraryDir, library.sha256);
  const path = join(dir, "iroh.node");
  try {
    if (isForeign(libraryDir)) return await unpackNameless(dir, library);
    if (isIntact(path, library)) return path;
    makeFolder(dir, 0o700);
    try {
      using mine = new NewFile(freshName(dir), 0o600);
      await copyChecked(library, mine);
      mine.replace(path);
    } catch (error) {
      // Where a loaded library cannot be replaced, another process has just put the same one there.
      if (!isIntact(path, library)) throw error;
    }
    return path;
  } catch (cause) {
    if (cause instanceof EntmootError) throw cause;
    const isFull = FULL.has(codeOf(cause) ?? "");
    const advice = isFull
      ? `no room left to write; free ${sizeText(library.bytes)} on this disk, or move the data root`
      : `${textOf(cause)}; make the data root writable`;
    throw new EntmootError(
      isFull ? "disk_full" : "unavailable",
      `iroh: cannot unpack its library of ${sizeText(library.bytes)} to ${dir}: ${advice}`,
      { cause },
    );
  }
}

function freshName(dir: string): string {
  return join(dir, `.iroh.node.${process.pid}.${randomBytes(4).toString("hex")}`);
}

/** Whether this is root at work in a folder of somebody else, who could change a file between the look at it and its loading. */
function isForeign(libraryDir: string): boolean {
  if (process.getuid?.() !== 0 || !existsSync("/proc/self/fd")) return false;
  let at = libraryDir;
  while (!existsSync(at)) at = dirname(at);
  return statSync(at).uid !== 0;
}

/** A copy of this process alone: nobody else could write it while it had a name, and nobody finds it now. */
async function unpackNameless(dir: string, library: Embedded): Promise<string> {
  makeFolder(dir, 0o700);
  const path = freshName(dir);
  let handle: number;
  {
    using mine = new NewFile(path, 0o600, { isOurs: true });
    await copyChecked(library, mine);
    handle = openSync(`/proc/self/fd/${mine.handle}`, constants.O_RDONLY);
  }
  // Open for as long as the process is: it is the library's only name.
  return `/proc/self/fd/${handle}`;
}

function isIntact(path: string, library: Embedded): boolean {
  let file: number;
  try {
    file = openSync(trustedPath(path), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch {
    return false;
  }
  try {
    if (fstatSync(file).size !== library.bytes) return false;
    const hash = createHash("sha256");
    const buffer = new Uint8Array(COPY_BYTES);
    for (let read = readSync(file, buffer); read > 0; read = readSync(file, buffer))
      hash.update(buffer.subarray(0, read));
    return hash.digest("hex") === library.sha256;
  } finally {
    closeSync(file);
  }
}

async function copyChecked(library: Embedded, to: NewFile): Promise<void> {
  const source = Bun.file(library.path);
  const hash = createHash("sha256");
  for (let at = 0; at < library.bytes; at += COPY_BYTES) {
    const piece = await source.slice(at, Math.min(at + COPY_BYTES, library.bytes)).bytes();
    hash.update(piece);
    to.write(piece);
  }
  fsyncSync(to.handle);
  const found = hash.digest("hex");
  if (found !== library.sha256) {
    throw new EntmootError(
      "unavailable",
      `iroh: the embedded library is damaged: expected SHA-256 ${library.sha256}, found ${found}; download the program again`,
    );
  }
}

import { lstatSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { EntmootError } from "../../core/errors.ts";
import { moveFile, removeEmptyFolder, removeFile, removeTree } from "../../files/guarded-files.ts";
import { FileLock } from "../lock.ts";
import { createPrivateDirectory, fileFailure, isThere, syncDirectory } from "../private-files.ts";
import { type BackupManifest, readManifest } from "./backup-manifest.ts";
import { copyFile } from "./copy-file.ts";
import { IDENTITY } from "./make-backup.ts";
import { markRestored } from "./restored-mark.ts";

export interface RestoreHow {
  /** The owner's word that nothing else runs under its identity. */
  readonly isOriginalStopped: boolean;
  readonly onProgress: (done: number, total: number, path: string) => void;
  /** Ends it: nothing is at the data root then. */
  readonly signal: AbortSignal;
}

/**
 * Puts a backup where no data root is. Every file is held to its digest as it is copied, beside the place, and all of it
 * is there at once or not at all. Throws `invalid_argument`, `conflict`, `data_root_invalid`, `disk_full`.
 */
export async function restoreBackup(folder: string, dataDir: string, how: RestoreHow): Promise<BackupManifest> {
  const manifest = readManifest(folder);
  requireFree(dataDir);
  if (!manifest.files.some(({ path }) => path === IDENTITY)) {
    throw new EntmootError("invalid_argument", `${folder}: a backup without ${IDENTITY}`);
  }
  createPrivateDirectory(dirname(dataDir));
  const beside = `${dataDir}.restoring`;
  using _alone = new RestoringAlone(dataDir);
  try {
    // Again, now that nobody else restores there.
    requireFree(dataDir);
    removeTree(beside);
    createPrivateDirectory(beside);
    if (!how.isOriginalStopped) for (const root of rootsOf(manifest)) hold(join(beside, root), manifest.made_ms);
    await copyAll(folder, beside, manifest, how);
    how.signal.throwIfAborted();
    if (isThere(dataDir)) removeEmptyFolder(dataDir);
    moveFile(beside, dataDir);
    syncDirectory(dirname(dataDir));
  } catch (error) {
    try {
      removeTree(beside);
    } catch {
      // It is no data root, and the next restore removes it.
    }
    throw fileFailure(error, dataDir);
  }
  return manifest;
}

/** Two that restore to one place would each put half of their files there. */
class RestoringAlone implements Disposable {
  readonly #path: string;
  readonly #lock: FileLock;

  constructor(dataDir: string) {
    this.#path = `${dataDir}.restoring.lock`;
    const lock = FileLock.tryAcquire(this.#path, 0);
    if (lock === undefined) {
      throw new EntmootError("conflict", `${dataDir}: another restore goes on there; wait for it, or end it`);
    }
    this.#lock = lock;
  }

  [Symbol.dispose](): void {
    try {
      removeFile(this.#path);
    } catch {
      // It is empty, and the next restore uses it.
    } finally {
      this.#lock[Symbol.dispose]();
    }
  }
}

/** The data root and those of voices below it, as the folders of their identities. */
export function rootsOf({ files }: Pick<BackupManifest, "files">): string[] {
  return files
    .map(({ path }) => path)
    .filter((path) => path.split("/").at(-1) === IDENTITY)
    .map(dirname);
}

function hold(root: string, madeMs: number): void {
  createPrivateDirectory(root);
  markRestored(root, madeMs);
}

async function copyAll(
  folder: string,
  beside: string,
  { files }: BackupManifest,
  { onProgress, signal }: RestoreHow,
): Promise<void> {
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0);
  let done = 0;
  for (const { bytes, path, sha256 } of files) {
    const to = join(beside, path);
    createPrivateDirectory(dirname(to));
    const copied = await copyFile(source(folder, path), to, (more) => {
      signal.throwIfAborted();
      done += more;
      onProgress(done, total, path);
    });
    if (copied.bytes !== bytes || copied.sha256 !== sha256) {
      throw new EntmootError(
        "invalid_argument",
        `${join(folder, path)}: is not what was backed up: it was changed or damaged since; nothing was restored`,
      );
    }
  }
}

function source(folder: string, path: string): string {
  const from = join(folder, path);
  if (lstatSync(from, { throwIfNoEntry: false })?.isFile()) return from;
  throw new EntmootError("invalid_argument", `${from}: expected a file of the backup; nothing was restored`);
}

/** Nothing is replaced: what stands there may be the later one. */
function requireFree(dataDir: string): void {
  const found = lstatSync(dataDir, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (found.isDirectory() && readdirSync(dataDir).length === 0) return;
  throw new EntmootError(
    "conflict",
    `${dataDir}: something stands there already, and nothing is replaced: move it away, or name another place with -data`,
  );
}

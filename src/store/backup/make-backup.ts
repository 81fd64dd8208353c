import { lstatSync, readdirSync, realpathSync, statSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import type { UnixMs } from "../../core/clock.ts";
import { EntmootError } from "../../core/errors.ts";
import type { PublicKey } from "../../core/ids.ts";
import { codeOf } from "../../core/system-error.ts";
import { removeFile, removeTree, setMode } from "../../files/guarded-files.ts";
import { groupOfDirectory } from "../group-directory.ts";
import {
  createPrivateDirectory,
  createPrivateFile,
  fileFailure,
  isThere,
  PRIVATE_DIRECTORY,
  syncDirectory,
} from "../private-files.ts";
import { BACKUP_FILES_MAX, BACKUP_VERSION, type BackupFile, HALF_MADE, writeManifest } from "./backup-manifest.ts";
import { copyDatabase } from "./copy-database.ts";
import { copyFile, digestOf } from "./copy-file.ts";

/** Ours. As the data root names them. */
const GROUPS = "groups";
const VOICES = "voices";
export const IDENTITY = "identity.json";
/** What is made anew, or is of a process that runs: locks, sockets, logs, unpacked libraries, what SQLite keeps beside. */
const LEFT_OUT =
  /^(?:lib|bin|skills|runtime\.env|node\.pid|.*\.lock|.*\.sock|.*\.log|nohup\.out|.*\.tmp.*|.*\.part|.*-(?:wal|shm|journal)|restored\.json|\..*)$/;

export interface BackupSource {
  readonly dataDir: string;
  readonly identityPath: string;
  readonly key: PublicKey;
  readonly program: string;
  readonly nowMs: UnixMs;
}

export interface BackupProgress {
  /** In the backup. */
  readonly path: string;
  readonly bytes: number;
  /** As large as the files are where they come from. */
  readonly total: number;
}

export interface MadeBackup {
  readonly files: number;
  readonly bytes: number;
  readonly moots: number;
  readonly voices: number;
}

/**
 * Copies a data root, its voices with it, into a new or empty folder, while daemons run on it. Each database is of one
 * instant, those of moots later than the node's own. What is not finished is marked as such, and removed where that is
 * still possible. Throws `invalid_argument`, `data_root_invalid`, `disk_full`.
 */
export async function makeBackup(
  source: BackupSource,
  folder: string,
  onProgress: (progress: BackupProgress) => void,
): Promise<MadeBackup> {
  if (isWithin(source.dataDir, folder)) {
    throw new EntmootError("invalid_argument", `${folder}: is in the data root itself; name a folder outside of it`);
  }
  const files = filesOf(source);
  const isMade = beginFolder(folder);
  try {
    createPrivateFile(join(folder, HALF_MADE));
    const copied = await copyAll(files, folder, onProgress);
    const moots = files.filter(({ path }) => /^groups\/[^/]+\/(?:moot|messages)\.sqlite$/.test(path));
    const said = { moots: new Set(moots.map(({ path }) => path.split("/")[1])).size };
    writeManifest(folder, {
      version: BACKUP_VERSION,
      made_ms: source.nowMs,
      program: source.program,
      entmoot_pubkey: source.key,
      data_dir: source.dataDir,
      ...said,
      files: copied,
    });
    removeFile(join(folder, HALF_MADE));
    syncDirectory(folder);
    const voices = files.filter(({ path }) => /^voices\/[^/]+\/identity\.json$/.test(path)).length;
    return { ...said, voices, files: copied.length, bytes: copied.reduce((sum, { bytes }) => sum + bytes, 0) };
  } catch (error) {
    undo(folder, isMade);
    throw fileFailure(error, folder);
  }
}

interface SourceFile {
  /** In the backup. */
  readonly path: string;
  readonly from: string;
  readonly bytes: number;
}

/** Those of the node itself first: what they note of moots is then no later than the moots. */
function filesOf({ dataDir, identityPath }: BackupSource): SourceFile[] {
  const files = [fileAt(identityPath, IDENTITY), ...rootFiles(dataDir, "")];
  for (const name of namesIn(join(dataDir, VOICES))) {
    const voice = join(dataDir, VOICES, name);
    if (!name.startsWith(".") && isThereAs(voice, "folder")) files.push(...rootFiles(voice, `${VOICES}/${name}/`));
  }
  const seen = new Set<string>();
  const own = files.filter((file) => file !== undefined && !seen.has(file.path) && seen.add(file.path));
  if (own.length > BACKUP_FILES_MAX) {
    throw new EntmootError(
      "unavailable",
      `${dataDir}: expected at most ${BACKUP_FILES_MAX} files, found ${own.length}`,
    );
  }
  return own as SourceFile[];
}

/** Of one data root, without the voices below it. */
function rootFiles(root: string, prefix: string): (SourceFile | undefined)[] {
  const files = namesIn(root)
    .filter((name) => !LEFT_OUT.test(name) && (prefix !== "" || name !== IDENTITY))
    .map((name) => fileAt(join(root, name), prefix + name));
  for (const name of namesIn(join(root, GROUPS))) {
    if (groupOfDirectory(name) === undefined) continue;
    const group = join(root, GROUPS, name);
    for (const file of namesIn(group)) {
      if (!LEFT_OUT.test(file)) files.push(fileAt(join(group, file), `${prefix}${GROUPS}/${name}/${file}`));
    }
  }
  return files;
}

/** `undefined` for what is no file, links among them: they lead to what is not this node's. */
function fileAt(from: string, path: string): SourceFile | undefined {
  const found = lstatSync(from, { throwIfNoEntry: false });
  // The identity may be where its owner's link leads.
  const file = found?.isSymbolicLink() && path === IDENTITY ? statSync(from, { throwIfNoEntry: false }) : found;
  return file?.isFile() ? { from, path, bytes: file.size } : undefined;
}

function isThereAs(path: string, _what: "folder"): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch (error) {
    if (codeOf(error) === "ENOENT") return [];
    throw fileFailure(error, folder);
  }
}

/** Whether `path`, or what it will be made in, lies in `folder`, whichever links and names lead there. */
function isWithin(folder: string, path: string): boolean {
  const found = statSync(folder, { bigint: true, throwIfNoEntry: false });
  if (found === undefined) return false;
  let at = path;
  while (!isThere(at) && dirname(at) !== at) at = dirname(at);
  for (let each = realpathSync(at), last = ""; each !== last; [last, each] = [each, dirname(each)]) {
    const { dev, ino } = statSync(each, { bigint: true });
    if (dev === found.dev && ino === found.ino) return true;
  }
  return false;
}

/** Makes the folder, or takes an empty one of ours; gives whether it was made. */
function beginFolder(folder: string): boolean {
  const found = lstatSync(folder, { throwIfNoEntry: false });
  if (found === undefined) {
    createPrivateDirectory(folder);
    return true;
  }
  const refuse = (why: string): never => {
    throw new EntmootError("invalid_argument", `${folder}: ${why}; name a new or empty folder`);
  };
  if (!found.isDirectory()) refuse("expected a folder");
  const names = namesIn(folder);
  if (names.includes(HALF_MADE)) refuse("a backup was begun here and not finished; remove the folder");
  if (names.length > 0) refuse("is not empty");
  if (found.uid !== process.geteuid?.()) refuse(`belongs to user ${found.uid}`);
  setMode(folder, PRIVATE_DIRECTORY);
  return false;
}

async function copyAll(
  files: readonly SourceFile[],
  folder: string,
  onProgress: (progress: BackupProgress) => void,
): Promise<BackupFile[]> {
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0);
  const copied: BackupFile[] = [];
  let done = 0;
  for (const { bytes, from, path } of files) {
    onProgress({ path, bytes: done, total });
    const to = join(folder, path);
    createPrivateDirectory(join(to, ".."));
    if (path.endsWith(".sqlite")) {
      copyDatabase(from, to);
      copied.push({ path: relative(folder, to), ...(await digestOf(to)) });
    } else {
      copied.push({ path: relative(folder, to), ...(await copyFile(from, to)) });
    }
    done += bytes;
  }
  return copied;
}

/** What was begun goes; what cannot be removed is marked as not finished. */
function undo(folder: string, isMade: boolean): void {
  try {
    if (isMade) removeTree(folder);
    else for (const name of readdirSync(folder)) removeTree(join(folder, name));
  } catch {
    // The mark says what it is.
  }
}

import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { sha256Hex } from "../../core/bytes/sha256.ts";
import { EntmootError } from "../../core/errors.ts";
import { makeFolder, removeEmptyFolder, removeFile, replaceFile } from "../../files/guarded-files.ts";

/** Ours. The settings of a host are far smaller; a larger file is another program's data as well. */
const FILE_MAX = 16 * 1024 * 1024;

/** The hash of nothing that can be found. */
const NOBODYS = "0".repeat(64);

/** A file as it was before a change and what it was made, by which the change can be taken back. */
export interface ChangedFile {
  readonly path: string;
  /** Base64; `undefined`: it was not there. */
  readonly before: string | undefined;
  /** Its hash afterwards, 64 hex digits; `undefined`: it was not there. */
  readonly after: string | undefined;
  /** How many of the folders that it is in were made with it. */
  readonly folders: number;
}

/** As it is kept, where what is absent has no key. */
export interface KeptChange {
  readonly path: string;
  readonly before?: string | undefined;
  readonly after?: string | undefined;
  readonly folders?: number | undefined;
}

export function asChanged({ after, before, folders = 0, path }: KeptChange): ChangedFile {
  return { path, before, after, folders };
}

/** The bytes of a file; `undefined` where none is. Throws `invalid_argument` for what is no file, or too large. */
export function fileBytes(path: string): Uint8Array | undefined {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) return undefined;
  if (!found.isFile()) throw new EntmootError("invalid_argument", `${path}: expected a file, found something else`);
  if (found.size > FILE_MAX) throw new EntmootError("invalid_argument", `${path}: expected at most 16 MiB`);
  return readFileSync(path);
}

/** Runs `change`, and gives what it made of `paths`. */
export async function noteChange(paths: readonly string[], change: () => Promise<void> | void): Promise<ChangedFile[]> {
  const before = paths.map((path) => ({ path, bytes: fileBytes(path), folders: missingFolders(path) }));
  await change();
  return before.map(({ bytes, folders, path }) => ({
    path,
    folders,
    before: bytes === undefined ? undefined : Buffer.from(bytes).toString("base64"),
    after: hashOf(fileBytes(path)),
  }));
}

/**
 * What takes a second change back together with the first one. Where somebody changed the file between the two, nobody can say what
 * it was without either: it is not put back as a whole then.
 */
export function sinceEarlier(change: ChangedFile, earlier: readonly ChangedFile[]): ChangedFile {
  const first = earlier.find(({ path }) => path === change.path);
  if (first === undefined) return change;
  const between = change.before === undefined ? undefined : Buffer.from(change.before, "base64");
  return hashOf(between) === first.after
    ? { ...change, before: first.before, folders: first.folders }
    : { ...change, after: NOBODYS, folders: first.folders };
}

/** Whether nobody changed a file since. */
export function isAsWritten({ after, path }: ChangedFile): boolean {
  return hashOf(fileBytes(path)) === after;
}

/** Puts a file back as it was, byte for byte. */
export function putBack({ before, path }: ChangedFile): void {
  if (before !== undefined) replaceFile(behindLinks(path), Buffer.from(before, "base64"), { mode: modeOf(path) });
  else if (existsSync(path)) removeFile(path);
}

/** Writes a file of ours among a host's, in place of an older one. */
export function putFile(path: string, text: string): void {
  const mode = existsSync(path) ? modeOf(path) : 0o644;
  makeFolder(dirname(path), 0o755);
  replaceFile(behindLinks(path), text, { mode });
}

/** A file that was made for our entry alone goes once nothing stands in it. */
export function dropIfEmpty({ before, path }: ChangedFile): void {
  const bytes = fileBytes(path);
  if (before === undefined && bytes !== undefined && new TextDecoder().decode(bytes).trim() === "") removeFile(path);
}

/** Of the folders that were made with a file those go, from the innermost on, in which nothing is left. */
export function dropFolders({ folders, path }: ChangedFile): void {
  let at = path;
  for (let left = folders; left > 0; left--) {
    at = dirname(at);
    if (!existsSync(at)) continue;
    if (readdirSync(at).length > 0) return;
    removeEmptyFolder(at);
  }
}

function missingFolders(path: string): number {
  let missing = 0;
  for (let at = dirname(path); !existsSync(at); at = dirname(at)) missing += 1;
  return missing;
}

/** Who keeps settings elsewhere, and a link to them where a host looks, goes on doing so. */
function behindLinks(path: string): string {
  return existsSync(path) ? realpathSync(path) : path;
}

/** Removes a file of ours, where nobody made it another than `text`. */
export function dropFile(path: string, text?: string): void {
  const bytes = fileBytes(path);
  if (bytes !== undefined && (text === undefined || new TextDecoder().decode(bytes) === text)) removeFile(path);
}

function modeOf(path: string): number {
  const found = statSync(path, { throwIfNoEntry: false });
  return found === undefined ? 0o600 : found.mode & 0o777;
}

function hashOf(bytes: Uint8Array | undefined): string | undefined {
  return bytes === undefined ? undefined : sha256Hex(bytes);
}

import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { sha256Hex } from "../../core/bytes/sha256.ts";
import { EntmootError, textOf } from "../../core/errors.ts";
import { makeFolder, removeFile, replaceFile } from "../../files/guarded-files.ts";

/** Ours. The settings of a host are far smaller; a larger file is another program's data as well. */
const FILE_MAX = 16 * 1024 * 1024;

/** A file as it was before a change and what it was made, by which the change can be taken back. */
export interface ChangedFile {
  readonly path: string;
  /** Base64; `undefined`: it was not there. */
  readonly before: string | undefined;
  /** Its hash afterwards, 64 hex digits; `undefined`: it was not there. */
  readonly after: string | undefined;
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
  const before = paths.map((path) => ({ path, bytes: fileBytes(path) }));
  await change();
  return before.map(({ bytes, path }) => ({
    path,
    before: bytes === undefined ? undefined : Buffer.from(bytes).toString("base64"),
    after: hashOf(fileBytes(path)),
  }));
}

/** Puts a file back as it was, byte for byte, where nobody changed it since; `false` where somebody did. */
export function restoreFile({ after, before, path }: ChangedFile): boolean {
  if (hashOf(fileBytes(path)) !== after) return false;
  if (before !== undefined) replaceFile(path, Buffer.from(before, "base64"), { mode: modeOf(path) });
  else if (existsSync(path)) removeFile(path);
  return true;
}

/** Sets one key of a JSON file, or takes it away (`undefined`); the file is made where there is none. Throws `invalid_argument` for one that is no JSON object. */
export function setInFile(path: string, keys: readonly string[], value: unknown): void {
  const bytes = fileBytes(path);
  const text = bytes === undefined ? "{}" : new TextDecoder().decode(bytes);
  let whole: unknown;
  try {
    whole = text.trim() === "" ? {} : JSON.parse(text);
  } catch (cause) {
    const why = `${path}: expected JSON without comments, so that nothing a person wrote in it is lost (${textOf(cause)})`;
    throw new EntmootError("invalid_argument", `${why}; add the entry by hand: setup -print shows it`, { cause });
  }
  if (!isObject(whole)) throw new EntmootError("invalid_argument", `${path}: expected a JSON object`);
  const changed = withKey(whole, keys, value, path);
  makeFolder(dirname(path), 0o755);
  const indent = /^[ \t]+(?=")/m.exec(text)?.[0] ?? "  ";
  replaceFile(path, `${JSON.stringify(changed, undefined, indent)}\n`, {
    mode: bytes === undefined ? 0o644 : modeOf(path),
  });
}

/** Writes a file of ours among a host's, in place of an older one. */
export function putFile(path: string, text: string): void {
  makeFolder(dirname(path), 0o755);
  replaceFile(path, text, { mode: 0o644 });
}

/** Removes a file of ours, where nobody made it another. */
export function dropFile(path: string, text: string): void {
  const bytes = fileBytes(path);
  if (bytes !== undefined && new TextDecoder().decode(bytes) === text) removeFile(path);
}

function withKey(
  object: Readonly<Record<string, unknown>>,
  [key, ...rest]: readonly string[],
  value: unknown,
  path: string,
): Record<string, unknown> {
  if (rest.length === 0) {
    const { [key!]: _old, ...others } = object;
    return value === undefined ? others : { ...object, [key!]: value };
  }
  const inner = object[key!] ?? {};
  if (!isObject(inner)) throw new EntmootError("invalid_argument", `${path}: ${key}: expected a JSON object`);
  return { ...object, [key!]: withKey(inner, rest, value, path) };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function modeOf(path: string): number {
  const found = statSync(path, { throwIfNoEntry: false });
  return found === undefined ? 0o600 : found.mode & 0o777;
}

function hashOf(bytes: Uint8Array | undefined): string | undefined {
  return bytes === undefined ? undefined : sha256Hex(bytes);
}

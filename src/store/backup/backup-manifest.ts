import { join } from "node:path";
import { EntmootError, textOf } from "../../core/errors.ts";
import { type Decoded, decodeJson, documented, struct } from "../../core/json/json-codec.ts";
import { int, publicKey, text } from "../../core/json/json-scalars.ts";
import { replaceFile } from "../../files/guarded-files.ts";
import { readTextAtMost } from "../../files/read-at-most.ts";
import { plainList } from "../../wire/frame/bounded.ts";
import { fileFailure, isThere, PRIVATE_FILE } from "../private-files.ts";

/** Ours. Written when all else of a backup is there: without it a folder is none. */
const MANIFEST = "backup.json";
/** Ours. There while a backup is made; what it stands in was not finished. */
export const HALF_MADE = "backup-not-finished";

/** Ours. A change of shape is the next number. */
export const BACKUP_VERSION = 1;
/** Ours. Files of one backup: a few for each moot and voice. */
export const BACKUP_FILES_MAX = 65_536;
const MANIFEST_BYTES_MAX = 32 * 1024 * 1024;

const backupFile = struct(
  "file of a backup",
  { path: documented("in the folder", text), bytes: int, sha256: text },
  { required: ["path", "bytes", "sha256"] },
);

const manifest = struct(
  "backup",
  {
    version: int,
    made_ms: documented("when it was begun, Unix milliseconds", int),
    program: documented("the version of entmootd that made it", text),
    entmoot_pubkey: documented("whose it is", publicKey),
    data_dir: documented("where it was", text),
    moots: int,
    files: plainList(backupFile, BACKUP_FILES_MAX),
  },
  { required: ["version", "made_ms", "entmoot_pubkey", "files"] },
);

export type BackupManifest = Decoded<typeof manifest>;
export type BackupFile = BackupManifest["files"][number];

/** From now on the folder is a backup. Throws the system's errors. */
export function writeManifest(folder: string, value: BackupManifest): void {
  replaceFile(join(folder, MANIFEST), `${manifest.write(value, "wire")}\n`, { mode: PRIVATE_FILE });
}

/** What a folder says of itself. Throws `invalid_argument` for one that is no backup, or was not finished. */
export function readManifest(folder: string): BackupManifest {
  if (isThere(join(folder, HALF_MADE))) {
    throw new EntmootError(
      "invalid_argument",
      `${folder}: a backup was begun here and not finished: it cannot be restored; remove the folder, and make another backup`,
    );
  }
  const path = join(folder, MANIFEST);
  let json: string;
  try {
    json = readTextAtMost(path, MANIFEST_BYTES_MAX) ?? fail(path, "larger than that of a backup");
  } catch (error) {
    if (error instanceof EntmootError) throw error;
    if (!isThere(path)) {
      throw new EntmootError("invalid_argument", `${folder}: no backup: there is no ${MANIFEST} in it`);
    }
    throw fileFailure(error, path);
  }
  let value: BackupManifest;
  try {
    value = decodeJson(manifest, json);
  } catch (error) {
    return fail(path, textOf(error));
  }
  if (value.version !== BACKUP_VERSION) {
    fail(path, `expected version ${BACKUP_VERSION}, found ${value.version}; a newer entmootd restores it`);
  }
  for (const file of value.files) requireInside(path, file);
  return value;
}

/** A name in the folder, and nothing that leads out of it. */
function requireInside(at: string, { bytes, path, sha256 }: BackupFile): void {
  const parts = path.split("/");
  const isName = parts.every((part) => part !== "" && part !== "." && part !== ".." && !part.includes("\0"));
  if (!isName || parts.length > 8)
    fail(at, `expected the name of a file in it, found ${JSON.stringify(path.slice(0, 80))}`);
  if (!/^[0-9a-f]{64}$/.test(sha256) || bytes < 0) fail(at, `expected size and digest of ${path}`);
}

function fail(path: string, why: string): never {
  throw new EntmootError("invalid_argument", `${path}: ${why}`);
}

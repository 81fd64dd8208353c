import { fsyncSync, readFileSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { sizeText } from "../core/amounts.ts";
import { encodeUtf8 } from "../core/bytes/utf8.ts";
import { EntmootError, textOf } from "../core/errors.ts";
import { formatIdentity, type Identity, identityOf, parseIdentity } from "../core/identity.ts";
import { SEED_BYTES } from "../core/signature.ts";
import { makeFolder, NewFile, setMode, syncPath } from "../files/guarded-files.ts";
import { trustedPath } from "../files/trusted-path.ts";

export interface LoadedIdentity {
  readonly identity: Identity;
  readonly path: string;
  /** What a person should know: loose permissions that were tightened. */
  readonly notices: readonly string[];
}

/** Ours. The file has 176 bytes; this leaves room for blanks and foreign keys. */
const FILE_MAX_BYTES = 64 * 1024;

/**
 * The identity in `path`, or `undefined` when there is no such file. Permissions for group or others are
 * taken away. Throws as `readIdentity`.
 */
export function loadIdentity(path: string): LoadedIdentity | undefined {
  const identity = readIdentity(path);
  return identity && { identity, path, notices: tighten(path) };
}

/** For looking only: as `loadIdentity`, and changes nothing. Throws `identity_invalid`, naming the file, when it is there but is no identity. */
export function readIdentity(path: string): Identity | undefined {
  let bytes: Uint8Array;
  try {
    const real = trustedPath(path);
    const file = statSync(real);
    // A device has no end, and a pipe none that comes of itself.
    if (!file.isFile()) throw new Error("expected a regular file");
    if (file.size > FILE_MAX_BYTES)
      throw new Error(`expected at most ${sizeText(FILE_MAX_BYTES)}, found ${sizeText(file.size)}`);
    bytes = readFileSync(real);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new EntmootError("identity_invalid", `identity file ${path}: cannot be read: ${textOf(error)}`, {
      cause: error,
    });
  }
  try {
    return parseIdentity(bytes);
  } catch (error) {
    if (!(error instanceof EntmootError)) throw error;
    throw new EntmootError(error.code, `${path}: ${error.message}`, { cause: error });
  }
}

/** Writes a key, a new one unless given, to `path` (0600, its folder 0700), durable on return. Never replaces a file. */
export function createIdentity(path: string, identity: Identity = drawIdentity()): LoadedIdentity {
  try {
    makeFolder(dirname(path), 0o700);
    using file = new NewFile(`${path}.tmp-${process.pid}`, 0o600);
    file.write(encodeUtf8(formatIdentity(identity)));
    fsyncSync(file.handle);
    // A link, unlike a rename, refuses to replace what another process put there meanwhile.
    file.link(path);
    syncFolder(dirname(path));
  } catch (error) {
    throw new EntmootError("identity_invalid", `identity file ${path}: cannot be written: ${textOf(error)}`, {
      cause: error,
    });
  }
  return { identity, path, notices: [] };
}

function drawIdentity(): Identity {
  return identityOf(crypto.getRandomValues(new Uint8Array(SEED_BYTES)));
}

function tighten(path: string): string[] {
  const mode = statSync(path).mode & 0o777;
  if ((mode & 0o077) === 0) return [];
  try {
    setMode(path, 0o600);
    return [`${path}: others could read the identity (mode ${mode.toString(8)}); tightened to 600`];
  } catch {
    return [`${path}: others can read the identity (mode ${mode.toString(8)}); run chmod 600 on it`];
  }
}

/** Makes the rename durable; where a folder cannot be opened, the rename alone has to do. */
function syncFolder(path: string): void {
  try {
    syncPath(path);
  } catch {
    // Some file systems refuse to sync a folder.
  }
}

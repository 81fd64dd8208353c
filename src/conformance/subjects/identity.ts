import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { EntmootError } from "../../core/errors.ts";
import { formatIdentity, identityOf, parseIdentity, readIdentity } from "../../core/identity.ts";
import { sign, verifySignature } from "../../core/signature.ts";
import { createIdentity, loadIdentity } from "../../host/identity-file.ts";
import { booleanField, hexField, numberField, textField } from "../fields.ts";
import { expectEqual, Mismatch, type Subject, type VectorCase } from "../subject.ts";

export const subject: Subject = { kinds: { write: checkWrite, load: checkLoad, generate: checkGenerate } };

const NOTHING = new Uint8Array(0);

function checkWrite(vector: VectorCase): void {
  const identity = identityOf(hexField(vector, "seed"));
  expectEqual(identity.publicKey, hexField(vector, "public_key"));
  const file = new TextEncoder().encode(formatIdentity(identity));
  expectEqual(file, hexField(vector, "file"));
  expectEqual(parseIdentity(file).seed, identity.seed);
  const modes = { dir: textField(vector, "dir_mode"), file: textField(vector, "file_mode") };
  inNewFolder((path) => {
    createIdentity(path, identity);
    expectEqual(readFileSync(path), Buffer.from(file));
    expectEqual({ dir: modeOf(dirname(path)), file: modeOf(path) }, modes);
  });
}

function checkLoad(vector: VectorCase): void {
  const file = hexField(vector, "file");
  const expected = textField(vector, "expect");
  const found = readIdentity(file);
  if (expected === "reject") {
    expectEqual(typeof found === "string" ? found : "ok", textField(vector, "class"));
    return;
  }
  expectEqual(expected, "ok");
  if (typeof found === "string") throw new Mismatch("ok", found);
  const signature = sign(found.seed, NOTHING);
  expectEqual(found.publicKey, hexField(vector, "public_key"));
  expectEqual(signature, hexField(vector, "signature_of_empty"));
  expectEqual(verifySignature(found.publicKey, NOTHING, signature), booleanField(vector, "self_verify"));
}

/** A new file has the recorded size and mode; a broken one is an error and stays as it is. */
function checkGenerate(vector: VectorCase): void {
  const isMissing = booleanField(vector, "creates");
  inNewFolder((path) => {
    if (isMissing) {
      expectEqual(loadIdentity(path), undefined);
      createIdentity(path);
      expectEqual(readFileSync(path).length, numberField(vector, "file_size"));
      expectEqual(modeOf(path), textField(vector, "file_mode"));
      return;
    }
    mkdirSync(dirname(path));
    writeFileSync(path, BROKEN);
    expectEqual(isRefused(path), booleanField(vector, "error"));
    expectEqual(readFileSync(path, "utf8") === BROKEN, booleanField(vector, "file_unchanged"));
  });
}

const BROKEN = "{";

function isRefused(path: string): boolean {
  try {
    loadIdentity(path);
    return false;
  } catch (error) {
    if (error instanceof EntmootError && error.code === "identity_invalid") return true;
    throw error;
  }
}

/** Runs `use` with the path of a file, in a folder that are both not there yet. */
function inNewFolder(use: (path: string) => void): void {
  const root = mkdtempSync(join(tmpdir(), "entmoot-conformance-"));
  try {
    use(join(root, "data", "identity.json"));
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

/** Permissions as the vectors print them. */
function modeOf(path: string): string {
  return (statSync(path).mode & 0o777).toString(8).padStart(4, "0");
}

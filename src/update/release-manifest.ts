import * as v from "valibot";
import { sizeText } from "../core/amounts.ts";
import { decodeBase64 } from "../core/bytes/base64.ts";
import { sha256Hex } from "../core/bytes/sha256.ts";
import { EntmootError } from "../core/errors.ts";
import { PUBLIC_KEY_BYTES, publicKeyOf, SIGNATURE_BYTES, sign, verifySignature } from "../core/signature.ts";
import { schemaWords } from "./schema-words.ts";
import { parseVersion } from "./version-order.ts";

/** Wire. The `type` of every manifest; a change that old readers would misread gets another one. */
export const MANIFEST_TYPE = "entmoot.release.v1";

/** Wire. Names inside a feed, which every installed version asks for. */
export const MANIFEST_NAME = "manifest.json";
export const SIGNATURE_NAME = "manifest.json.sig";

/** Wire. What a reader accepts at most; a release that needs more is refused when it is made. */
export const MANIFEST_MAX_BYTES = 1024 * 1024;
const RELEASE_FILES_MAX = 64;
const ARCHIVE_MAX_BYTES = 512 * 1024 * 1024;
const BINARY_MAX_BYTES = 1024 * 1024 * 1024;

/** Wire. Signatures beside one manifest: enough for every key of a rotation; one line has 105 bytes. */
const SIGNATURES_MAX = 16;
export const SIGNATURES_MAX_BYTES = 4096;

/** Safe as the name of a folder. */
const version = v.pipe(
  v.string(),
  v.check((text) => parseVersion(text)?.tag === text, "expected a version such as v1.2.3"),
);
const sha256 = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/, "expected 64 lowercase hex digits"));
const bytes = (max: number) => v.pipe(v.number(), v.safeInteger(), v.minValue(1), v.maxValue(max));
const count = v.pipe(v.number(), v.safeInteger(), v.minValue(1));

const ReleaseFileBody = v.pipe(
  v.object({
    /** Of the archive in the feed. No separator fits in it, so it cannot name a file elsewhere. */
    name: v.pipe(
      v.string(),
      v.regex(/^[a-z0-9][a-z0-9._-]{0,99}\.(tar\.gz|zip)$/, "expected the plain name of a .tar.gz or .zip"),
    ),
    os: v.picklist(["linux", "darwin", "windows"]),
    arch: v.picklist(["amd64", "arm64"]),
    /** Which C library the executable needs; empty where a system has only one. */
    libc: v.picklist(["glibc", "musl", ""]),
    /** Bytes of the archive. */
    size: bytes(ARCHIVE_MAX_BYTES),
    sha256,
    /** The executable inside. */
    binary: v.object({ name: v.picklist(["entmootd", "entmootd.exe"]), size: bytes(BINARY_MAX_BYTES), sha256 }),
    /** Whether the executable carries iroh; without it peers are reached through Pilot only. */
    iroh: v.boolean(),
    /** What the release run could do with the executable. */
    verified: v.picklist(["run", "checked, not run"]),
    experimental: v.boolean(),
    /** On darwin: the seal macOS asks for before it runs anything; empty elsewhere. */
    code_signature: v.optional(v.picklist(["ad-hoc", "none", ""]), ""),
  }),
  v.check((file) => (file.os === "linux") === (file.libc !== ""), "expected a libc on linux, and only there"),
  v.check((file) => file.binary.name.endsWith(".exe") === (file.os === "windows"), "expected .exe on windows only"),
);

/** One archive of a release. */
export type ReleaseFile = v.InferOutput<typeof ReleaseFileBody>;

const ReleaseManifestBody = v.object({
  type: v.literal(MANIFEST_TYPE),
  /** With its leading `v`. */
  version,
  /** Grows with every release; Unix ms of the release run unless chosen. */
  serial: count,
  commit: v.pipe(v.string(), v.regex(/^(unknown|[0-9a-f]{7,64}(-dirty)?)$/, "expected a commit in hex")),
  /** Of the commit; RFC 3339 in UTC, whole seconds. */
  date: v.pipe(
    v.string(),
    v.regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/, "expected a date such as 2026-01-02T03:04:05Z"),
  ),
  /** From this instant on the manifest is refused, so that a feed cannot be held back unseen. */
  expires_at_ms: count,
  files: v.pipe(
    v.array(ReleaseFileBody),
    v.minLength(1),
    v.maxLength(RELEASE_FILES_MAX),
    v.check((files) => distinct(files.map((file) => file.name)), "expected distinct names"),
    v.check((files) => distinct(files.map(platformOf)), "expected one file for each os, arch and libc"),
  ),
});

/** What a release is: the content of `manifest.json`. Sizes in bytes. */
export type ReleaseManifest = v.InferOutput<typeof ReleaseManifestBody>;

/**
 * The manifest that `bytes` hold. Says nothing of who made it: see `verifyManifest`. Keys of later versions are
 * ignored. Throws `invalid_argument` naming where, what was expected and what was found.
 */
export function parseManifest(bytes: Uint8Array): ReleaseManifest {
  if (bytes.length > MANIFEST_MAX_BYTES) {
    throw malformed(`expected at most ${sizeText(MANIFEST_MAX_BYTES)}, found ${sizeText(bytes.length)}`);
  }
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch (cause) {
    throw malformed("expected a JSON object, found something else or a part of one", cause);
  }
  const result = v.safeParse(ReleaseManifestBody, json, { abortEarly: true, message: schemaWords });
  if (result.success) return result.output;
  const [issue] = result.issues;
  const where = v.getDotPath(issue);
  throw malformed(`${where === null ? "" : `${where}: `}${clipped(issue.message)}`);
}

/** The text of `manifest.json`: one line for each file, a newline at the end. Throws what `parseManifest` throws. */
export function formatManifest(manifest: ReleaseManifest): string {
  const { files, type, version, serial, commit, date, expires_at_ms } = manifest;
  const head = JSON.stringify({ type, version, serial, commit, date, expires_at_ms }).slice(0, -1);
  const text = `${head},"files":[\n${files.map((file) => JSON.stringify(file)).join(",\n")}\n]}\n`;
  parseManifest(new TextEncoder().encode(text));
  return text;
}

/** A manifest that a release key signed, and which key that was. */
export interface VerifiedManifest {
  readonly manifest: ReleaseManifest;
  readonly keyId: string;
}

/**
 * Checks that one of `keys` (base64 of 32 bytes each) signed `bytes`, and only then reads them. `signatures` is the
 * text of `manifest.json.sig`; lines by keys we do not know are passed over. Neither expiry nor serial is judged here.
 * Throws `signature_invalid` when no known key signed, `invalid_argument` for bytes or text that cannot be read.
 */
export function verifyManifest(input: {
  readonly bytes: Uint8Array;
  readonly signatures: string;
  readonly keys: readonly string[];
}): VerifiedManifest {
  const { bytes, keys } = input;
  if (bytes.length > MANIFEST_MAX_BYTES) {
    throw malformed(`expected at most ${sizeText(MANIFEST_MAX_BYTES)}, found ${sizeText(bytes.length)}`);
  }
  const signatures = parseSignatures(input.signatures);
  const known = new Map(keys.map((key) => [releaseKeyId(key), publicKeyBytes(key)]));
  if (known.size === 0) {
    throw new EntmootError(
      "signature_invalid",
      "release manifest: this build carries no release keys to check it with",
    );
  }
  for (const { keyId, signature } of signatures) {
    const key = known.get(keyId);
    if (key !== undefined && verifySignature(key, bytes, signature)) return { manifest: parseManifest(bytes), keyId };
  }
  const found = signatures.map(({ keyId }) => keyId);
  const which = found.some((keyId) => known.has(keyId))
    ? "the signature does not match its bytes; it was changed after it was signed, or its upload is not complete: try again later, and tell the publisher if it stays so"
    : `expected a signature by ${[...known.keys()].join(" or ")}, found ${found.join(", ") || "none"}; this program is of another publisher than the feed, or older than its key: mend ENTMOOT_UPDATE_URL or -repo, or install anew with the feed's install.sh`;
  throw new EntmootError("signature_invalid", `release manifest: ${which}`);
}

/** One line of `manifest.json.sig` with its newline. `seed` is the 32-byte private key. */
export function signManifest(bytes: Uint8Array, seed: Uint8Array): string {
  const keyId = releaseKeyId(publicKeyOf(seed).toBase64());
  return `${keyId} ${sign(seed, bytes).toBase64()}\n`;
}

/** How a release key is named: the first 16 hex digits of the SHA-256 of its 32 bytes. Throws `invalid_argument`. */
export function releaseKeyId(publicKey: string): string {
  return sha256Hex(publicKeyBytes(publicKey)).slice(0, 16);
}

interface ReleaseSignature {
  readonly keyId: string;
  readonly signature: Uint8Array;
}

function parseSignatures(text: string): ReleaseSignature[] {
  if (text.length > SIGNATURES_MAX_BYTES) {
    throw malformedSignature(`expected at most ${sizeText(SIGNATURES_MAX_BYTES)}, found ${sizeText(text.length)}`);
  }
  const lines = text.split(/\r?\n/).filter((line) => line !== "");
  if (lines.length > SIGNATURES_MAX) {
    throw malformedSignature(`expected at most ${SIGNATURES_MAX} signatures, found ${lines.length}`);
  }
  return lines.map((line) => {
    const [, keyId, base64] = /^([0-9a-f]{16}) ([A-Za-z0-9+/]{86}==)$/.exec(line) ?? [];
    const signature = base64 === undefined ? undefined : decodeBase64(base64);
    if (keyId === undefined || signature?.length !== SIGNATURE_BYTES) {
      throw malformedSignature(`expected key id, blank and base64 of 64 bytes, found ${JSON.stringify(clipped(line))}`);
    }
    return { keyId, signature };
  });
}

function publicKeyBytes(key: string): Uint8Array {
  const bytes = decodeBase64(key);
  if (bytes?.length === PUBLIC_KEY_BYTES) return bytes;
  throw new EntmootError("invalid_argument", `release key: expected base64 of 32 bytes, found ${clipped(key)}`);
}

/** Where a file runs, as one word: `linux-amd64-musl`, `darwin-arm64`. */
export function platformOf(file: Pick<ReleaseFile, "os" | "arch" | "libc">): string {
  return `${file.os}-${file.arch}${file.libc === "musl" ? "-musl" : ""}`;
}

function distinct(values: readonly string[]): boolean {
  return new Set(values).size === values.length;
}

function clipped(text: string): string {
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

function malformed(message: string, cause?: unknown): EntmootError {
  return new EntmootError("invalid_argument", `${MANIFEST_NAME}: ${message}`, { cause });
}

function malformedSignature(message: string): EntmootError {
  return new EntmootError("invalid_argument", `${SIGNATURE_NAME}: ${message}`);
}

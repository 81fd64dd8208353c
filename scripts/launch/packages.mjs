import { createHash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, normalize } from "node:path";
import { gunzipSync } from "node:zlib";
import { explainNpmFailure, runNpm } from "./npm.mjs";

/** @typedef {{ version: string, integrity?: string }} Locked */

/**
 * What the lock file says about a package; without `integrity` when it only knows the version, as for native
 * packages of platforms the lock file could not resolve.
 * @param {string} root @param {string} name @returns {Locked}
 */
export function lockedPackage(root, name) {
  const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"));
  const entry = lock.packages[`node_modules/${name}`];
  if (entry !== undefined) return { version: entry.version, integrity: entry.integrity };
  for (const other of Object.values(lock.packages)) {
    const version = /** @type {{ optionalDependencies?: Record<string, string> }} */ (other).optionalDependencies?.[
      name
    ];
    if (version !== undefined) return { version };
  }
  throw new Error(`${name} is not in package-lock.json`);
}

/**
 * The directory of a package of any platform: installed, kept from an earlier fetch, or fetched now at the
 * locked version and checked against the locked hash.
 * @param {string} root @param {string} name @returns {Promise<string>}
 */
export async function packageDir(root, name) {
  const locked = lockedPackage(root, name);
  const installed = join(root, "node_modules", name);
  if (versionOf(installed) === locked.version) return installed;
  const kept = join(root, "node_modules/.cache/entmoot", `${name}@${locked.version}`);
  if (versionOf(kept) === locked.version) return kept;
  await fetchPackage({ root, name, locked, into: kept });
  return kept;
}

/**
 * Puts a package of any platform where imports find it, unless it is there.
 * @param {string} root @param {string} name
 */
export async function installPackage(root, name) {
  const locked = lockedPackage(root, name);
  const into = join(root, "node_modules", name);
  if (versionOf(into) !== locked.version) await fetchPackage({ root, name, locked, into });
}

/** @param {string} dir */
function versionOf(dir) {
  const manifest = join(dir, "package.json");
  return existsSync(manifest) ? JSON.parse(readFileSync(manifest, "utf8")).version : undefined;
}

/**
 * Fetches one package with npm and unpacks it. `into` appears whole or not at all.
 * @param {{ root: string, name: string, locked: Locked, into: string }} options
 */
export async function fetchPackage({ root, name, locked, into }) {
  const spec = `${name}@${locked.version}`;
  process.stderr.write(`fetching ${spec} …\n`);
  mkdirSync(dirname(into), { recursive: true });
  const temporary = mkdtempSync(`${into}.tmp-`);
  try {
    // Also where npm was told to be silent, as under `npm run -s`: what it says of a failure is read below.
    const pack = ["pack", spec, "--json", "--ignore-scripts", "--loglevel=error", "--pack-destination", temporary];
    const { status, stdout, stderr } = await runNpm(pack, { cwd: root, quiet: true });
    if (status !== 0) {
      const missing = /E404/.test(stderr);
      throw new Error(`${spec}: ${missing ? "the registry does not have it" : explainNpmFailure(stderr)}`);
    }
    const archive = readFileSync(join(temporary, JSON.parse(stdout)[0].filename));
    verifyIntegrity(spec, archive, locked.integrity);
    const unpacked = join(temporary, "package");
    unpack(gunzipSync(archive, { maxOutputLength: UNPACKED_MAX }), unpacked);
    rmSync(into, { recursive: true, force: true });
    renameSync(unpacked, into);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

/** Ours. Three times the largest package here, Bun itself with 110 MB. */
const UNPACKED_MAX = 400 * 1024 * 1024;

/**
 * Without a locked hash npm's own check against the registry's word is all there is, and that is said.
 * @param {string} spec @param {Uint8Array} archive @param {string | undefined} integrity
 */
export function verifyIntegrity(spec, archive, integrity) {
  if (integrity === undefined) {
    process.stderr.write(`${spec}: the lock file has no hash for it; taken as the registry gives it\n`);
    return;
  }
  const found = `sha512-${createHash("sha512").update(archive).digest("base64")}`;
  if (found !== integrity) throw new Error(`${spec}: expected ${integrity}, found ${found}`);
}

/**
 * Regular files of a package tarball, whose paths all begin with one directory that is dropped.
 * @param {Uint8Array} tar @param {string} into
 */
export function unpack(tar, into) {
  const text = new TextDecoder();
  for (let at = 0; at + 512 <= tar.length; ) {
    const header = tar.subarray(at, at + 512);
    if (header[0] === 0) return;
    const field = (/** @type {number} */ from, /** @type {number} */ to) =>
      text.decode(header.subarray(from, to)).replace(/\0.*$/s, "").trim();
    const size = Number.parseInt(field(124, 136), 8) || 0;
    const mode = Number.parseInt(field(100, 108), 8) || 0o644;
    const prefix = field(345, 500);
    const name = prefix === "" ? field(0, 100) : `${prefix}/${field(0, 100)}`;
    const type = field(156, 157);
    const inside = normalize(name.slice(name.indexOf("/") + 1));
    if ((type === "0" || type === "") && !name.endsWith("/")) {
      if (inside.startsWith("..") || inside.startsWith("/"))
        throw new Error(`package archive has an unsafe path: ${name}`);
      const path = join(into, inside);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, tar.subarray(at + 512, at + 512 + size));
      chmodSync(path, mode & 0o111 ? 0o755 : 0o644);
    }
    at += 512 + Math.ceil(size / 512) * 512;
  }
}

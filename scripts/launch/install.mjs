import { createHash } from "node:crypto";
import { closeSync, existsSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { explainNpmFailure, runNpm } from "./npm.mjs";
import { installPackage } from "./packages.mjs";
import { hostTarget, TARGETS } from "./platform.mjs";

/** Ours. How often a waiting person is told that something still happens. */
const HEARTBEAT_MS = 10_000;

/**
 * Makes `node_modules` what the lock file says, doing nothing when it already is.
 * @param {string} root @param {AbortSignal} signal
 */
export async function ensureInstalled(root, signal) {
  if (isCurrent(root)) return;
  const release = await lockInstall(root, signal);
  try {
    if (isCurrent(root)) return; // Another launcher did it while we waited.
    if (!matchesLock(root)) await installLocked(root, signal);
    await addUnlockedNatives(root);
    writeFileSync(stampPath(root), fingerprint(root));
  } finally {
    release();
  }
}

/** @param {string} root */
const stampPath = (root) => join(root, "node_modules/.entmoot-stamp");

/** Whether the last complete installation was of this very lock file, for this platform. @param {string} root */
function isCurrent(root) {
  return existsSync(stampPath(root)) && readFileSync(stampPath(root), "utf8") === fingerprint(root);
}

/** @param {string} root */
export function fingerprint(root) {
  const hash = createHash("sha256");
  for (const file of ["package.json", "package-lock.json"]) hash.update(readFileSync(join(root, file))).update("\0");
  return hash.update(hostTarget()).digest("hex");
}

/**
 * Whether an installation made by hand (`npm install`) already holds what the lock file asks for. npm leaves its own
 * record in node_modules; optional packages may be absent, as they are for other platforms.
 * @param {string} root
 */
export function matchesLock(root) {
  const record = join(root, "node_modules/.package-lock.json");
  if (!existsSync(record)) return false;
  try {
    const wanted = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")).packages;
    const installed = JSON.parse(readFileSync(record, "utf8")).packages;
    const target = TARGETS[hostTarget()];
    const needed = new Set([`node_modules/${target?.bun}`, `node_modules/${target?.iroh}`]);
    return Object.entries(wanted).every(([path, entry]) => {
      if (path === "") return true;
      const found = installed[path];
      if (found === undefined) return entry.optional === true && !needed.has(path);
      return found.version === entry.version && found.integrity === entry.integrity && existsSync(join(root, path));
    });
  } catch {
    return false; // A torn record: install anew.
  }
}

/** @param {string} root @param {AbortSignal} signal */
async function installLocked(root, signal) {
  const started = Date.now();
  const say = (/** @type {string} */ text) => process.stderr.write(`${text}\n`);
  say("installing the locked dependencies with npm ci (about 250 MB on disk, once) …");
  const heartbeat = setInterval(() => say(`… still installing, ${seconds(started)}`), HEARTBEAT_MS);
  try {
    // Scripts stay off: nothing here needs one, and Bun's binary is taken from its platform package.
    const args = [
      "ci",
      "--ignore-scripts",
      "--include=dev",
      "--include=optional",
      "--no-audit",
      "--no-fund",
      "--loglevel=error",
    ];
    const { status, stderr } = await runNpm(args, { cwd: root, signal });
    if (status !== 0) throw new Error(`npm ci ended with status ${status}: ${explainNpmFailure(stderr)}`);
  } finally {
    clearInterval(heartbeat);
  }
  say(`dependencies installed in ${seconds(started)}`);
}

/** @param {number} startedMs */
const seconds = (startedMs) => `${((Date.now() - startedMs) / 1000).toFixed(0)} s`;

/**
 * The lock file can only hold hashes of packages that its registry had. A native package it lacks is fetched by
 * its exact version; without it the daemon still runs, over Pilot.
 * @param {string} root
 */
async function addUnlockedNatives(root) {
  const name = TARGETS[hostTarget()]?.iroh;
  if (name === undefined) {
    process.stderr.write("note: iroh has no build for this machine; peers are reached through Pilot only\n");
    return;
  }
  try {
    await installPackage(root, name);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    process.stderr.write(`note: iroh is not available, peers are reached through Pilot only: ${reason}\n`);
  }
}

/** Ours. A lock without a pid is one being written, or left by a crash in that instant. */
const EMPTY_LOCK_MS = 5_000;

/**
 * One installation at a time: two `npm ci` in one tree remove each other's files. Waits for the holder; takes
 * over from one that died.
 * @param {string} root @param {AbortSignal} signal @returns {Promise<() => void>}
 */
async function lockInstall(root, signal) {
  const path = join(root, ".entmoot-install.lock");
  let emptyMs = 0;
  for (let told = false; ; ) {
    try {
      const fd = openSync(path, "wx");
      writeSync(fd, String(process.pid));
      closeSync(fd);
      return () => rmSync(path, { force: true });
    } catch (error) {
      if (/** @type {NodeJS.ErrnoException} */ (error).code !== "EEXIST") throw error;
    }
    const holder = holderOf(path);
    emptyMs = holder === 0 ? emptyMs + 250 : 0;
    if (holder === undefined || emptyMs > EMPTY_LOCK_MS) {
      rmSync(path, { force: true });
      continue;
    }
    if (!told) process.stderr.write(`another process (pid ${holder || "starting"}) is installing; waiting for it …\n`);
    told = true;
    await sleep(250, undefined, { signal });
  }
}

/** The pid that holds the lock, 0 while it is not written yet, `undefined` when the holder is gone. @param {string} path */
function holderOf(path) {
  try {
    const pid = Number(readFileSync(path, "utf8"));
    if (!Number.isInteger(pid) || pid < 0) return undefined;
    if (pid > 0) process.kill(pid, 0);
    return pid;
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === "EPERM" ? -1 : undefined;
  }
}

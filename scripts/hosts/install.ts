import { copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { explainNpmFailure, runNpm } from "../launch/npm.mjs";
import {
  type HostName,
  lockOf,
  type PinnedPackage,
  pinnedHost,
  pinnedPackage,
  platformKey,
  programIn,
} from "./pinned.ts";

/** Ours. How long the download of one host may take. */
const INSTALL_MAX_MS = 600_000;
/** Ours. How often a waiting person is told that something still happens. */
const HEARTBEAT_MS = 10_000;

/** Where they are kept: beside the sources, ignored by git; several checkouts may share one. */
export function cacheFolder(): string {
  return process.env.ENTMOOT_HOSTS_CACHE || resolve(import.meta.dir, "../../.cache/hosts");
}

/** Another program to take for a host, such as a newer version: `ENTMOOT_HOST_CODEX=/path/to/codex`. */
const overrideOf = (host: HostName) => process.env[`ENTMOOT_HOST_${host.toUpperCase()}`] || undefined;

function folderOf(host: HostName): string {
  return join(cacheFolder(), `${host}-${pinnedHost(host).version}-${platformKey()}`);
}

/** The program of `host`; `undefined` when it is not installed. */
export function hostProgram(host: HostName): string | undefined {
  const program = overrideOf(host) ?? (existsSync(folderOf(host)) ? programIn(folderOf(host), host) : undefined);
  return program !== undefined && existsSync(program) ? program : undefined;
}

/** What is missing when `host` cannot be run here, in the words of a skipped test. */
export function missingHost(host: HostName): string | undefined {
  const override = overrideOf(host);
  if (override !== undefined && !existsSync(override)) return `ENTMOOT_HOST_${host.toUpperCase()} names no file`;
  return hostProgram(host) === undefined ? `needs ${pinnedHost(host).title}: npm run hosts` : undefined;
}

/**
 * Puts the pinned version of `host` into the cache, checked against its hash, and removes other versions of it; does
 * nothing where it is. Throws saying why it cannot be had, and what to do.
 */
export async function installHost(host: HostName, signal: AbortSignal, say: (line: string) => void): Promise<void> {
  if (hostProgram(host) !== undefined) return;
  const { title, version } = pinnedHost(host);
  const pinned = pinnedPackage(host);
  if (pinned === undefined)
    throw new Error(`${title} ${version}: test/hosts/versions.json has no package for ${platformKey()}`);
  const started = performance.now();
  const waited = () => `${Math.round((performance.now() - started) / 1000)} s`;
  say(`${title} ${version}: fetching ${pinned.package}@${pinned.version} …`);
  const heartbeat = setInterval(() => say(`${title}: still fetching, ${waited()}`), HEARTBEAT_MS);
  // Nobody sees it half there: two that install at once each make their own, and the second finds it done.
  const partial = `${folderOf(host)}.${process.pid}.partial`;
  try {
    mkdirSync(partial, { recursive: true });
    await fetchInto(
      partial,
      pinned,
      lockOf(pinnedHost(host)),
      AbortSignal.any([signal, AbortSignal.timeout(INSTALL_MAX_MS)]),
    );
    if (programIn(partial, host) === undefined) {
      throw new Error(`${pinned.package}@${pinned.version} holds no program where one is expected; see scripts/hosts`);
    }
    if (hostProgram(host) === undefined) renameSync(partial, folderOf(host));
  } catch (error) {
    if (signal.aborted || (error as Error).name !== "AbortError") throw error;
    throw new Error(`${title}: not fetched within ${INSTALL_MAX_MS / 60_000} minutes; run the same command again`);
  } finally {
    clearInterval(heartbeat);
    rmSync(partial, { recursive: true, force: true });
  }
  removeOthers(host);
  say(`${title} ${version}: installed in ${waited()}`);
}

/** npm compares what it fetched with the hash in the lock file, and asks the registry that it is set to. */
async function fetchInto(
  folder: string,
  pinned: PinnedPackage,
  lock: string | undefined,
  signal: AbortSignal,
): Promise<void> {
  const dependencies = { [pinned.package]: pinned.version };
  const locked = { version: pinned.version, integrity: pinned.integrity };
  const packages = { "": { dependencies }, [`node_modules/${pinned.package}`]: locked };
  writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true, dependencies }));
  const lockFile = join(folder, "package-lock.json");
  if (lock !== undefined) copyFileSync(lock, lockFile);
  else writeFileSync(lockFile, JSON.stringify({ lockfileVersion: 3, requires: true, packages }));
  // What is optional in a tree is for other parts than those that are run here. `ci` wants it in the lock file all the same,
  // also where no registry has it; `install` takes from there what it does install, by its hash.
  const how = lock === undefined ? ["ci"] : ["install", "--omit=optional"];
  const words = [...how, "--ignore-scripts", "--no-audit", "--no-fund"];
  const { status, stderr } = await runNpm(words, { cwd: folder, signal, quiet: true });
  if (status !== 0) throw new Error(`${pinned.package}@${pinned.version}: ${explainNpmFailure(stderr)}`);
}

function removeOthers(host: HostName): void {
  const kept = folderOf(host);
  for (const name of readdirSync(cacheFolder())) {
    const isOther =
      name.startsWith(`${host}-`) && name.endsWith(`-${platformKey()}`) && join(cacheFolder(), name) !== kept;
    if (isOther) rmSync(join(cacheFolder(), name), { recursive: true, force: true });
  }
}

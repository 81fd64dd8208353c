import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { explainNpmFailure, runNpm } from "../launch/npm.mjs";
import { HOSTS, type HostName, lockOf, type PinnedHost, type PinnedPackage, pinnedHost } from "./pinned.ts";

const FILE = resolve(import.meta.dir, "../../test/hosts/versions.json");

/** The lock file names no registry, so that any mirror can serve it. */
const LOCK_ONLY = [
  "--package-lock-only",
  "--omit-lockfile-registry-resolved",
  "--save-exact",
  "--ignore-scripts",
  "--no-audit",
  "--no-fund",
];

/** An entry of a lock file that npm wrote. */
interface Locked {
  readonly name?: string;
  readonly version: string;
  readonly integrity: string;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly libc?: readonly string[];
}

/**
 * Writes the newest versions of `hosts` into the file of versions, with the hashes that the registry gives; the others
 * stay. Gives what changed, a line each.
 */
export async function pinNewest(hosts: readonly HostName[], signal: AbortSignal): Promise<string[]> {
  const all = Object.fromEntries(HOSTS.map((host) => [host, pinnedHost(host)]));
  const changes: string[] = [];
  for (const host of hosts) {
    const before = pinnedHost(host);
    const after = await newest(before, signal);
    if (after.version !== before.version) changes.push(`${host}: ${before.version} -> ${after.version}`);
    all[host] = after;
  }
  writeFileSync(FILE, `${JSON.stringify(all, null, 2)}\n`);
  return changes;
}

async function newest(host: PinnedHost, signal: AbortSignal): Promise<PinnedHost> {
  const folder = mkdtempSync(join(tmpdir(), "entmoot-pin-"));
  try {
    writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "pinned", private: true }));
    const { status, stderr } = await runNpm(["install", ...LOCK_ONLY, `${host.package}@latest`], {
      cwd: folder,
      signal,
      quiet: true,
    });
    if (status !== 0) throw new Error(`${host.title}: ${explainNpmFailure(stderr)}`);
    const lockText = readFileSync(join(folder, "package-lock.json"), "utf8");
    const { packages } = JSON.parse(lockText);
    const { "": _, ...locked } = packages as Record<string, Locked>;
    const main = locked[`node_modules/${host.package}`]!;
    const lock = lockOf(host);
    if (lock !== undefined) {
      writeFileSync(lock, lockText);
      const any = pinned(`node_modules/${host.package}`, main);
      return { ...host, version: main.version, platforms: { any } };
    }
    const platforms = Object.entries(locked)
      .filter(([, entry]) => entry !== main)
      .map(([path, entry]) => [platformOf(path, entry), pinned(path, entry)] as const)
      // A processor without newer instructions runs the baseline too, so on x64 that one is taken.
      .toSorted(([, a], [, b]) => Number(a.package.includes("baseline")) - Number(b.package.includes("baseline")));
    return {
      title: host.title,
      package: host.package,
      version: main.version,
      platforms: Object.fromEntries(
        platforms.length === 0 ? [["any", pinned(`node_modules/${host.package}`, main)]] : platforms,
      ),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function pinned(path: string, { name, version, integrity }: Locked): PinnedPackage {
  return { package: name ?? path.replace(/^node_modules\//, ""), version, integrity };
}

function platformOf(path: string, { os, cpu, libc }: Locked): string {
  const system = os?.[0] === "win32" ? "windows" : os?.[0];
  const isMusl = libc?.includes("musl") || path.includes("-musl");
  return `${system}-${cpu?.[0]}${isMusl ? "-musl" : ""}`;
}

import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";

const ROOT = resolve(import.meta.dir, "../..");
const lockText = readFileSync(resolve(ROOT, "package-lock.json"), "utf8");
const manifest = JSON.parse(readFileSync(resolve(ROOT, "package.json"), "utf8"));

interface Entry {
  readonly version: string;
  readonly integrity?: string;
  readonly optional?: boolean;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
}
const packages: Readonly<Record<string, Entry>> = JSON.parse(lockText).packages;

/** Native parts by platform: with these a fresh clone builds, runs and is checked there. */
const NATIVE = [
  "@oven/bun-linux-x64",
  "@oven/bun-linux-x64-musl",
  "@oven/bun-linux-aarch64",
  "@oven/bun-linux-aarch64-musl",
  "@oven/bun-darwin-x64",
  "@oven/bun-darwin-aarch64",
  "@oven/bun-windows-x64",
  "@number0/iroh-linux-x64-gnu",
  "@number0/iroh-linux-x64-musl",
  "@number0/iroh-darwin-arm64",
  "@typescript/typescript-linux-x64",
  "@typescript/typescript-linux-arm64",
  "@typescript/typescript-darwin-x64",
  "@typescript/typescript-darwin-arm64",
  "@typescript/typescript-win32-x64",
  "@biomejs/cli-linux-x64",
  "@biomejs/cli-linux-x64-musl",
  "@biomejs/cli-linux-arm64",
  "@biomejs/cli-linux-arm64-musl",
  "@biomejs/cli-darwin-x64",
  "@biomejs/cli-darwin-arm64",
  "@biomejs/cli-win32-x64",
];

/**
 * Packages that the registry used for the lock file did not hold, so that no hash could be recorded. They are pinned
 * by exact version, and npm checks them against what its registry says. A name leaves this list when its hash is known.
 */
const WITHOUT_HASH = [
  "@number0/iroh-android-arm-eabi",
  "@number0/iroh-android-arm64",
  "@number0/iroh-linux-arm-gnueabihf",
  "@number0/iroh-linux-arm-musleabihf",
  "@number0/iroh-linux-arm64-gnu",
  "@number0/iroh-linux-arm64-musl",
  "@number0/iroh-win32-arm64-msvc",
  "@number0/iroh-win32-x64-msvc",
];

test.each(NATIVE)("the lock file pins %s with its hash, as optional", (name) => {
  const entry = packages[`node_modules/${name}`];
  expect(entry).toMatchObject({ optional: true });
  expect(entry?.integrity).toMatch(/^sha512-/);
  expect(entry?.os?.length).toBe(1);
  expect(entry?.cpu?.length).toBe(1);
});

test("every package but the named ones has a sha512 hash, and those are pinned to iroh's own version", () => {
  const bare = Object.entries(packages).filter(
    ([path, entry]) => path !== "" && !/^sha512-/.test(entry.integrity ?? ""),
  );
  expect(bare.map(([path]) => path.slice("node_modules/".length)).sort()).toEqual(WITHOUT_HASH.toSorted());
  const iroh = manifest.dependencies["@number0/iroh"];
  expect(bare.map(([, entry]) => [entry.version, entry.optional])).toEqual(WITHOUT_HASH.map(() => [iroh, true]));
});

test("the lock file holds every optional dependency that its packages name, or npm ci refuses it", () => {
  const named = Object.values(packages).flatMap((entry) =>
    Object.entries((entry as { optionalDependencies?: Record<string, string> }).optionalDependencies ?? {}),
  );
  expect(named.length).toBeGreaterThan(40);
  const wrong = named.filter(([name, version]) => packages[`node_modules/${name}`]?.version !== version);
  expect(wrong).toEqual([]);
});

test("the lock file names no registry: it serves every mirror alike", () => {
  expect(lockText).not.toContain('"resolved"');
  expect(lockText).not.toMatch(/https?:\/\/[^"]*registry/);
  const npmrc = readFileSync(resolve(ROOT, ".npmrc"), "utf8");
  expect(npmrc).toContain("omit-lockfile-registry-resolved=true");
  expect(npmrc).not.toMatch(/^\s*(registry|.*:registry)\s*=/m);
});

test("package.json asks for exact versions, the ones that are locked", () => {
  const asked = { ...manifest.dependencies, ...manifest.devDependencies } as Record<string, string>;
  const locked = Object.fromEntries(
    Object.keys(asked).map((name) => [name, packages[`node_modules/${name}`]?.version]),
  );
  expect(asked).toEqual(locked as Record<string, string>);
  for (const version of Object.values(asked)) expect(version).toMatch(/^\d+\.\d+\.\d+(-[\w.]+)?$/);
});

test("the fields of package.json repeated in the lock file are equal", () => {
  const root = packages[""] as unknown as Record<string, unknown>;
  for (const field of ["name", "version", "license", "dependencies", "devDependencies", "engines"]) {
    expect(root[field]).toEqual(manifest[field]);
  }
});

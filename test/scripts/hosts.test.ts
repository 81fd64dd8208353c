import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { HOSTS, pinnedHost, pinnedPackage } from "../../scripts/hosts/pinned.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

const ROOT = resolve(import.meta.dir, "../..");

/** What a stand-in for npm does where it was told to install: it writes a program, or fails with what npm says. */
const INSTALLS = `
const { mkdirSync, writeFileSync, readFileSync } = require("node:fs");
const { dirname } = require("node:path");
const [name] = Object.keys(JSON.parse(readFileSync("package.json", "utf8")).dependencies);
for (const path of ["claude", "bin/opencode", "vendor/some-machine/bin/codex", "lib-headless/xterm-headless.js"]) {
  mkdirSync(dirname("node_modules/" + name + "/" + path), { recursive: true });
  writeFileSync("node_modules/" + name + "/" + path, "a program");
}
`;
const DIFFERS = `process.stderr.write("npm error code EINTEGRITY\\n"); process.exitCode = 1;`;

class Checkout implements Disposable {
  readonly #folder = new TemporaryDirectory();
  readonly cache = join(this.#folder.path, "cache");
  readonly #npm = join(this.#folder.path, "npm-cli.js");

  run(npm: string, ...args: readonly string[]) {
    writeFileSync(this.#npm, npm);
    const env = { PATH: process.env.PATH, ENTMOOT_HOSTS_CACHE: this.cache, npm_execpath: this.#npm };
    const run = Bun.spawnSync([process.execPath, "scripts/hosts.ts", ...args], { cwd: ROOT, env });
    return { status: run.exitCode, stdout: run.stdout.toString(), stderr: run.stderr.toString() };
  }

  [Symbol.dispose](): void {
    this.#folder[Symbol.dispose]();
  }
}

test("every host is pinned by version and hash", () => {
  for (const host of HOSTS) {
    const packages = Object.values(pinnedHost(host).platforms);
    expect(packages.length).toBeGreaterThan(0);
    for (const { version, integrity } of packages) {
      expect(version).toMatch(/^\d+\.\d+\.\d+/);
      expect(integrity).toMatch(/^sha512-[A-Za-z0-9+/]{86}==$/);
    }
  }
});

test("npm run hosts installs what is pinned by its hash, and nothing again", () => {
  using checkout = new Checkout();
  expect(checkout.run(DIFFERS, "--list", "claude")).toMatchObject({ status: 1, stderr: "" });
  const first = checkout.run(INSTALLS, "claude");
  expect(first).toMatchObject({ status: 0 });
  expect(first.stdout).toStartWith(`claude ${pinnedHost("claude").version} ${checkout.cache}`);
  const [folder] = readdirSync(checkout.cache);
  const lock = JSON.parse(readFileSync(join(checkout.cache, folder!, "package-lock.json"), "utf8"));
  expect(Object.values(lock.packages)[1]).toMatchObject({ integrity: pinnedPackage("claude")!.integrity });
  // A stand-in that fails is not even asked.
  expect(checkout.run(DIFFERS, "claude")).toMatchObject({ status: 0, stderr: "" });
  expect(readdirSync(checkout.cache)).toEqual([folder!]);
});

test("npm run hosts takes away another version of what it installs, and leaves nothing of what failed", () => {
  using checkout = new Checkout();
  const { status, stderr } = checkout.run(DIFFERS, "claude");
  expect(status).toBe(1);
  expect(stderr).toContain("a package differs from the lock file");
  expect(readdirSync(checkout.cache)).toEqual([]);
  checkout.run(INSTALLS, "claude");
  const [current] = readdirSync(checkout.cache);
  const other = current!.replace(pinnedHost("claude").version, "1.0.0");
  mkdirSync(join(checkout.cache, other));
  checkout.run(INSTALLS, "codex");
  expect(existsSync(join(checkout.cache, other))).toBe(true);
  Bun.spawnSync(["rm", "-rf", join(checkout.cache, current!)]);
  checkout.run(INSTALLS, "claude");
  expect(existsSync(join(checkout.cache, other))).toBe(false);
});

test("npm run hosts names what it does not know", () => {
  using checkout = new Checkout();
  const { status, stderr } = checkout.run(INSTALLS, "emacs");
  expect(status).toBe(1);
  expect(stderr).toStartWith(`hosts: expected --list, --pin or ${HOSTS.join(", ")}, found "emacs"`);
});

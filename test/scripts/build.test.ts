import { afterAll, expect, test } from "bun:test";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { buildBinary, currentVersion, hashInputs } from "../../scripts/build.ts";
import { findBun } from "../../scripts/launch/bun.mjs";
import { hostTarget, TARGETS } from "../../scripts/launch/platform.mjs";
import { licenceOf, lockEntryOf, wholeOf } from "../../scripts/release/sbom.ts";

const ROOT = resolve(import.meta.dir, "../..");
const home = mkdtempSync(join(tmpdir(), "entmoot-build-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));

const stamp = { version: "v9.8.7", commit: "c0ffee", date: "2026-01-02T03:04:05Z", irohOptional: true };

test("the executable prints its stamp, ignores the files of the directory it starts in, and loads commands when asked", async () => {
  const outfile = join(home, "out/entmootd");
  const { packages } = await buildBinary({ target: hostTarget(), outfile, ...stamp });
  const [inside] =
    /## Inside the executable\n([^#]*)/.exec(readFileSync(join(ROOT, "docs/dependencies.md"), "utf8")) ?? [];
  const listed = [...inside!.matchAll(/^\| `([^`]+)` \| (\S+) \| ([^|]+) \|/gm)].map(([, ...cells]) => cells);
  // What docs/dependencies.md lists is what the bundler put in, no more and no less.
  const lock = JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8"));
  const found = packages.map((name) => [
    wholeOf(name),
    lockEntryOf(lock, name).version,
    licenceOf(lock, wholeOf(name)),
  ]);
  expect(listed.toSorted()).toEqual(found.toSorted());

  const elsewhere = join(home, "elsewhere");
  mkdirSync(elsewhere);
  writeFileSync(join(elsewhere, ".env"), "ENTMOOT_ENABLE_FLEET=nonsense\n");
  writeFileSync(join(elsewhere, "bunfig.toml"), 'preload = ["./missing.ts"]\n');
  const run = (...args: string[]) =>
    Bun.spawnSync([outfile, ...args], { cwd: elsewhere, env: { HOME: elsewhere, PATH: "/nowhere" } });

  const version = run("version");
  expect(version.stderr.toString()).toBe("");
  expect(version.stdout.toString()).toBe('{"version":"v9.8.7","commit":"c0ffee","date":"2026-01-02T03:04:05Z"}\n');
  expect(version.exitCode).toBe(0);
  const env = run("env", "-json");
  expect(JSON.parse(env.stdout.toString())).toMatchObject({ binary: outfile, runtime_status: "down" });
  expect(run("nonsense").exitCode).toBe(5);
  expect(JSON.parse(run("self-test").stdout.toString())).toMatchObject({ event: "self_test", ok: true });

  // Nor does it listen to the runtime's own variables: each of these would run another's code in it.
  writeFileSync(join(elsewhere, "other.js"), 'require("node:fs").writeFileSync("ran", "");');
  const other = join(elsewhere, "other.js");
  for (const env of [
    { BUN_BE_BUN: "1" },
    { BUN_OPTIONS: `--preload ${other}` },
    { BUN_OPTIONS: `-r ${other}` },
    { BUN_OPTIONS: `--inspect-brk=0` },
    { NODE_OPTIONS: `--require ${other}` },
    { NODE_OPTIONS: `--import ${other}` },
    { BUN_INSPECT_PRELOAD: other },
    { BUN_INSPECT: "ws://127.0.0.1:0/x?break=1", BUN_INSPECT_PRELOAD: other },
    { BUN_INSPECT_CONNECT_TO: `unix://${join(elsewhere, "debugger.sock")}` },
    { BUN_INSPECT_NOTIFY: `unix://${join(elsewhere, "debugger.sock")}` },
  ]) {
    const { stderr, stdout } = Bun.spawnSync([outfile, "version"], {
      cwd: elsewhere,
      env: { HOME: elsewhere, ...env },
    });
    expect([env, stdout.toString(), stderr.toString()]).toEqual([env, version.stdout.toString(), ""]);
  }
  const asBun = Bun.spawnSync([outfile, other], { cwd: elsewhere, env: { HOME: elsewhere, BUN_BE_BUN: "1" } });
  expect(asBun.exitCode).toBe(5);
  expect(readdirSync(elsewhere).sort()).toEqual([".env", "bunfig.toml", "other.js"]);
  expect(readdirSync(dirname(outfile))).toEqual(["entmootd"]);
});

test("a target that does not exist is refused with those that do, and a failed build leaves nothing", async () => {
  const outfile = join(home, "failed/entmootd");
  expect(buildBinary({ target: "bun-plan9-x64", outfile, ...stamp })).rejects.toThrow(
    /expected one of bun-linux-x64, .*found bun-plan9-x64/,
  );
  const entry = join(home, "broken.ts");
  writeFileSync(entry, 'import "./nowhere.ts";\n');
  const building = buildBinary({ target: hostTarget(), outfile, entry, ...stamp });
  await expect(building).rejects.toThrow("Bundle failed");
  expect(readdirSync(dirname(outfile))).toEqual([]);
});

test("an executable in which iroh found no place is not made", async () => {
  const outfile = join(home, "nowhere/entmootd");
  const entry = join(home, "without-transport.ts");
  writeFileSync(entry, "console.log(1);\n");
  const building = buildBinary({ target: hostTarget(), outfile, entry, ...stamp });
  await expect(building).rejects.toThrow("would carry no iroh");
  expect(readdirSync(dirname(outfile))).toEqual([]);
});

test("the inputs of a build differ by platform and are stable", () => {
  expect(hashInputs("bun-linux-x64")).toBe(hashInputs("bun-linux-x64"));
  expect(hashInputs("bun-linux-x64")).not.toBe(hashInputs("bun-linux-arm64"));
  expect(currentVersion()).toBe(`v${JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")).version}`);
});

test("Bun is found in its platform package where npm did not run its install script, and becomes the command", () => {
  const root = join(home, "checkout");
  const bin = join(root, "node_modules", TARGETS[hostTarget()]!.bun, "bin");
  mkdirSync(bin, { recursive: true });
  mkdirSync(join(root, "node_modules/bun/bin"), { recursive: true });
  cpSync(join(ROOT, "package-lock.json"), join(root, "package-lock.json"));
  const command = join(root, "node_modules/bun/bin/bun.exe");
  writeFileSync(command, "echo 'a placeholder'\n");
  expect(() => findBun(root)).toThrow(/Bun 1\.4\.5 cannot be run \(.* holds no binary\); remove node_modules/);

  symlinkSync(process.execPath, join(bin, "bun"));
  expect(findBun(root)).toBe(join(bin, "bun"));
  expect(statSync(command).size).toBeGreaterThan(1e7);
  rmSync(join(bin, "bun"));
  expect(findBun(root)).toBe(command);
});

test("another version of Bun is not used, and both versions are named", () => {
  const root = join(home, "other");
  mkdirSync(join(root, "node_modules/bun/bin"), { recursive: true });
  symlinkSync(process.execPath, join(root, "node_modules/bun/bin/bun.exe"));
  const lock = { packages: { "node_modules/bun": { version: "9.9.9" } } };
  writeFileSync(join(root, "package-lock.json"), JSON.stringify(lock));
  expect(() => findBun(root)).toThrow(`expected version 9.9.9, found ${Bun.version}`);
});

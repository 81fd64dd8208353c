import { expect, test } from "bun:test";
import { cpSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

const ROOT = resolve(import.meta.dir, "../..");
const PROGRAMS = [
  "scripts/build.ts",
  "scripts/check-load.ts",
  "scripts/demo.ts",
  "scripts/hosts.ts",
  "scripts/soak.ts",
  "bench/bench.ts",
  "bench/iroh-echo.ts",
  "release.ts",
];

const PRELOAD = "./test/support/only-prints.ts";

test.each(PROGRAMS)("%s --help prints its usage and does nothing else", (program) => {
  using home = new TemporaryDirectory();
  for (const flag of ["--help", "-h"]) {
    const { exitCode, stderr, stdout } = Bun.spawnSync([process.execPath, "--preload", PRELOAD, program, flag], {
      cwd: ROOT,
      env: { PATH: process.env.PATH, HOME: home.path, TMPDIR: home.path, BUN_RUNTIME_TRANSPILER_CACHE_PATH: "0" },
    });
    expect({ flag, stderr: stderr.toString(), exitCode }).toEqual({ flag, stderr: "", exitCode: 0 });
    expect(stdout.toString()).toStartWith("usage: ");
    expect(readdirSync(home.path)).toEqual([]);
  }
});

test("npm tasks tell what they do where nothing is installed, and install nothing for it", () => {
  using home = new TemporaryDirectory();
  mkdirSync(join(home.path, "scripts"));
  for (const name of ["launch", "launch.mjs"]) {
    cpSync(join(ROOT, "scripts", name), join(home.path, "scripts", name), { recursive: true });
  }
  for (const words of ["--help", "start --help", "test -h", "check --help", "soak --help", "build -- --help"]) {
    const { exitCode, stderr, stdout } = Bun.spawnSync(["node", "scripts/launch.mjs", ...words.split(" ")], {
      cwd: home.path,
    });
    expect({ words, stderr: stderr.toString(), exitCode }).toEqual({ words, stderr: "", exitCode: 0 });
    expect(stdout.toString()).toStartWith("usage: npm ");
  }
  expect(readdirSync(home.path)).toEqual(["scripts"]);
});

test("npm start -- -h is answered by the program too, where it is built", () => {
  using home = new TemporaryDirectory();
  for (const name of ["launch", "launch.mjs"]) {
    cpSync(join(ROOT, "scripts", name), join(home.path, "scripts", name), { recursive: true });
  }
  mkdirSync(join(home.path, "dist"));
  writeFileSync(join(home.path, "dist/entmootd"), '#!/bin/sh\necho "asked: $*"\n', { mode: 0o755 });
  for (const flag of ["-h", "--help"]) {
    const { exitCode, stdout } = Bun.spawnSync(["node", "scripts/launch.mjs", "start", flag], { cwd: home.path });
    expect(exitCode).toBe(0);
    expect(stdout.toString()).toStartWith("usage: npm start");
    expect(stdout.toString()).toEndWith(`\nasked: up ${flag}\n`);
  }
  expect(readdirSync(home.path).toSorted()).toEqual(["dist", "scripts"]);
});

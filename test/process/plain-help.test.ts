import { expect, test } from "bun:test";
import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { shellQuote } from "../../src/host/shell-quote.ts";
import { BINARY } from "../support/binary.ts";
import { missingTool, testWhere } from "../support/needs.ts";
import { otherUser, otherUserMissing } from "../support/other-user.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

const COMMANDS =
  "call conformance env group info invite join operations peers publish query roster self-test serve stop tail up update version".split(
    " ",
  );

function run(
  args: readonly string[],
  options: { readonly argv0?: string; readonly env?: Record<string, string> } = {},
) {
  using home = new TemporaryDirectory();
  const { argv0 = BINARY, env } = options;
  const { stdout, stderr, exitCode } = Bun.spawnSync([argv0, ...args], {
    env: { PATH: process.env.PATH ?? "", HOME: home.path, ...env },
    cwd: home.path,
  });
  return { stdout: stdout.toString(), stderr: stderr.toString(), exitCode };
}

test("help that was asked for is on stdout, fits 80 columns, and is status 0 for every command", () => {
  const asked = [["-help"], ["help"], ["group", "create", "-h"], ...COMMANDS.map((command) => [command, "-help"])];
  for (const args of asked) {
    const { exitCode, stderr, stdout } = run(args);
    expect({ args, exitCode, stderr }).toEqual({ args, exitCode: 0, stderr: "" });
    expect(stdout).toContain("usage:");
    expect(stdout.split("\n").filter((line) => line.length > 80 && !line.includes(BINARY))).toEqual([]);
  }
  expect(run([])).toMatchObject({ stdout: "", exitCode: 5 });
  expect(run(["-json-errors"])).toMatchObject({ stdout: "", exitCode: 5 });
  expect(JSON.parse(run(["-json-errors"]).stderr).error.code).toBe("invalid_argument");
});

test("a suggestion names the program as it was started, or as entmootd where PATH leads to it", () => {
  using folder = new TemporaryDirectory();
  const bin = join(folder.path, "bin");
  mkdirSync(bin);
  symlinkSync(BINARY, join(bin, "entmootd"));
  symlinkSync(BINARY, join(bin, "moot"));
  const suggested = (options: Parameters<typeof run>[1]) =>
    /make a moot with "(.*) up"/.exec(run(["stop"], options).stderr)?.[1];
  expect(suggested({})).toBe(shellQuote(BINARY));
  expect(suggested({ env: { PATH: bin } })).toBe("entmootd");
  expect(suggested({ argv0: join(bin, "moot") })).toBe(shellQuote(join(bin, "moot")));
  expect(run(["-help"], { argv0: join(bin, "moot") }).stdout).toContain(`write instead:\n  ${join(bin, "moot")}\n`);
  expect(run(["-help"], { env: { PATH: bin } }).stdout).not.toContain("write instead");
});

testWhere(missingTool("script"), "on a terminal neither help nor a failure is coloured", async () => {
  using home = new TemporaryDirectory();
  const env = { PATH: process.env.PATH ?? "", HOME: home.path, E: BINARY };
  for (const TERM of ["xterm-256color", "dumb"]) {
    for (const args of ["-help", "publish -help", "nosuch", "", "info", "publish -topic t -content x"]) {
      const shown = Bun.spawnSync(["script", "-qec", `exec "$E" ${args}`, "/dev/null"], { env: { ...env, TERM } });
      const text = shown.stdout.toString();
      expect(text.length).toBeGreaterThan(20);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: what a terminal would act on.
      expect({ TERM, args, codes: text.match(/\x1b[^\n]*/g) }).toEqual({ TERM, args, codes: null });
    }
  }
});

testWhere(
  otherUserMissing(),
  "what only prints needs no home folder, and what needs one says what to set",
  async () => {
    // Of this user the system knows nothing.
    const homeless = (...args: string[]) => {
      const { stdout, stderr, exitCode } = Bun.spawnSync([...otherUser(), BINARY, ...args], {
        env: { PATH: process.env.PATH ?? "" },
        cwd: "/",
      });
      return { stdout: stdout.toString(), stderr: stderr.toString(), exitCode };
    };
    const vector = join(import.meta.dir, "../vectors/topics.json");
    for (const args of [
      ["operations"],
      ["operations", "publish", "-json"],
      ["version"],
      ["-help"],
      ["conformance", vector],
    ]) {
      expect({ args, ...homeless(...args) }).toMatchObject({ args, exitCode: 0, stderr: "" });
    }
    // It gets further than a home folder: this build can verify no release.
    expect(homeless("update", "-check").stderr).toContain("release keys");
    for (const args of [["info"], ["env"], ["update", "-restart"], ["tail"]]) {
      expect({ args, ...homeless(...args) }).toMatchObject({ args, exitCode: 5 });
      expect(homeless(...args).stderr).toContain("set HOME, or give -data");
    }
  },
);

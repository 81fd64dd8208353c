import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const MAIN = resolve(import.meta.dir, "../../src/main.ts");
const home = mkdtempSync(join(tmpdir(), "entmoot-cli-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));

function run(args: readonly string[], env: Record<string, string> = {}) {
  const { stdout, stderr, exitCode } = Bun.spawnSync([process.execPath, MAIN, ...args], {
    // Bun keeps compiled sources in the home directory unless told not to; the executable has none.
    env: { PATH: process.env.PATH ?? "", HOME: home, BUN_RUNTIME_TRANSPILER_CACHE_PATH: "0", ...env },
    cwd: home,
  });
  return { stdout: stdout.toString(), stderr: stderr.toString(), exitCode };
}

test("without a command, usage goes to stderr, nothing to stdout, and the status is 5", () => {
  expect(run([])).toEqual({ stdout: "", stderr: expect.stringContaining("usage:"), exitCode: 5 });
});

test.each([[["--help"]], [["-h"]], [["help"]], [["version", "-h"]]])("help is not a failure: %j", (args) => {
  expect(run(args)).toEqual({ stdout: expect.stringContaining("usage:"), stderr: "", exitCode: 0 });
});

test("version prints one JSON object, and a run from source says it is one", () => {
  const { stdout, stderr, exitCode } = run(["version"]);
  for (const flag of ["-version", "--version"]) expect(run([flag])).toEqual({ stdout, stderr, exitCode });
  expect(stdout).toBe('{"version":"dev","commit":"unknown","date":"unknown"}\n');
  expect({ stderr, exitCode }).toEqual({ stderr: "", exitCode: 0 });
});

test.each([
  [["nonsense"], 'entmootd: unknown subcommand "nonsense"\n'],
  [["-version", "info"], "entmootd: flag provided but not defined: -version\n"],
  [["version", "extra"], 'entmootd: version: unexpected argument "extra"\n'],
  [["-\u001b[2J\u009b1mx"], "entmootd: flag provided but not defined: -[2J1mx\n"],
  [["-listen-port", "0", "version"], "entmootd: listen-port 0 out of uint16 range: expected a port from 1 to 65535\n"],
  [["env", "-log-level=bogus"], 'entmootd: unknown log level "bogus": expected debug, info, warn or error\n'],
])("%j is refused with status 5 and nothing on stdout", (args, stderr) => {
  expect(run(args)).toEqual({ stdout: "", stderr, exitCode: 5 });
});

test("a suggested command is one for the data root that was named", () => {
  const root = join(home, "of two words");
  const { stderr, exitCode } = run(["stop", "-data", root]);
  expect({ stderr, exitCode }).toEqual({
    stderr: `entmootd: no running Entmoot daemon found, and nothing is here yet; make a moot with "entmootd -data '${root}' up", or take part in one with "entmootd -data '${root}' join"\n`,
    exitCode: 6,
  });
});

test("a fresh data root that was named is named in what info suggests, and nothing is made there", () => {
  const root = join(home, "nothing here");
  expect(run(["info", "-data", root]).stderr).toContain(`"entmootd -data '${root}' up" or`);
  for (const flags of [["-transport", "pilot"], ["-transport", "memory"], ["-hide-ip"]]) {
    expect(run(["serve", "-data", root, ...flags]).exitCode).toBe(5);
  }
  expect(existsSync(root)).toBe(false);
});

test("with -json a failure of update is an object on stdout, whatever it is", () => {
  const { stdout, exitCode } = run(["update", "-check", "-json"], { ENTMOOT_UPDATE_URL: "ftp://x" });
  expect(JSON.parse(stdout)).toMatchObject({ error: { code: "invalid_argument" } });
  expect(exitCode).toBe(5);
});

test.each([
  ["no such file", "no file of that name, and not a link (entmoot://join/…), a URL or an invite's JSON"],
  ["entmoot://join/abc", "moot link: it ends too early; copy it whole"],
])("join %s says what it would take", (argument, reason) => {
  const { stderr, exitCode } = run(["join", argument]);
  expect(stderr).toContain(reason);
  expect(exitCode).toBe(5);
});

test("a malformed feature flag or variable stops every command, even env", () => {
  for (const command of ["env", "version"]) {
    expect(run([command], { ENTMOOT_ENABLE_FLEET: "sure" })).toMatchObject({ stdout: "", exitCode: 5 });
    expect(run([command], { ENTMOOT_LAN: "sure" }).stderr).toBe(
      'entmootd: ENTMOOT_LAN: expected on or off, found "sure"\n',
    );
  }
});

test("with -json-errors a failure is one JSON object on stderr, wherever the flag stands", () => {
  for (const args of [
    ["-json-errors", "nonsense"],
    ["nonsense", "--json-errors"],
    ["version", "-lan=x", "-json-errors=true"],
    ...["t", "T", "TRUE", "True", "1", "perhaps"].map((word) => [`-json-errors=${word}`, "nonsense"]),
    ["nonsense", "-json-errors=false", "-json-errors"],
  ]) {
    const { stderr, exitCode } = run(args);
    expect({ args, ...JSON.parse(stderr) }).toEqual({
      args,
      error: { code: "invalid_argument", message: expect.any(String) },
    });
    expect(exitCode).toBe(5);
  }
});

test("a failure is prose where JSON was taken back, or is only spoken of", () => {
  for (const args of [
    ["-json-errors", "-json-errors=F", "nonsense"],
    ["-json-errors", "-no-json-errors", "nonsense"],
    ["nonsense", "--", "-json-errors"],
  ]) {
    const { exitCode, stderr } = run(args);
    expect({ args, exitCode, stderr }).toEqual({ args, exitCode: 5, stderr: expect.stringMatching(/^entmootd: /) });
  }
});

describe("env", () => {
  test("reports without creating a data root or an identity", () => {
    const empty = join(home, "empty");
    mkdirSync(empty);
    const { stdout, exitCode } = run(["env", "-json", "-socket", join(empty, "pilot.sock")], { HOME: empty });
    expect(JSON.parse(stdout)).toMatchObject({
      runtime_status: "down",
      runtime_status_reason: `control socket is not reachable: there is no data root at ${join(empty, ".entmoot")}`,
      data_dir: join(empty, ".entmoot"),
      identity_path: join(empty, ".entmoot/identity.json"),
      pilot_socket_reachable: false,
      publish_path_healthy: false,
      features: { fleet_enabled: false, tasks_enabled: false },
    });
    expect(exitCode).toBe(0);
    expect(readdirSync(empty)).toEqual([]);
  });

  test("prints the same as lines for people", () => {
    const { stdout, exitCode } = run(["-data", "~/elsewhere", "env"]);
    expect(stdout).toContain(`data: ${home}/elsewhere\n`);
    expect(stdout).toMatch(/^runtime_status: down$/m);
    expect(exitCode).toBe(0);
  });
});

test("a reader that has seen enough ends the program quietly", async () => {
  const program = Bun.spawn(["sh", "-c", `"$0" "$1" env -json; echo "status $?" >&2`, process.execPath, MAIN], {
    env: { PATH: process.env.PATH ?? "", HOME: home },
    stdout: "pipe",
    stderr: "pipe",
  });
  await program.stdout.cancel();
  expect(await new Response(program.stderr).text()).toBe("status 0\n");
});

import { expect, test } from "bun:test";
import { readdirSync, utimesSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { removeAbandoned } from "../../scripts/unfinished.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

const UNFINISHED = resolve(import.meta.dir, "../../scripts/unfinished.ts");

test("what a killed build left in the checkout is removed once nobody writes it any more, and nothing else", () => {
  using directory = new TemporaryDirectory();
  const names = [".364f3e5746056f0b-00000000.bun-build", ".94f3e5746056f0b-00000001.bun-build", "mine.bun-build"];
  for (const name of names) writeFileSync(join(directory.path, name), "");
  for (const name of [names[0]!, names[2]!]) utimesSync(join(directory.path, name), 1_000, 1_000);
  removeAbandoned(directory.path);
  expect(readdirSync(directory.path).sort()).toEqual([names[1]!, names[2]!].sort());
});

test("a signal removes what was begun, is said, and still is what ends the process", async () => {
  using directory = new TemporaryDirectory();
  const script = `
    import { rmSync, writeFileSync } from "node:fs";
    import { cleaningUp } from ${JSON.stringify(UNFINISHED)};
    await cleaningUp("task", () => rmSync("work", { recursive: true }), async () => {
      writeFileSync("work", "");
      writeFileSync(".364f3e5746056f0b-00000000.bun-build", "");
      process.stdout.write("begun");
      await Bun.sleep(60_000);
    });`;
  const run = Bun.spawn([process.execPath, "-e", script], { cwd: directory.path, stdout: "pipe", stderr: "pipe" });
  for await (const _begun of run.stdout) run.kill("SIGTERM");
  await run.exited;
  expect(run.signalCode).toBe("SIGTERM");
  expect(await run.stderr.text()).toBe("task: interrupted; removing what is unfinished\n");
  // What is being written in the same folder is another build's.
  expect(readdirSync(directory.path)).toEqual([".364f3e5746056f0b-00000000.bun-build"]);
});

test.each(["scripts/build.ts", "scripts/soak.ts", "scripts/check-load.ts", "scripts/demo.ts", "bench/bench.ts"])(
  "%s tells its usage when asked",
  (program) => {
    const root = resolve(import.meta.dir, "../..");
    const { exitCode, stdout, stderr } = Bun.spawnSync([process.execPath, program, "--help"], { cwd: root });
    expect({ exitCode, stderr: stderr.toString() }).toEqual({ exitCode: 0, stderr: "" });
    expect(stdout.toString()).toStartWith("usage: npm run ");
  },
);

test("an option that build does not know is named, with where to look", () => {
  const root = resolve(import.meta.dir, "../..");
  const { exitCode, stderr } = Bun.spawnSync([process.execPath, "scripts/build.ts", "--fast"], { cwd: root });
  expect(stderr.toString()).toBe(`build: Unknown option '--fast'; "npm run build -- --help" lists the options\n`);
  expect(exitCode).toBe(1);
});

test(".ci/run and the demo do nothing when they are asked for their usage, or for what they do not know", () => {
  const cwd = resolve(import.meta.dir, "../..");
  const run = (...command: string[]) => {
    const { exitCode, stdout, stderr } = Bun.spawnSync(command, { cwd });
    return { exitCode, stdout: stdout.toString(), stderr: stderr.toString() };
  };
  expect(run("bash", ".ci/run", "--help")).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/^usage: /) });
  const refused = run("bash", ".ci/run", "--fast");
  expect([refused.exitCode, refused.stdout]).toEqual([2, ""]);
  expect(refused.stderr).toContain("takes no arguments, found --fast");
  expect(run(process.execPath, "scripts/demo.ts", "--fast")).toMatchObject({ exitCode: 1, stdout: "" });
});

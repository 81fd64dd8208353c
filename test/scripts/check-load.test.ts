import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { eventually } from "../support/daemon.ts";

const ROOT = resolve(import.meta.dir, "../..");
const QUICK = "test/house/lockfile.test.ts";

/** Starts it and gives it once its busy processes run, with their ids. */
async function checkLoad(...args: string[]) {
  const run = Bun.spawn([process.execPath, "scripts/check-load.ts", ...args], {
    cwd: ROOT,
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
  });
  const stderr = run.stderr.pipeThrough(new TextDecoderStream()).getReader();
  let said = "";
  while (!said.includes("\n")) said += (await stderr.read()).value;
  const drain = async () => {
    while (!(await stderr.read()).done);
  };
  drain();
  return { run, busy: said.split("\n")[0]!.split(": ").at(-1)!.split(", ").map(Number) };
}

/** Whether it still takes time; one that ended and that nobody has asked about yet does not. */
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return process.platform !== "linux" || !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

describe("check:load", () => {
  test("runs the tests named beside as many busy processes as asked for, and leaves none", async () => {
    const { run, busy } = await checkLoad("-n", "3", QUICK);
    expect(busy.map(isRunning)).toEqual([true, true, true]);
    expect(await run.exited).toBe(0);
    expect(busy.filter(isRunning)).toEqual([]);
  });

  test("ends with the status of the tests", async () => {
    const { run, busy } = await checkLoad("-n", "1", "no-such-suite");
    expect(await run.exited).toBe(1);
    expect(busy.filter(isRunning)).toEqual([]);
  });

  test.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)("on %s ends with status %d and leaves none", async (signal, status) => {
    const { run, busy } = await checkLoad("-n", "2", QUICK);
    run.kill(signal);
    expect(await run.exited).toBe(status);
    expect(busy.filter(isRunning)).toEqual([]);
  });

  test("killed outright, its busy processes end by themselves", async () => {
    const { run, busy } = await checkLoad("-n", "2", QUICK);
    run.kill("SIGKILL");
    await run.exited;
    await eventually("no busy process", () => (busy.some(isRunning) ? undefined : true));
  });

  test.each([
    [["-n", "0"], 'expected 1 to 256 busy processes, found "0"'],
    [["--busy", "many"], 'expected 1 to 256 busy processes, found "many"'],
    [["--quietly"], "Unknown option '--quietly'"],
    [["test/nowhere"], 'there is no suite or file "test/nowhere"'],
  ])("%j is refused, with where to look", (args, what) => {
    const { exitCode, stderr } = Bun.spawnSync([process.execPath, "scripts/check-load.ts", ...args], { cwd: ROOT });
    expect(stderr.toString()).toBe(`check:load: ${what}; "npm run check:load -- --help" lists the options\n`);
    expect(exitCode).toBe(1);
  });
});

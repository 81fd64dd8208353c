import { test } from "bun:test";
import { testArguments } from "../../scripts/launch/test-arguments.mjs";
import { isIsolated, isolatedEnv, isolatingCommand } from "../../scripts/netns.ts";

/** What the re-run may take, in milliseconds. Each test in it has its own limit; this ends one that hangs between them. */
const RERUN_MAX_MS = 900_000;

/**
 * Defines tests that open real network carriers, and runs them where no packet can leave the machine:
 *
 *     inNetns(import.meta, () => {
 *       test("two daemons find each other", async () => { ... });
 *     });
 *
 * Call it once, at the top level of a test file, around all its tests. Outside such a namespace the file is run again
 * inside one and its result is reported as a single test. Where namespaces are not permitted (or do not exist) that
 * test is skipped, with the reason in its name; with `CI=true` it fails instead.
 */
export function inNetns(meta: ImportMeta, define: () => void): void {
  if (isIsolated()) {
    define();
    return;
  }
  const isolating = isolatingCommand();
  if (isolating) {
    test(`${meta.file} passes in a network namespace of its own`, () => rerun(isolating, meta.path), RERUN_MAX_MS);
    return;
  }
  const name = `${meta.file} needs a network namespace (unshare -n or -rn), which this machine does not permit`;
  if (process.env.CI === "true") {
    test(name, () => {
      throw new Error("these tests may not be skipped in CI");
    });
  } else test.skip(name, () => {});
}

async function rerun(isolating: readonly string[], path: string): Promise<void> {
  const run = Bun.spawn([...isolating, process.execPath, ...testArguments([path])], {
    env: isolatedEnv(process.env),
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [status, stdout, stderr] = await Promise.all([run.exited, run.stdout.text(), run.stderr.text()]);
  if (status !== 0) throw new Error(`inside the namespace, exit status ${status}:\n${stdout}${stderr}`);
  // The runner shows tests, not what they print: what was skipped inside is said here.
  for (const line of stderr.split("\n")) if (line.startsWith("(skip)") || process.env.VERBOSE) console.error(line);
}

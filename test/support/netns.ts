import { test } from "bun:test";
import { networkInterfaces } from "node:os";

/** Set for a test process that runs in a network namespace with nothing but loopback. */
const MARKER = "ENTMOOT_TEST_NETNS";

/** What the re-run may take before it counts as hung, in milliseconds. */
const RERUN_MAX_MS = 300_000;

/** Loopback comes up with whichever tool the machine has; then the test runner takes over the process. */
const BRING_UP = 'ip link set lo up 2>/dev/null || ifconfig lo 127.0.0.1 up || exit 97; exec "$@"';

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
  if (process.env[MARKER] === "1") {
    const beyond = Object.keys(networkInterfaces()).filter((name) => name !== "lo");
    if (beyond.length > 0) throw new Error(`${MARKER}=1, but the namespace also has ${beyond.join(", ")}`);
    define();
    return;
  }
  const unshare = permittedUnshare();
  if (unshare) {
    test(`${meta.file} passes in a network namespace of its own`, () => rerun(unshare, meta.path), RERUN_MAX_MS);
    return;
  }
  const name = `${meta.file} needs a network namespace (unshare -n or -rn), which this machine does not permit`;
  if (process.env.CI === "true") {
    test(name, () => {
      throw new Error("these tests may not be skipped in CI");
    });
  } else test.skip(name, () => {});
}

function permittedUnshare(): string[] | undefined {
  if (process.platform !== "linux") return undefined;
  return [
    ["unshare", "-n"],
    ["unshare", "-rn"],
  ].find((command) => {
    try {
      return Bun.spawnSync([...command, "true"], { stdout: "ignore", stderr: "ignore" }).success;
    } catch {
      return false;
    }
  });
}

async function rerun(unshare: readonly string[], path: string): Promise<void> {
  const inner = [...unshare, "sh", "-c", BRING_UP, "sh", process.execPath, "test", path];
  const run = Bun.spawn(inner, {
    env: { ...process.env, [MARKER]: "1" },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [status, stdout, stderr] = await Promise.all([run.exited, run.stdout.text(), run.stderr.text()]);
  if (status !== 0) throw new Error(`inside the namespace, exit status ${status}:\n${stdout}${stderr}`);
}

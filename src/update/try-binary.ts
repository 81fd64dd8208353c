import { tmpdir } from "node:os";
import { durationText } from "../core/amounts.ts";
import type { Clock } from "../core/clock.ts";
import { textOf } from "../core/errors.ts";
import { atMost } from "../transport/wait.ts";
import { updateError } from "./update-error.ts";

/** Ours. What a new executable has to show that it works. */
const TRY_MS = 10_000;
const OUTPUT_MAX = 64 * 1024;
const SELF_TEST = "self-test of the new executable";

/** The version an executable says it is. Throws `update_failed` when it does not say so within `tryMs`. */
export async function versionOf(path: string, clock: Clock, tryMs = TRY_MS): Promise<string> {
  const { stdout } = await runBinary(path, ["version"], { clock, tryMs, what: SELF_TEST });
  try {
    const { version } = JSON.parse(stdout) as { version?: unknown };
    if (typeof version === "string" && version.length <= 200) return version;
  } catch {
    // Said below.
  }
  throw updateError(`${path}: expected its version, found ${JSON.stringify(stdout.slice(0, 200))}`);
}

/**
 * Lets the executable show that it is `version` and can sign, verify and store here, each within `tryMs`, and that it
 * could be updated in turn; one that hangs is ended. Throws `update_failed`.
 */
export async function tryBinary(
  path: string,
  version: string,
  { clock, tryMs = TRY_MS }: { readonly clock: Clock; readonly tryMs?: number },
): Promise<void> {
  const found = await versionOf(path, clock, tryMs);
  if (found !== version) throw updateError(`self-test of the new executable: expected ${version}, found ${found}`);
  const { stdout } = await runBinary(path, ["self-test"], { clock, tryMs, what: SELF_TEST });
  if (carriesNoKeys(stdout)) {
    throw updateError(
      `self-test of the new executable: ${version} carries no release keys, so no update could ever follow it; nothing was installed; tell the publisher`,
    );
  }
}

function carriesNoKeys(selfTest: string): boolean {
  try {
    return (JSON.parse(selfTest) as { release_keys?: unknown }).release_keys === 0;
  } catch {
    return false; // It says nothing of keys.
  }
}

/** Runs an executable to its end, `what` being what for. Throws `update_failed`. */
export async function runBinary(
  path: string,
  args: readonly string[],
  { clock, tryMs, what }: { readonly clock: Clock; readonly tryMs: number; readonly what: string },
): Promise<{ readonly stdout: string }> {
  const said = `${what} (${args.join(" ")})`;
  let child: Bun.Subprocess<"ignore", "pipe", "pipe">;
  try {
    child = Bun.spawn([path, ...args], {
      // None of our settings: it is the program that is tried.
      env: { PATH: process.env.PATH ?? "", HOME: process.env.HOME ?? "", TMPDIR: tmpdir() },
      cwd: "/",
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      maxBuffer: OUTPUT_MAX,
    });
  } catch (error) {
    throw updateError(`${said}: it does not start: ${textOf(error)}`, error);
  }
  try {
    const ending = Promise.all([child.exited, child.stdout.text(), child.stderr.text()]);
    const ended = await atMost(clock, tryMs, ending);
    if (ended === undefined) throw updateError(`${said}: it hangs; nothing within ${durationText(tryMs)}`);
    const [status, stdout, stderr] = ended;
    if (status === 0) return { stdout };
    const reason = stderr.trim().split("\n").at(-1)?.slice(0, 500) ?? "";
    throw updateError(`${said}: it ended with status ${status}${reason === "" ? "" : `: ${reason}`}`);
  } finally {
    child.kill("SIGKILL");
  }
}

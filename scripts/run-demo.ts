import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { textOf } from "../src/core/errors.ts";
import { rerunIsolated } from "./netns.ts";

export interface DemoParts {
  /** A folder that is gone afterwards. */
  readonly home: string;
  /** What is to be ended with it. */
  readonly parts: AsyncDisposableStack;
  /** Prints what happened, with the time since the start. */
  readonly say: (text: string) => void;
}

/** Runs a demo where nothing leaves the machine, to its end or to the first signal, and gives the exit status. */
export async function runDemo(demo: (parts: DemoParts) => Promise<void>): Promise<number> {
  const elsewhere = await rerunIsolated();
  if (elsewhere !== undefined) return elsewhere;
  const home = mkdtempSync(join(tmpdir(), "entmoot-demo-"));
  const parts = new AsyncDisposableStack();
  parts.defer(() => rmSync(home, { recursive: true, force: true }));
  const interrupted = Promise.withResolvers<number>();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => interrupted.resolve(130));
  const started = performance.now();
  const say = (text: string) => {
    const seconds = ((performance.now() - started) / 1000).toFixed(1).padStart(5);
    process.stdout.write(`${seconds} s  ${text}\n`);
  };
  try {
    const done = demo({ home, parts, say }).then(() => 0);
    return await Promise.race([done, interrupted.promise]);
  } catch (error) {
    process.stderr.write(`demo: ${textOf(error)}\n`);
    return 1;
  } finally {
    await parts.disposeAsync();
  }
}

import { join, resolve } from "node:path";

const ROOT = resolve(import.meta.dir, "../..");

/**
 * The compiled binary that process tests run: built from this checkout when it is older than its sources, or, with
 * `ENTMOOT_BINARY`, any other one.
 */
export const BINARY = process.env.ENTMOOT_BINARY || (await build());

async function build(): Promise<string> {
  const run = Bun.spawn([process.execPath, "scripts/build.ts", "--if-changed"], {
    cwd: ROOT,
    stdin: "ignore",
    stdout: "inherit",
    stderr: "inherit",
  });
  const status = await run.exited;
  if (status !== 0) throw new Error(`the build failed with status ${status}`);
  return join(ROOT, "dist", process.platform === "win32" ? "entmootd.exe" : "entmootd");
}

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildBinary } from "../scripts/build.ts";
import { hostTarget } from "../scripts/launch/platform.mjs";

/** What is started and measured: the daemon as it is released, and a program that does nothing. */
export interface Programs {
  readonly entmootd: string;
  readonly empty: string;
}

let built: Promise<Programs> | undefined;

/** Both programs, compiled once a run from the sources as they are now, and gone with this process. */
export function programs(say: (progress: string) => void): Promise<Programs> {
  built ??= compile(say);
  return built;
}

async function compile(say: (progress: string) => void): Promise<Programs> {
  say("compiling entmootd and an empty program");
  const dir = temporaryDirectory();
  const compiled = { entmootd: join(dir, "entmootd"), empty: join(dir, "empty") };
  const entry = join(dir, "empty.ts");
  writeFileSync(entry, "export {};\n");
  const common = { target: hostTarget(), version: "v0", commit: "bench", date: "bench" };
  await buildBinary({ ...common, outfile: compiled.empty, entry, withoutIroh: true });
  await buildBinary({ ...common, outfile: compiled.entmootd });
  return compiled;
}

/** A fresh directory that is gone when this process ends. */
export function temporaryDirectory(): string {
  const dir = mkdtempSync(join(tmpdir(), "entmoot-bench-"));
  process.on("exit", () => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

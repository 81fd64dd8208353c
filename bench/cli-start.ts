import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildBinary } from "../scripts/build.ts";
import { hostTarget } from "../scripts/launch/platform.mjs";
import { type Figure, median } from "./figure.ts";

/** Enough that the median of two alternating programs does not move by more than a few percent. */
const RUNS = 60;

/** `entmootd version` against a compiled program that does nothing, started in turn. */
export async function cliStart(say: (progress: string) => void): Promise<readonly Figure[]> {
  const dir = mkdtempSync(join(tmpdir(), "entmoot-bench-"));
  try {
    say("compiling entmootd and an empty program");
    const empty = join(dir, "empty");
    const entmootd = join(dir, "entmootd");
    writeFileSync(`${empty}.ts`, "export {};\n");
    const common = { target: hostTarget(), version: "v0", commit: "bench", date: "bench", irohOptional: true };
    await buildBinary({ ...common, outfile: empty, entry: `${empty}.ts` });
    await buildBinary({ ...common, outfile: entmootd });

    say(`starting each ${RUNS} times`);
    const samples = { empty: [] as number[], version: [] as number[] };
    for (let run = 0; run < RUNS; run++) {
      samples.empty.push(startMs([empty]));
      samples.version.push(startMs([entmootd, "version"]));
    }
    const [base, version] = [median(samples.empty), median(samples.version)];
    const basis = `2 × an empty compiled program, ${base.toFixed(1)} ms`;
    return [{ name: "CLI start: version", unit: "ms", measured: version, limit: 2 * base, better: "lower", basis }];
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

function startMs(command: string[]): number {
  const started = Bun.nanoseconds();
  const { exitCode } = Bun.spawnSync(command, { stdout: "ignore", stderr: "ignore" });
  if (exitCode !== 0) throw new Error(`${command.join(" ")}: expected status 0, found ${exitCode}`);
  return (Bun.nanoseconds() - started) / 1e6;
}

import { BenchDaemon } from "./daemon.ts";
import { type Figure, median } from "./figure.ts";
import { programs } from "./programs.ts";

/** Enough that the medians of alternating programs do not move by more than a few percent. */
const RUNS = 60;

/** `version`, and `info` and a tab for a moot against a live daemon, beside a compiled program that does nothing, started in turn. */
export async function cliStart(say: (progress: string) => void): Promise<readonly Figure[]> {
  const compiled = await programs(say);
  const { empty, entmootd } = compiled;
  await using daemon = await BenchDaemon.start(compiled);
  daemon.createGroup();

  say(`starting each ${RUNS} times`);
  const samples = {
    empty: [] as number[],
    version: [] as number[],
    info: [] as number[],
    flags: [] as number[],
    moots: [] as number[],
  };
  for (let run = 0; run < RUNS; run++) {
    samples.empty.push(startMs([empty]));
    samples.version.push(startMs([entmootd, "version"]));
    samples.info.push(startMs([entmootd, "info", "-data", daemon.dataDir]));
    const complete = [entmootd, "complete", "-data", daemon.dataDir, "--", "publish"];
    samples.flags.push(startMs([...complete, "-to"]));
    samples.moots.push(startMs([...complete, "-group", ""]));
  }
  const base = median(samples.empty);
  const figure = (name: string, of: readonly number[], times: number): Figure => ({
    name: `start-up: ${name}`,
    unit: "ms",
    measured: median(of),
    limit: times * base,
    better: "lower",
    basis: `${times} × an empty compiled program, ${base.toFixed(1)} ms`,
  });
  return [
    figure("version", samples.version, 2),
    figure("info, daemon running", samples.info, 4),
    figure("completion of a flag", samples.flags, 3),
    figure("completion of a moot, daemon running", samples.moots, 3),
  ];
}

function startMs(command: string[]): number {
  const started = Bun.nanoseconds();
  const { exitCode } = Bun.spawnSync(command, { stdout: "ignore", stderr: "ignore" });
  if (exitCode !== 0) throw new Error(`${command.join(" ")}: expected status 0, found ${exitCode}`);
  return (Bun.nanoseconds() - started) / 1e6;
}

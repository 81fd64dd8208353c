import { rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { currentCommit } from "./scripts/build.ts";
import { asksForHelp } from "./scripts/command-line.ts";
import { hostTarget } from "./scripts/launch/platform.mjs";
import { commitDateMs } from "./scripts/release/commit-date.ts";
import { makeRelease, workDirIn } from "./scripts/release/make-release.ts";
import { readReleaseOptions, releaseUsage } from "./scripts/release/options.ts";
import type { ReleaseTarget } from "./scripts/release/target.ts";
import { cleaningUp } from "./scripts/unfinished.ts";
import { textOf } from "./src/core/errors.ts";

/**
 * What a release holds. `name` is what `--targets` takes; `bun` names the runtime, and through the table in
 * `scripts/launch/platform.mjs` iroh's package. An Intel Mac has no iroh build: its peers are reached through Pilot.
 */
const TARGETS: readonly ReleaseTarget[] = [
  { name: "linux-amd64", bun: "bun-linux-x64", os: "linux", arch: "amd64", libc: "glibc" },
  { name: "linux-amd64-musl", bun: "bun-linux-x64-musl", os: "linux", arch: "amd64", libc: "musl" },
  { name: "linux-arm64", bun: "bun-linux-arm64", os: "linux", arch: "arm64", libc: "glibc" },
  { name: "linux-arm64-musl", bun: "bun-linux-arm64-musl", os: "linux", arch: "arm64", libc: "musl" },
  { name: "darwin-arm64", bun: "bun-darwin-arm64", os: "darwin", arch: "arm64", libc: "" },
  { name: "darwin-amd64", bun: "bun-darwin-x64", os: "darwin", arch: "amd64", libc: "" },
  { name: "windows-amd64", bun: "bun-windows-x64", os: "windows", arch: "amd64", libc: "", experimental: true },
];

/** What every archive holds beside the executable: the name inside, and the file of this checkout. */
const EXTRAS = { "README.md": "README.md", LICENSE: "LICENSE", "SKILL.md": "src/skills/entmoot/SKILL.md" } as const;

const ROOT = import.meta.dir;

async function main(argv: readonly string[]): Promise<void> {
  if (asksForHelp(argv)) return void process.stdout.write(releaseUsage(TARGETS));
  const startedAt = Date.now();
  const options = readReleaseOptions({
    argv,
    env: process.env,
    targets: TARGETS,
    host: hostTarget(),
    nowMs: startedAt,
  });
  const outDir = resolve(options.outDir);
  // Bun names parts of an executable by their paths from the current directory; from here they are the same everywhere.
  process.chdir(ROOT);
  const extras = Object.entries(EXTRAS).map(([name, path]) => ({ name, path: join(ROOT, path) }));
  const source = { root: ROOT, commit: currentCommit(), dateMs: commitDateMs(ROOT), extras };
  const say = (line: string) => process.stderr.write(`${line}\n`);
  const remove = () => rmSync(workDirIn(outDir), { recursive: true, force: true });
  const made = await cleaningUp("release", remove, () => makeRelease({ ...options, outDir, source, say }));
  process.stdout.write(`${JSON.stringify(made)}\n`);
  process.stderr.write(`release written to ${outDir} in ${((Date.now() - startedAt) / 1000).toFixed(0)} s\n`);
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  const details = error instanceof AggregateError ? error.errors.map((inner) => `\n${inner}`).join("") : "";
  process.stderr.write(`release: ${textOf(error)}${details}\n`);
  process.exitCode = 1;
}

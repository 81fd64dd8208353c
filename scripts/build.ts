import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import { programWords } from "../src/cli/complete/command-words.ts";
import { COMMANDS } from "../src/cli/line/command-table.ts";
import { globalFlags } from "../src/cli/line/global-flags.ts";
import { textOf } from "../src/core/errors.ts";
import { parseReleaseKeys } from "../src/update/release-keys.ts";
import { releaseKeyId } from "../src/update/release-manifest.ts";
import { bundledPackages } from "./bundled-packages.ts";
import { asksForHelp, readCommandLine } from "./command-line.ts";
import { disarmRuntime } from "./disarm-runtime.ts";
import { irohNativePlugin } from "./iroh-native-plugin.ts";
import { installPackage, packageDir } from "./launch/packages.mjs";
import { hostTarget, TARGETS } from "./launch/platform.mjs";
import { cleaningUp, isAlive, removeAbandoned } from "./unfinished.ts";

const ROOT = dirname(import.meta.dir);

export interface BinaryOptions {
  /** One of the names in `TARGETS`, such as `bun-linux-x64-musl`. */
  readonly target: string;
  readonly outfile: string;
  /** Printed by `version`; with a leading `v`. */
  readonly version: string;
  readonly commit: string;
  /** RFC 3339. */
  readonly date: string;
  /** Further constants, as JavaScript source text. */
  readonly defines?: Readonly<Record<string, string>>;
  /** Build without iroh when its library for `target` cannot be had; otherwise that is an error. */
  readonly irohOptional?: boolean;
  /** Build without iroh whether or not its library can be had. */
  readonly withoutIroh?: boolean;
  /** What is compiled instead of the daemon; a path from the root of the checkout. */
  readonly entry?: string;
}

export interface BuiltBinary {
  /** The npm packages that are inside, by name, sorted: what was bundled, and the runtime. */
  readonly packages: readonly string[];
}

/**
 * Compiles one executable. The runtime of another platform comes from its locked npm package, checked against the
 * lock file, never from a download by Bun. `outfile` is replaced at once, so a running daemon keeps its old file.
 * Equal inputs give equal bytes in any checkout, as long as the current directory is its root and `node_modules` is a
 * folder in it: Bun names chunks and modules by their paths from there, and follows symbolic links first.
 */
export async function buildBinary(options: BinaryOptions): Promise<BuiltBinary> {
  const target = TARGETS[options.target];
  if (target === undefined) {
    throw new Error(`target: expected one of ${Object.keys(TARGETS).join(", ")}, found ${options.target}`);
  }
  const runtime = await runtimeFor(options.target, target.bun);
  const outfile = resolve(ROOT, options.outfile);
  // The name is inside the executable, so it is the final one, in a directory of its own.
  const staging = stagingOf(outfile, process.pid);
  const temporary = join(staging, basename(outfile));
  mkdirSync(staging, { recursive: true });
  removeAbandoned(ROOT);
  removeStaging(outfile, (pid) => !isAlive(pid));
  try {
    const disarmed = join(staging, "runtime");
    const bytes = readFileSync(runtime);
    disarmRuntime(bytes);
    writeFileSync(disarmed, bytes, { mode: 0o755 });
    const result = await Bun.build({
      entrypoints: [resolve(ROOT, options.entry ?? "src/main.ts")],
      target: "bun",
      format: "esm",
      minify: true,
      bytecode: true,
      // Each command is a chunk of its own: `version` reads a few kilobytes, not the daemon.
      splitting: true,
      metafile: true,
      plugins: [
        options.withoutIroh
          ? irohNativePlugin(NO_IROH)
          : await irohPlugin(options.target, options.irohOptional ?? false),
      ],
      define: {
        ENTMOOT_VERSION: JSON.stringify(options.version),
        ENTMOOT_COMMIT: JSON.stringify(options.commit),
        ENTMOOT_DATE: JSON.stringify(options.date),
        "process.env.NODE_ENV": '"production"',
        ...releaseKeys(),
        ENTMOOT_COMMAND_WORDS: await commandWords(),
        ...options.defines,
      },
      compile: {
        target: options.target as Bun.Build.CompileTarget,
        executablePath: disarmed,
        outfile: temporary,
        // The daemon is configured by its flags and its own variables, not by files of the directory it starts in.
        autoloadDotenv: false,
        autoloadBunfig: false,
        autoloadTsconfig: false,
        autoloadPackageJson: false,
      },
    });
    if (!result.success) throw new AggregateError(result.logs, "the build failed");
    if (result.metafile === undefined) throw new Error("the bundler did not say what is inside");
    renameSync(existsSync(temporary) ? temporary : `${temporary}.exe`, outfile);
    return { packages: [...bundledPackages(result.metafile), target.bun].sort() };
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}

/** Where an executable is put together by the process `pid`. */
function stagingOf(outfile: string, pid: number | string): string {
  return join(dirname(outfile), `.${basename(outfile)}.${pid}`);
}

/** Removes what builds of `outfile` left that were ended in the middle. */
function removeStaging(outfile: string, isWanted: (pid: number) => boolean): void {
  const prefix = basename(stagingOf(outfile, ""));
  for (const name of existsSync(dirname(outfile)) ? readdirSync(dirname(outfile)) : []) {
    const pid = name.startsWith(prefix) ? name.slice(prefix.length) : "";
    if (/^\d+$/.test(pid) && isWanted(Number(pid))) {
      rmSync(join(dirname(outfile), name), { recursive: true, force: true });
    }
  }
}

/** The runtime that an executable for `target` is made of: the one that runs this, or that of the npm package `name`. */
export async function runtimeFor(target: string, name: string): Promise<string> {
  return target === hostTarget() ? process.execPath : join(await packageDir(ROOT, name), runtimeFile(target));
}

/** Where the runtime is inside its npm package. */
export function runtimeFile(target: string): string {
  return join("bin", target.includes("windows") ? "bun.exe" : "bun");
}

/** A target that iroh has no build for: what its plugin puts in says so. */
const NO_IROH = "bun-darwin-x64";

/** What completion knows of commands without loading one, as JavaScript source text. */
async function commandWords(): Promise<string> {
  const words = await programWords(COMMANDS, globalFlags);
  return JSON.stringify(JSON.stringify(words));
}

/** The keys that updates of this build may be signed with, when the environment names others than the source does. */
function releaseKeys(): Record<string, string> {
  const keys = parseReleaseKeys(process.env.ENTMOOT_RELEASE_PUBKEYS ?? "");
  for (const key of keys) releaseKeyId(key); // Throws on one that is no key.
  return keys.length === 0 ? {} : { ENTMOOT_RELEASE_PUBKEYS: JSON.stringify(keys.join(",")) };
}

/** The plugin that embeds iroh's library for `target`, fetched first where the platform is not ours. */
async function irohPlugin(target: string, optional: boolean): Promise<Bun.BunPlugin> {
  const name = TARGETS[target]?.iroh;
  if (name === undefined) return irohNativePlugin(target);
  try {
    await installPackage(ROOT, name);
  } catch (error) {
    if (!optional) throw error;
    process.stderr.write(`note: built without iroh: ${textOf(error)}\n`);
    return irohNativePlugin(NO_IROH);
  }
  return irohNativePlugin(target);
}

/** The commit that is checked out, with `-dirty` when files differ from it; `unknown` without git. */
export function currentCommit(): string {
  try {
    const git = (...args: string[]) => Bun.spawnSync(["git", ...args], { cwd: ROOT, stderr: "ignore" });
    const head = git("rev-parse", "HEAD");
    if (head.exitCode !== 0) return "unknown";
    const changed = git("status", "--porcelain", "--untracked-files=no").stdout.length > 0;
    return `${head.stdout.toString().trim()}${changed ? "-dirty" : ""}`;
  } catch {
    return "unknown"; // No git on this machine.
  }
}

/** The version in package.json, as release tags write it. */
export function currentVersion(): string {
  return `v${JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")).version}`;
}

/** Changes when anything that goes into the binary does. */
export function hashInputs(target: string): string {
  const hash = createHash("sha256").update(`${target}\0${Bun.version}\0${process.env.ENTMOOT_RELEASE_PUBKEYS}\0`);
  const files = ["package.json", "package-lock.json", "tsconfig.json", ...walk("src"), ...walk("scripts")];
  for (const file of files.sort())
    hash
      .update(`${file}\0`)
      .update(readFileSync(join(ROOT, file)))
      .update("\0");
  return hash.digest("hex");
}

function walk(dir: string): string[] {
  return readdirSync(join(ROOT, dir), { recursive: true, encoding: "utf8" })
    .map((file) => join(dir, file))
    .filter((file) => statSync(join(ROOT, file)).isFile());
}

const USAGE = `usage: npm run build [-- OPTIONS]

Compiles one executable from this checkout. It is of the version in package.json and carries no serial: releases are
made by npm run release.

  --target T       one of ${Object.keys(TARGETS).join(", ")}
                   (default: this machine, ${hostTarget()})
  --outfile FILE   where it is written (default: dist/entmootd, with the target in its name for other machines)
  --if-changed     do nothing when no source has changed since
  --help           this text

ENTMOOT_RELEASE_PUBKEYS: base64 public keys, comma separated, whose releases it takes as updates.
`;

async function main(argv: readonly string[]): Promise<void> {
  if (asksForHelp(argv)) return void process.stdout.write(USAGE);
  const values = readCommandLine("build", argv, {
    target: { type: "string" },
    outfile: { type: "string" },
    "if-changed": { type: "boolean" },
  });
  const target = values.target ?? hostTarget();
  const exe = target.includes("windows") ? ".exe" : "";
  const name = target === hostTarget() ? "entmootd" : `entmootd-${target.slice("bun-".length)}`;
  const outfile = resolve(ROOT, values.outfile ?? `dist/${name}${exe}`);
  const stamp = join(ROOT, "dist", `.${basename(outfile)}.inputs`);
  const inputs = hashInputs(target);
  const current = existsSync(outfile) && existsSync(stamp) && readFileSync(stamp, "utf8") === inputs;
  if (values["if-changed"] && current) return;

  const startedMs = Date.now();
  const shown = relative(ROOT, outfile);
  process.stderr.write(`building ${shown} …\n`);
  const [version, commit, date] = [currentVersion(), currentCommit(), `${new Date().toISOString().slice(0, 19)}Z`];
  const remove = () => removeStaging(outfile, (pid) => pid === process.pid);
  await cleaningUp("build", remove, () => buildBinary({ target, outfile, version, commit, date, irohOptional: true }));
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, inputs);
  const size = (statSync(outfile).size / 1e6).toFixed(0);
  process.stderr.write(`built ${shown}, ${size} MB, in ${((Date.now() - startedMs) / 1000).toFixed(1)} s\n`);
}

if (import.meta.main) {
  try {
    await main(process.argv.slice(2));
  } catch (error) {
    const details = error instanceof AggregateError ? error.errors.map((inner) => `\n${inner}`).join("") : "";
    process.stderr.write(`build: ${textOf(error)}${details}\n`);
    process.exitCode = 1;
  }
}

import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { textOf } from "../../src/core/errors.ts";
import type { ReleaseFile } from "../../src/update/release-manifest.ts";
import { buildBinary, runtimeFile, runtimeFor } from "../build.ts";
import { irohPackageFor } from "../iroh-native-plugin.ts";
import { installPackage } from "../launch/packages.mjs";
import { hostTarget, TARGETS as PLATFORM } from "../launch/platform.mjs";
import { signalsSeen } from "../unfinished.ts";
import { type ArchiveEntry, packTarGz, packZip } from "./archive.ts";
import { checkBinary } from "./check-binary.ts";
import { checkPackageFile } from "./check-package-file.ts";
import { checkCodeSignature, signAdHoc } from "./code-signature.ts";
import { formatNotices, NOTICES_NAME } from "./notices.ts";
import type { Lock } from "./sbom.ts";
import { archiveName, binaryName, type ReleaseTarget } from "./target.ts";

/** What is stamped into an executable. */
export interface Stamp {
  readonly version: string;
  readonly commit: string;
  /** RFC 3339, of the commit. */
  readonly date: string;
  readonly dateMs: number;
  /** No release whose serial is smaller is newer than this build. */
  readonly serialFloor: number;
}

/** An archive with what the manifest says of it. */
export interface BuiltTarget {
  readonly file: ReleaseFile;
  readonly archive: Uint8Array;
  /** The npm packages that are inside the executable, by name. */
  readonly packages: readonly string[];
  /** Why iroh is not in it although it has a build for this target. */
  readonly irohMissing: string | undefined;
}

/** Builds, seals, checks, where possible runs, and packs one target. Works in `workDir`, and leaves nothing there. */
export async function buildTarget(options: {
  readonly root: string;
  readonly target: ReleaseTarget;
  readonly stamp: Stamp;
  readonly lock: Lock;
  /** What goes into the archive beside the executable. */
  readonly extras: readonly ArchiveEntry[];
  readonly workDir: string;
  /** Whether to fetch runtime and library anew and hold what is used against them. */
  readonly refetch: boolean;
  /** Told what is done now; each part takes some seconds. */
  readonly say: (line: string) => void;
}): Promise<BuiltTarget> {
  const { root, target, stamp, workDir } = options;
  const step = async (what: string) => {
    options.say(`${target.name}: ${what} …`);
    await signalsSeen();
  };
  const iroh = await irohLibrary(root, target);
  const outfile = join(workDir, target.name, binaryName(target));
  mkdirSync(dirname(outfile), { recursive: true });
  try {
    if (options.refetch) await step("comparing the runtime and iroh with their packages");
    if (options.refetch) await checkParts(root, target, iroh.path, join(dirname(outfile), "packages"));
    await step("building");
    const { packages } = await buildBinary({
      target: target.bun,
      outfile,
      version: stamp.version,
      commit: stamp.commit,
      date: stamp.date,
      defines: { ENTMOOT_SERIAL: String(stamp.serialFloor) },
      withoutIroh: iroh.library === undefined,
    });
    if (target.os === "darwin") seal(outfile);
    await step("checking the executable");
    const binary = readFileSync(outfile);
    checkBinary({ binary, expected: target, library: iroh.library });
    const runs = target.bun === hostTarget();
    if (runs) runBinary(outfile, stamp);

    await step("packing");
    const notices = Buffer.from(formatNotices({ root, lock: options.lock, packages }));
    const beside = [...options.extras, { name: NOTICES_NAME, content: notices, executable: false }];
    const entries = [...beside, { name: binaryName(target), content: binary, executable: true }];
    const archive = target.os === "windows" ? packZip(entries, stamp.dateMs) : packTarGz(entries, stamp.dateMs);
    const file: ReleaseFile = {
      name: archiveName(target),
      os: target.os,
      arch: target.arch,
      libc: target.libc,
      size: archive.length,
      sha256: sha256(archive),
      binary: { name: binaryName(target), size: binary.length, sha256: sha256(binary) },
      iroh: iroh.library !== undefined,
      verified: runs ? "run" : "checked, not run",
      experimental: target.experimental ?? false,
      code_signature: target.os === "darwin" ? "ad-hoc" : "",
    };
    return { file, archive, packages, irohMissing: iroh.missing };
  } finally {
    rmSync(dirname(outfile), { recursive: true, force: true });
  }
}

/** That the runtime and the library are those of the locked packages. */
async function checkParts(root: string, target: ReleaseTarget, iroh: string | undefined, workDir: string) {
  const runtime = PLATFORM[target.bun]!.bun;
  const used = await runtimeFor(target.bun, runtime);
  await checkPackageFile({ root, name: runtime, file: runtimeFile(target.bun), used, workDir });
  const wanted = irohPackageFor(target.bun);
  if (wanted === undefined || iroh === undefined) return;
  await checkPackageFile({ root, ...wanted, used: iroh, workDir });
}

interface IrohLibrary {
  readonly path: string | undefined;
  readonly library: Uint8Array | undefined;
  readonly missing: string | undefined;
}

async function irohLibrary(root: string, target: ReleaseTarget): Promise<IrohLibrary> {
  const wanted = irohPackageFor(target.bun);
  if (wanted === undefined) return { path: undefined, library: undefined, missing: undefined };
  try {
    await installPackage(root, wanted.name);
    const path = createRequire(join(root, "package.json")).resolve(`${wanted.name}/${wanted.file}`);
    return { path, library: readFileSync(path), missing: undefined };
  } catch (error) {
    const missing = textOf(error);
    return { path: undefined, library: undefined, missing };
  }
}

/** Bun seals for Apple silicon itself; for Intel it leaves the runtime's own seal, which no longer fits. */
function seal(path: string): void {
  const binary = readFileSync(path);
  try {
    if (checkCodeSignature(binary).adhoc) return;
  } catch {
    // Replaced below, and checked again with everything else.
  }
  writeFileSync(path, signAdHoc(binary, "entmootd"));
}

/** Ours. A start takes a tenth of a second; a machine under load takes longer. */
const RUN_TIMEOUT_MS = 60_000;

/** That the executable starts, says what it was stamped with, and reaches further than its first file. */
function runBinary(path: string, { version, commit, date }: Stamp): void {
  const run = (...args: string[]) => {
    const { exitCode, stdout, stderr } = Bun.spawnSync([path, ...args], {
      env: { HOME: dirname(path), PATH: "/nowhere" },
      timeout: RUN_TIMEOUT_MS,
    });
    if (exitCode === 0) return stdout.toString().trim();
    throw new Error(`${path} ${args.join(" ")}: expected status 0, found ${exitCode}: ${stderr.toString().trim()}`);
  };
  const [expected, found] = [JSON.stringify({ version, commit, date }), run("version")];
  if (found !== expected) throw new Error(`${path} version: expected ${expected}, found ${found}`);
  JSON.parse(run("env", "-json"));
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

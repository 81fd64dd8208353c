import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { COMMANDS } from "../../src/cli/line/command-table.ts";
import { globalFlags } from "../../src/cli/line/global-flags.ts";
import { manPages } from "../../src/cli/line/man-page.ts";
import { publicKeyOf } from "../../src/core/signature.ts";
import { parseReleaseKeys, RELEASE_KEYS } from "../../src/update/release-keys.ts";
import {
  formatManifest,
  MANIFEST_NAME,
  MANIFEST_TYPE,
  type ReleaseFile,
  releaseKeyId,
  SIGNATURE_NAME,
  signManifest,
} from "../../src/update/release-manifest.ts";
import { compareVersions, parseVersion } from "../../src/update/version-order.ts";
import { lockedPackage } from "../launch/packages.mjs";
import { isAlive, signalsSeen } from "../unfinished.ts";
import { type BuiltTarget, buildTarget, type Stamp } from "./build-target.ts";
import { formatDate } from "./commit-date.ts";
import { publishFeed, releaseIn } from "./feed.ts";
import { fillInstaller } from "./installer.ts";
import type { ReleaseOptions } from "./options.ts";
import { formatSbom, type Lock } from "./sbom.ts";
import type { ReleaseTarget } from "./target.ts";

/** The checkout a release is made of. */
export interface ReleaseSource {
  readonly root: string;
  readonly commit: string;
  /** Unix ms, of the commit. */
  readonly dateMs: number;
  readonly extras: readonly { readonly name: string; readonly path: string }[];
}

/** What was made, for a program that reads it. */
export interface MadeRelease {
  readonly version: string;
  readonly serial: number;
  readonly signed: boolean;
  /** Everything a person should know before handing it on. */
  readonly warnings: readonly string[];
  readonly files: readonly Pick<ReleaseFile, "name" | "size" | "sha256" | "iroh" | "verified">[];
}

/** Builds every target, then writes the feed: whole, or not at all. Under `strict` any warning is an error. */
export async function makeRelease(
  options: ReleaseOptions & { readonly source: ReleaseSource; readonly say: (line: string) => void },
): Promise<MadeRelease> {
  const { source, version, outDir, say } = options;
  const warnings: string[] = [];
  const warn = (line: string) => {
    if (options.strict) throw new Error(`${line} (--strict)`);
    warnings.push(line);
    say(`WARNING: ${line}`);
  };
  warnOfSource(options, warn);
  warnOfFeed(options, warn);

  const { commit, dateMs } = source;
  // The serial of this run is a clock's, and no clock enters an archive; the commit's date is before it.
  const serialFloor = options.serialGiven ? options.serial : Math.min(options.serial, dateMs);
  const stamp: Stamp = { version, commit, date: formatDate(dateMs), dateMs, serialFloor };
  const pages = await manPages(COMMANDS, globalFlags, stamp);
  const extras = [
    ...source.extras.map(({ name, path }) => ({ name, content: readFileSync(path), executable: false })),
    ...pages.map(({ name, roff }) => ({ name, content: new TextEncoder().encode(roff), executable: false })),
  ];
  const workDir = makeWorkDir(outDir);
  try {
    const lock = lockOf(source.root);
    const files: ReleaseFile[] = [];
    const packages = new Set<string>();
    for (const target of options.targets) {
      const built = await buildTarget({
        root: source.root,
        target,
        stamp,
        lock,
        extras,
        workDir,
        refetch: options.strict,
        say,
      });
      if (built.irohMissing !== undefined) warn(`${target.name} is built without iroh: ${built.irohMissing}`);
      writeFileSync(join(workDir, built.file.name), built.archive);
      files.push(built.file);
      for (const name of built.packages) packages.add(name);
      say(describe(target, built));
    }
    const sbom = formatSbom({ ...stamp, lock, packages: [...packages] });
    const installer = fillInstaller(readFileSync(join(source.root, INSTALLER_NAME), "utf8"), carriedKeys());
    const texts = [
      { name: SBOM_NAME, sha256: sha256(sbom) },
      { name: INSTALLER_NAME, sha256: sha256(installer) },
    ];
    const write = (name: string, text: string) => writeFileSync(join(workDir, name), text);
    write(SBOM_NAME, sbom);
    write(INSTALLER_NAME, installer);
    write(CHECKSUMS_NAME, [...files, ...texts].map(({ name, sha256 }) => `${sha256}  ${name}\n`).join(""));
    const expires_at_ms = options.expiresAtMs;
    const head = { version, serial: options.serial, commit, date: stamp.date, expires_at_ms };
    const manifest = formatManifest({ type: MANIFEST_TYPE, ...head, files });
    write(MANIFEST_NAME, manifest);
    if (options.seed !== undefined) {
      write(SIGNATURE_NAME, signManifest(new TextEncoder().encode(manifest), options.seed));
    }
    if (Date.now() >= expires_at_ms) {
      warn(`the manifest has expired while this ran, so nobody takes an update from it; choose a longer --expires-in`);
    }
    await signalsSeen();
    publishFeed({ from: workDir, into: outDir, version });
    const shown = files.map(({ name, size, sha256, iroh, verified }) => ({ name, size, sha256, iroh, verified }));
    return { version, serial: options.serial, signed: options.seed !== undefined, warnings, files: shown };
  } finally {
    rmSync(workDir, { recursive: true, force: true });
  }
}

/** A directory for unfinished files, on the disk of the feed. Those of runs that were killed are removed. */
function makeWorkDir(outDir: string): string {
  mkdirSync(outDir, { recursive: true });
  for (const name of readdirSync(outDir)) {
    const [, pid] = /^\.release-(\d+)$/.exec(name) ?? [];
    if (pid !== undefined && !isAlive(Number(pid))) rmSync(join(outDir, name), { recursive: true, force: true });
  }
  const workDir = workDirIn(outDir);
  mkdirSync(workDir);
  return workDir;
}

/** Where this process keeps what is not finished; for whoever ends it. */
export function workDirIn(outDir: string): string {
  return join(outDir, `.release-${process.pid}`);
}

const SBOM_NAME = "sbom.cdx.json";
const CHECKSUMS_NAME = "checksums.txt";
const INSTALLER_NAME = "install.sh";

/** The public keys that executables built now carry. */
function carriedKeys(): readonly string[] {
  const given = parseReleaseKeys(process.env.ENTMOOT_RELEASE_PUBKEYS ?? "");
  return given.length === 0 ? RELEASE_KEYS : given;
}

function warnOfSource({ source, seed }: ReleaseOptions & { source: ReleaseSource }, warn: (line: string) => void) {
  if (!/^[0-9a-f]{40,64}$/.test(source.commit)) {
    warn(`no commit holds what is built here (${source.commit}), so nobody else can build the same`);
  }
  const keys = carriedKeys().map(releaseKeyId);
  if (keys.length === 0) warn("the executables carry no release keys and cannot update; set ENTMOOT_RELEASE_PUBKEYS");
  if (seed === undefined) {
    warn("the feed is NOT SIGNED and no entmootd will take an update from it; set ENTMOOT_RELEASE_KEY");
  } else if (keys.length > 0 && !keys.includes(releaseKeyId(publicKeyOf(seed).toBase64()))) {
    warn("the signing key is not one of those the executables carry: they cannot verify this release");
  }
}

/** Ours. A release takes seconds to a minute, and somebody has to fetch it then. */
const EXPIRES_SOON_MS = 60_000;

/** Of what is told of the release, and of the one it takes the place of. */
function warnOfFeed({ version, outDir, expiresAtMs }: ReleaseOptions, warn: (line: string) => void): void {
  const leftMs = expiresAtMs - Date.now();
  if (leftMs < EXPIRES_SOON_MS) {
    const left = `${Math.max(0, Math.ceil(leftMs / 1000))} s`;
    warn(`the manifest is good for ${left} only and may expire before anybody reads it; choose a longer --expires-in`);
  }
  const before = releaseIn(outDir);
  if (before === undefined) return;
  const [mine, theirs] = [parseVersion(version)!, parseVersion(before)!];
  if (compareVersions(mine, theirs) < 0) {
    warn(
      `${version} is older than ${before}, which ${outDir} holds now: who has ${before} does not go back to it; to withdraw ${before}, release a higher version`,
    );
  } else if (mine.pre.length > 0 && theirs.pre.length === 0) {
    warn(
      `${version} is a pre-release and takes the place of ${before} in ${outDir}: give pre-releases a feed of their own`,
    );
  }
}

function describe({ name }: ReleaseTarget, { file }: BuiltTarget): string {
  const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;
  const sizes = `${megabytes(file.size)} packed, ${megabytes(file.binary.size)} unpacked`;
  return `${name}: ${sizes}, ${file.iroh ? "with" : "WITHOUT"} iroh, ${file.verified}`;
}

function lockOf(root: string): Lock {
  lockedPackage(root, "bun"); // Throws when the lock file is not this project's.
  return JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"));
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

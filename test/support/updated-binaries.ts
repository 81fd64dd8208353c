import {
  chmodSync,
  constants,
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import { buildBinary, hashInputs } from "../../scripts/build.ts";
import { hostTarget } from "../../scripts/launch/platform.mjs";
import { RELEASE_KEY } from "./release-feed.ts";

export interface TestBuild {
  readonly version: string;
  readonly serial: number;
  /** What is wrong with its daemon; see `broken-daemon.ts`. */
  readonly broken?: "exit" | "hang" | "lose" | "slow";
}

/** Executables are kept here by what went into them: several files of tests want the same. */
const KEPT = resolve(import.meta.dir, "../../.cache/test-builds");
/** What another run of the tests, of other sources, may still use. */
const KEPT_MS = 3_600_000;

/** Where executables of this checkout as it is are kept; those of others are removed after a while. */
function keptFolder(): string {
  const broken = readFileSync(join(import.meta.dir, "broken-daemon.ts"));
  const inputs = new Bun.CryptoHasher("sha256").update(hashInputs(hostTarget())).update(broken).digest("hex");
  const folder = join(KEPT, inputs.slice(0, 16));
  if (existsSync(folder)) return folder;
  mkdirSync(folder, { recursive: true });
  for (const other of readdirSync(KEPT).map((name) => join(KEPT, name))) {
    const madeMs = statSync(other, { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
    if (madeMs < Date.now() - KEPT_MS) rmSync(other, { recursive: true, force: true });
  }
  return folder;
}

/** A compiled executable of this checkout that trusts the test key, in `dir`; its path. */
export async function buildTestBinary(dir: string, build: TestBuild): Promise<string> {
  const { broken, serial, version } = build;
  const outfile = join(dir, `entmootd-${version}${broken ?? ""}`);
  const kept = join(keptFolder(), `${serial}`, `entmootd-${version}${broken ?? ""}`);
  if (!existsSync(kept)) await compile(kept, build);
  mkdirSync(dirname(outfile), { recursive: true });
  // A copy: some tests damage theirs.
  copyFileSync(kept, outfile, constants.COPYFILE_FICLONE);
  return outfile;
}

async function compile(outfile: string, { version, serial, broken }: TestBuild): Promise<void> {
  await buildBinary({
    target: hostTarget(),
    outfile,
    version,
    commit: "0123456789abcdef",
    date: "2026-01-02T03:04:05Z",
    irohOptional: true,
    defines: {
      ENTMOOT_RELEASE_PUBKEYS: JSON.stringify(RELEASE_KEY),
      ENTMOOT_SERIAL: String(serial),
      ...(broken === undefined ? {} : { ENTMOOT_BROKEN: JSON.stringify(broken) }),
    },
    ...(broken === undefined ? {} : { entry: "test/support/broken-daemon.ts" }),
  });
}

/** Installs the executable `built` in the folder `dir`, which must not have one yet; its path. */
export function install(built: string, dir: string): string {
  mkdirSync(dir, { recursive: true });
  const executable = join(dir, "entmootd");
  linkSync(built, executable);
  chmodSync(executable, 0o755);
  return executable;
}

/** By device, inode, size and time of the last write: what is hard-linked or looked at again is read once. */
const fingerprints = new Map<string, string>();

/** What tells the content of one executable from another's. */
export function fingerprint(path: string): string {
  const { dev, ino, size, mtimeNs } = statSync(path, { bigint: true });
  const file = `${dev} ${ino} ${size} ${mtimeNs}`;
  const known = fingerprints.get(file);
  if (known !== undefined) return known;
  const found = new Bun.CryptoHasher("sha256").update(readFileSync(path)).digest("hex");
  fingerprints.set(file, found);
  return found;
}

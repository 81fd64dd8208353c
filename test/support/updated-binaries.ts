import { chmodSync, linkSync, mkdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { buildBinary } from "../../scripts/build.ts";
import { hostTarget } from "../../scripts/launch/platform.mjs";
import { RELEASE_KEY } from "./release-feed.ts";

export interface TestBuild {
  readonly version: string;
  readonly serial: number;
  /** What is wrong with its daemon; see `broken-daemon.ts`. */
  readonly broken?: "exit" | "hang" | "lose" | "slow";
}

/** A compiled executable of this checkout that trusts the test key, in `dir`; its path. */
export async function buildTestBinary(dir: string, { version, serial, broken }: TestBuild): Promise<string> {
  const outfile = join(dir, `entmootd-${version}${broken ?? ""}`);
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
  return outfile;
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

import { parseVersion } from "../../src/update/version-order.ts";
import { currentVersion } from "../build.ts";
import { readCommandLine } from "../command-line.ts";
import type { ReleaseTarget } from "./target.ts";

/** Ours. How long a manifest is good unless said otherwise. */
const EXPIRES_IN_DEFAULT = "90d";
const OUT_DEFAULT = "dist/release";
const UNIT_MS: Readonly<Record<string, number>> = { s: 1e3, m: 6e4, h: 36e5, d: 864e5 };

/** What `npm run release` was asked for. */
export interface ReleaseOptions {
  /** With a leading `v`. */
  readonly version: string;
  readonly targets: readonly ReleaseTarget[];
  readonly outDir: string;
  readonly serial: number;
  /** Whether the serial was given, and may therefore be stamped into executables: a clock may not. */
  readonly serialGiven: boolean;
  readonly expiresAtMs: number;
  /** Refuse to release unsigned, without iroh where it exists, or what no commit holds. */
  readonly strict: boolean;
  /** 32 bytes, or none to release unsigned. */
  readonly seed: Uint8Array | undefined;
}

/** What `npm run release -- --help` prints. */
export function releaseUsage(targets: readonly ReleaseTarget[]): string {
  return `usage: npm run release [-- OPTIONS]

Builds, checks, packs and signs a release, and writes it as a feed: a folder for any static web server. Without options
it is a release of the version in package.json for this machine only, in ${OUT_DEFAULT}. See docs/releases.md.

  --version V         such as v1.2.3 (default: that of package.json, ${currentVersion()})
  --targets LIST      host, all, or some of these, comma separated (default: host):
                      ${targets.map(({ name }) => name).join(", ")}
  --out DIR           the folder of the feed; another version there moves to a folder in it (default: ${OUT_DEFAULT})
  --serial N          grows with every release (default: the Unix ms of this run)
  --expires-in D      how long the manifest is good, such as 90d, 12h, 30m or 90s (default: ${EXPIRES_IN_DEFAULT})
  --strict            any warning is a failure, and what is packed is fetched anew and compared
  --help              this text

ENTMOOT_RELEASE_KEY      base64 of the 32-byte seed that signs; without it the feed is not signed
ENTMOOT_RELEASE_PUBKEYS  base64 public keys, comma separated, that the executables trust instead of those in the source
`;
}

/** The command line and environment of a release run. Throws naming what was expected and found. */
export function readReleaseOptions(input: {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly targets: readonly ReleaseTarget[];
  /** Bun's name of the machine this runs on. */
  readonly host: string;
  readonly nowMs: number;
}): ReleaseOptions {
  const values = readCommandLine("release", input.argv, {
    version: { type: "string" },
    targets: { type: "string", default: "host" },
    out: { type: "string", default: OUT_DEFAULT },
    serial: { type: "string" },
    "expires-in": { type: "string", default: EXPIRES_IN_DEFAULT },
    strict: { type: "boolean", default: false },
  });
  const version = (values.version ?? currentVersion()).replace(/^v?/, "v");
  if (parseVersion(version) === undefined) {
    throw new Error(`--version: expected a version such as v1.2.3, found ${version}`);
  }
  return {
    version,
    targets: chooseTargets(values.targets, input.targets, input.host),
    outDir: values.out,
    serial: values.serial === undefined ? input.nowMs : readSerial(values.serial),
    serialGiven: values.serial !== undefined,
    expiresAtMs: input.nowMs + readDuration(values["expires-in"]),
    strict: values.strict,
    seed: readSeed(input.env.ENTMOOT_RELEASE_KEY),
  };
}

function chooseTargets(text: string, all: readonly ReleaseTarget[], host: string): readonly ReleaseTarget[] {
  if (text === "all") return all;
  const chosen = text.split(",").map((word) => {
    const name = word.trim();
    const found = all.find((target) => (name === "host" ? target.bun === host : target.name === name));
    if (found !== undefined) return found;
    const names = all.map((target) => target.name).join(", ");
    throw new Error(`--targets: expected host, all or a list of ${names}; found ${JSON.stringify(name)}`);
  });
  return [...new Set(chosen)];
}

function readSerial(text: string): number {
  const serial = /^\d{1,16}$/.test(text) ? Number(text) : 0;
  if (Number.isSafeInteger(serial) && serial > 0) return serial;
  throw new Error(`--serial: expected a whole number from 1 to ${Number.MAX_SAFE_INTEGER}, found ${text}`);
}

function readDuration(text: string): number {
  const [, count, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  const ms = Number(count) * (UNIT_MS[unit ?? ""] ?? Number.NaN);
  if (ms > 0) return ms;
  throw new Error(`--expires-in: expected a duration such as 90d, 12h, 30m or 10s, found ${text}`);
}

/** Never repeats what it was given: that is a private key. */
function readSeed(text: string | undefined): Uint8Array | undefined {
  if (text === undefined || text.trim() === "") return undefined;
  const seed = /^[A-Za-z0-9+/]{43}=$/.test(text.trim()) ? Buffer.from(text.trim(), "base64") : undefined;
  if (seed?.length === 32) return new Uint8Array(seed);
  throw new Error("ENTMOOT_RELEASE_KEY: expected base64 of the 32-byte seed, found something else");
}

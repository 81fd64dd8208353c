import { createHash } from "node:crypto";

/** What `package-lock.json` says of one package; the fields read here. */
interface LockEntry {
  readonly version: string;
  readonly integrity?: string;
  readonly license?: string;
}

export interface Lock {
  readonly packages: Readonly<Record<string, LockEntry>>;
}

export interface SbomOptions {
  readonly lock: Lock;
  readonly version: string;
  readonly commit: string;
  /** RFC 3339, of the commit. */
  readonly date: string;
  /** The packages that are inside the executables, by name. */
  readonly packages: readonly string[];
}

/**
 * A CycloneDX 1.6 list, as JSON text, of every package that is inside the executables, with what `package-lock.json`
 * says of each. Its serial number follows from its content, so equal releases have equal lists.
 */
export function formatSbom({ lock, version, commit, date, packages }: SbomOptions): string {
  const components = [...new Set(packages)].sort().map((name) => component(lock, name));
  const own = `pkg:generic/entmootd@${version}`;
  const body = {
    version: 1,
    metadata: {
      timestamp: date,
      component: {
        type: "application",
        "bom-ref": own,
        name: "entmootd",
        version,
        licenses: [{ license: { id: "Apache-2.0" } }],
        properties: [{ name: "commit", value: commit }],
      },
    },
    components,
    dependencies: [{ ref: own, dependsOn: components.map((each) => each["bom-ref"]) }],
  };
  const serialNumber = `urn:uuid:${uuidOf(JSON.stringify(body))}`;
  return `${JSON.stringify({ bomFormat: "CycloneDX", specVersion: "1.6", serialNumber, ...body }, null, 1)}\n`;
}

function component(lock: Lock, name: string) {
  const entry = lockEntryOf(lock, name);
  const licence = licenceOf(lock, name);
  const reference = `pkg:npm/${name.replace(/^@/, "%40")}@${entry.version}`;
  return {
    type: "library",
    "bom-ref": reference,
    name,
    version: entry.version,
    purl: reference,
    licenses: licences(licence),
    ...(entry.integrity === undefined ? {} : { hashes: [{ alg: "SHA-512", content: sha512Hex(entry.integrity) }] }),
  };
}

function licences(text: string) {
  return / (OR|AND|WITH) /.test(text) ? [{ expression: text }] : [{ license: { id: text } }];
}

/** npm's `sha512-<base64>`, of the package as it was downloaded. */
function sha512Hex(integrity: string): string {
  const [, base64] = /^sha512-([A-Za-z0-9+/=]+)$/.exec(integrity) ?? [];
  if (base64 === undefined) throw new Error(`package-lock.json: expected a sha512 hash, found ${integrity}`);
  return Buffer.from(base64, "base64").toString("hex");
}

/** Throws when the lock file has no such package. */
export function lockEntryOf(lock: Lock, name: string): LockEntry {
  const entry = lock.packages[`node_modules/${name}`];
  if (entry !== undefined) return entry;
  throw new Error(`package-lock.json: ${name} is not in it`);
}

/** Packages for one platform, of which the lock file says no licence, by the package they belong to. */
const PARTS: readonly (readonly [prefix: string, whole: string])[] = [
  ["@oven/bun-", "bun"],
  ["@number0/iroh-", "@number0/iroh"],
];

/** The package that is made for several platforms, of the one for this; any other is itself. */
export function wholeOf(name: string): string {
  return PARTS.find(([prefix]) => name.startsWith(prefix))?.[1] ?? name;
}

/** Throws when the lock file names none. */
export function licenceOf(lock: Lock, name: string): string {
  const licence = lockEntryOf(lock, name).license ?? lockEntryOf(lock, wholeOf(name)).license;
  if (licence !== undefined) return licence;
  throw new Error(`package-lock.json: ${name} has no licence there`);
}

/** A name-based UUID in form; its bits are a hash of `text`. */
function uuidOf(text: string): string {
  const hex = createHash("sha256").update(text).digest("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

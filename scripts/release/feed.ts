import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { MANIFEST_NAME, parseManifest, SIGNATURE_NAME } from "../../src/update/release-manifest.ts";

/** What a feed holds beside its archives. The manifest comes last: it names the others. */
const PLAIN = ["install.sh", "sbom.cdx.json", "checksums.txt", SIGNATURE_NAME, MANIFEST_NAME];

/**
 * Moves the finished files of `from` into the feed `into`, which is on the same disk. A release of another version that
 * is there keeps living in a folder named after it; one of the same version is replaced.
 */
export function publishFeed({ from, into, version }: { from: string; into: string; version: string }): void {
  const before = existsSync(join(into, MANIFEST_NAME)) ? readFeed(into) : undefined;
  if (before !== undefined && before.version !== version) {
    const older = join(into, before.version);
    // Its manifest goes there last: without one, what is there was put aside by a run that did not end.
    if (existsSync(join(older, MANIFEST_NAME))) rmSync(older, { recursive: true, force: true });
    mkdirSync(older, { recursive: true });
    for (const name of before.names) move(into, older, name);
  } else {
    // Nothing of the release that is replaced may stay beside the new one: an old signature least of all.
    for (const name of [...(before?.names ?? []), ...PLAIN].reverse()) rmSync(join(into, name), { force: true });
  }
  const names = readdirSync(from);
  for (const name of [...names.filter((name) => !PLAIN.includes(name)), ...PLAIN]) move(from, into, name);
}

/** The version that a feed holds now; `undefined` where there is none yet. Throws when its manifest cannot be read. */
export function releaseIn(dir: string): string | undefined {
  return existsSync(join(dir, MANIFEST_NAME)) ? readFeed(dir).version : undefined;
}

function readFeed(dir: string): { version: string; names: readonly string[] } {
  const { version, files } = parseManifest(readFileSync(join(dir, MANIFEST_NAME)));
  return { version, names: [...files.map(({ name }) => name), ...PLAIN] };
}

function move(from: string, into: string, name: string): void {
  if (existsSync(join(from, name))) renameSync(join(from, name), join(into, name));
}

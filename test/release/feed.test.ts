import { expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { publishFeed } from "../../scripts/release/feed.ts";
import { archiveName, feedFiles } from "../support/release-feed.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

/** The files of a release in the folder `dir`, and the name of its archive. */
function write(dir: string, version: string): string {
  const files = feedFiles({ version, binary: new TextEncoder().encode(version) });
  mkdirSync(dir, { recursive: true });
  for (const [name, bytes] of files) writeFileSync(join(dir, name), bytes);
  return archiveName(files);
}

test("a run that was killed while it put the release before aside has lost nothing of it for the next", () => {
  using directory = new TemporaryDirectory();
  const [into, from] = [join(directory.path, "feed"), join(directory.path, "new")];
  const archive = write(into, "v0.6.0");
  const before = readFileSync(join(into, archive));
  write(from, "v0.7.0");
  mkdirSync(join(into, "v0.6.0"));
  renameSync(join(into, archive), join(into, "v0.6.0", archive));
  publishFeed({ from, into, version: "v0.7.0" });
  expect(readdirSync(join(into, "v0.6.0")).sort()).toEqual([archive, "manifest.json", "manifest.json.sig"]);
  expect(readFileSync(join(into, "v0.6.0", archive))).toEqual(before);
  expect(readdirSync(into).sort()).toEqual([archive, "manifest.json", "manifest.json.sig", "v0.6.0"]);
});

test("a release of a version that is kept already takes the place of what is kept", () => {
  using directory = new TemporaryDirectory();
  const [into, from] = [join(directory.path, "feed"), join(directory.path, "new")];
  write(into, "v0.6.0");
  write(join(into, "v0.6.0"), "v0.6.0");
  writeFileSync(join(into, "v0.6.0/stale"), "");
  write(from, "v0.7.0");
  publishFeed({ from, into, version: "v0.7.0" });
  expect(readdirSync(join(into, "v0.6.0"))).not.toContain("stale");
});

import { expect, test } from "bun:test";
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { NO_CONSENT } from "../../src/core/admission/default-moot-state.ts";
import { GroupId } from "../../src/core/ids.ts";
import { DefaultMootFile } from "../../src/store/default-moot-file.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

const group_id = GroupId.fromBytes(Uint8Array.from({ length: 32 }, (_, at) => at + 1));

test("the file is the original's, and its owner's alone", () => {
  using directory = new TemporaryDirectory();
  const path = join(directory.path, "default_moot.json");
  const file = new DefaultMootFile(directory.path);
  file.write({
    consent: "joined",
    group_id,
    descriptor_url: "https://entmoot.xyz/.well-known/the-ent-moot.json",
    descriptor_issued_at_ms: 1_700_000_000_000n,
    updated_at_ms: 1_700_000_000_001n,
  });
  expect(readFileSync(path, "utf8")).toBe(`{
  "consent": "joined",
  "group_id": "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=",
  "descriptor_url": "https://entmoot.xyz/.well-known/the-ent-moot.json",
  "descriptor_issued_at_ms": 1700000000000,
  "updated_at_ms": 1700000000001
}
`);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  file.write({ ...NO_CONSENT, consent: "declined", updated_at_ms: 5n });
  expect(readFileSync(path, "utf8")).toBe('{\n  "consent": "declined",\n  "updated_at_ms": 5\n}\n');
});

test.each([
  ["nothing", ""],
  ["no JSON", "{"],
  ["another shape", '{"consent":7}'],
  ["no moot's id", '{"consent":"declined","group_id":"x"}'],
  ["more than any file of it", `{"consent":"declined"${" ".repeat(70_000)}}`],
])("a file of %s says nothing", (_, content) => {
  using directory = new TemporaryDirectory();
  writeFileSync(join(directory.path, "default_moot.json"), content);
  expect(new DefaultMootFile(directory.path).read()).toEqual(NO_CONSENT);
});

test("a word that is no consent, and a folder in its place, say nothing; what else is written by others is passed over", () => {
  using directory = new TemporaryDirectory();
  const path = join(directory.path, "default_moot.json");
  writeFileSync(path, '{"consent":"maybe","later":true,"updated_at_ms":3}');
  expect(new DefaultMootFile(directory.path).read()).toEqual({ ...NO_CONSENT, updated_at_ms: 3n });
  using other = new TemporaryDirectory();
  mkdirSync(join(other.path, "default_moot.json"));
  expect(new DefaultMootFile(other.path).read()).toEqual(NO_CONSENT);
});

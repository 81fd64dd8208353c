import { afterAll, beforeAll, expect, test } from "bun:test";
import { copyFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runFile } from "../../src/conformance/run.ts";
import { readVectorFile } from "../../src/conformance/vector-file.ts";

const VECTORS = join(import.meta.dir, "..", "vectors");

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "falsified-"));
});
afterAll(() => rm(root, { recursive: true }));

/** Each field holds an outcome; a vector that records another one must fail. */
test.each([
  ["identity", "write/0", "file_mode", "0644"],
  ["identity", "write/0", "dir_mode", "0755"],
  ["identity", "load-or-generate/missing-creates", "file_mode", "0644"],
  ["identity", "load-or-generate/corrupt-is-error-and-kept", "file_unchanged", false],
  ["public-moot", "default-moot/build/fields", "verify", "bad_signature"],
  ["invite", "proof/build", "redeemer_key", "201:SVa5sDII6TPP6Wg37/2sZXO46s5dgsXWhCAe+Z91jiU="],
  ["frames", "encode/hello", "type_name", "merkle_resp"],
  ["roster", "load/good", "expect", "reject"],
  ["roster", "load/bad-signature-not-noticed", "expect", "reject"],
  ["roster", "load/good", "file_after_append", "00"],
  ["roster", "load/good", "state_after_reload", {}],
  ["roster", "load/no-final-newline", "file_after_append", "00"],
  ["roster", "load/no-final-newline", "state_after_reload", {}],
  ["roster", "load/torn-last-line-then-append", "file_after_append", "00"],
  ["roster", "load/torn-last-line-then-append", "state_after_reload", {}],
] as const)("%s: %s with another %s fails", async (subject, name, field, value) => {
  const file = await readVectorFile(join(VECTORS, `${subject}.json`));
  const known = (file.cases as { name: string }[]).find((entry) => entry.name.startsWith(name));
  expect(known).toHaveProperty([field]);
  const path = join(await mkdtemp(join(root, "case-")), `${subject}.json`);
  await writeFile(path, jsonOf({ ...file, cases: [known] }));
  expect(await runFile(path)).toMatchObject({ passed: 1, failed: 0 });
  await writeFile(path, jsonOf({ ...file, cases: [{ ...known, [field]: value }] }));
  expect(await runFile(path)).toMatchObject({ passed: 0, failed: 1 });
});

test.each([
  ["a mailbox cursor's time", (file: Expected) => (file.mailbox_cursors[0]!.timestamp_ms += 1)],
  ["a torn roster that was whole", (file: Expected) => (file.groups[0]!.roster_tail_torn = true)],
  ["a whole roster that was torn", (file: Expected) => (file.groups[2]!.roster_tail_torn = false)],
  ["a cursor that is missing", (file: Expected) => file.mailbox_cursors.pop()],
])("a data root with %s fails", async (_what, falsify) => {
  const folder = join(await mkdtemp(join(root, "root-")), "store");
  await mkdir(folder);
  await copyFile(join(VECTORS, "store", "root.tar"), join(folder, "root.tar"));
  const file = structuredClone(await readVectorFile(join(VECTORS, "store", "expected.json"))) as unknown as Expected;
  falsify(file);
  await writeFile(join(folder, "expected.json"), jsonOf(file));
  expect(await runFile(join(folder, "expected.json"))).toMatchObject({ failed: 1 });
});

interface Expected {
  readonly groups: { roster_tail_torn?: boolean }[];
  readonly mailbox_cursors: { timestamp_ms: number }[];
}

function jsonOf(value: unknown): string {
  return JSON.stringify(value, (_key, inner) => (typeof inner === "bigint" ? Number(inner) : inner));
}

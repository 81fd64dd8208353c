import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DEVIATIONS } from "../../src/conformance/deviations.ts";
import { type FileReport, runConformance, runFile } from "../../src/conformance/run.ts";
import { SUBJECTS } from "../../src/conformance/subjects.ts";
import { readVectorFile, VECTOR_FILE_BYTES_MAX } from "../../src/conformance/vector-file.ts";
import { sizeText } from "../../src/core/amounts.ts";

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "conformance-"));
});
afterAll(() => rm(root, { recursive: true }));

let folders = 0;
/** A file of that name in a folder of its own. */
async function fileOf(name: string, content: unknown): Promise<string> {
  const folder = join(root, `${folders++}`);
  await mkdir(folder);
  const path = join(folder, name);
  await writeFile(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
}

const counts = ({ passed, failed, unknown, deviations }: FileReport) => ({ passed, failed, unknown, deviations });
const good = { name: "a", kind: "pattern", pattern: "61", expect: "ok" };

describe("a run of vectors", () => {
  test("counts what passed, what failed with both sides, and what is unknown", async () => {
    const cases = [good, { ...good, name: "b", expect: "empty_pattern" }, { ...good, name: "c", kind: "new" }];
    const report = await runFile(await fileOf("topics.json", { cases }));
    expect(counts(report)).toEqual({ passed: 1, failed: 1, unknown: 1, deviations: 0 });
    expect(report.failures).toEqual([{ name: "b", expected: "empty_pattern", found: "ok" }]);
    expect(report.unknownKinds).toEqual({ "topics/new": 1 });
  });

  test.each([
    ["nothing", ""],
    ["no JSON", "hello"],
    ["a list", "[]"],
    ["null", "null"],
    ["no cases", "{}"],
    ["an empty list of cases", '{"cases":[]}'],
    ["cases that are no list", '{"cases":{"a":1}}'],
    ["brackets nested a hundred thousand deep", "[".repeat(100_000)],
    ["bytes that are no text", "\u0000\u0001"],
  ])("takes a file of %s for one unknown", async (_what, content) => {
    expect(counts(await runFile(await fileOf("topics.json", content)))).toEqual({
      passed: 0,
      failed: 0,
      unknown: 1,
      deviations: 0,
    });
  });

  test("takes entries that are no cases for unknown, and goes on", async () => {
    const odd = [
      null,
      5,
      "x",
      [],
      [[]],
      {},
      { name: 5 },
      { kind: "pattern" },
      { name: "p", kind: {} },
      { name: "q", op: 1 },
    ];
    const kinds = ["constructor", "__proto__", "toString"].map((kind, i) => ({ ...good, name: `k${i}`, kind }));
    const report = await runFile(await fileOf("topics.json", { cases: [...odd, ...kinds, good, good] }));
    expect(counts(report)).toEqual({ passed: 1, failed: 0, unknown: odd.length + kinds.length + 1, deviations: 0 });
  });

  test("fails a case whose fields are missing or of another type, even where a refusal is expected", async () => {
    const cases = [
      { name: "no input", kind: "link", expect: "reject" },
      { name: "number", kind: "link", input: 5, expect: "reject" },
      { name: "no hex", kind: "link", input: "zz", expect: "reject" },
      { name: "no body", kind: "join_input", expect: "reject" },
      { name: "no wire", kind: "verify", expect: "malformed", now_ms: 1 },
    ];
    const report = await runFile(await fileOf("invite.json", { cases }));
    expect(counts(report)).toEqual({ passed: 0, failed: cases.length, unknown: 0, deviations: 0 });
  });

  test("takes a file of an unknown subject, or of another system, for unknown", async () => {
    expect(counts(await runFile(await fileOf("nothing.json", { cases: [good, good] })))).toMatchObject({ unknown: 2 });
    expect(counts(await runFile(await fileOf("toString.json", { cases: [good] })))).toMatchObject({ unknown: 1 });
    await mkdir(join(root, "egregore"));
    const path = join(root, "egregore", "topics.json");
    await writeFile(path, JSON.stringify({ cases: [good] }));
    expect(counts(await runFile(path))).toEqual({ passed: 0, failed: 0, unknown: 1, deviations: 0 });
  });

  test("reads integers beyond 2^53 exactly", async () => {
    const path = await fileOf("x.json", '{"a":18446744073709551615,"b":-9007199254740993,"c":5,"d":1e300,"e":1.5}');
    expect(await readVectorFile(path)).toEqual({
      a: 18446744073709551615n,
      b: -9007199254740993n,
      c: 5,
      d: 1e300,
      e: 1.5,
    });
  });

  test("refuses a file past the size limit without reading it", async () => {
    const path = join(await mkdtemp(join(root, "large-")), "topics.json");
    await writeFile(path, "");
    await (await import("node:fs/promises")).truncate(path, VECTOR_FILE_BYTES_MAX + 1);
    expect(readVectorFile(path)).rejects.toThrow(`expected at most ${sizeText(VECTOR_FILE_BYTES_MAX)}`);
    expect(counts(await runFile(path))).toMatchObject({ unknown: 1 });
  });

  test("walks directories for .json files in order, follows and no link to a directory", async () => {
    const folder = await mkdtemp(join(root, "walk-"));
    await mkdir(join(folder, "inner"));
    await writeFile(join(folder, "inner", "topics.json"), JSON.stringify({ cases: [good] }));
    await writeFile(join(folder, "a.json"), "{}");
    await writeFile(join(folder, "readme.md"), "");
    await symlink(folder, join(folder, "loop"));
    const reports = await Array.fromAsync(runConformance([folder]));
    expect(reports.map(({ file }) => file.slice(folder.length + 1))).toEqual(["a.json", "inner/topics.json"]);
    expect(reports.map(counts).map(({ passed, unknown }) => [passed, unknown])).toEqual([
      [0, 1],
      [1, 0],
    ]);
  });

  test("calls what is missing so, and runs nothing then", async () => {
    const folder = await mkdtemp(join(root, "missing-"));
    await writeFile(join(folder, "topics.json"), JSON.stringify({ cases: [good] }));
    await mkdir(join(folder, "empty"));
    const runOf = (name: string) => runConformance([folder, join(folder, name)]).next();
    await expect(runOf("gone.json")).rejects.toMatchObject({
      code: "not_found",
      message: `${join(folder, "gone.json")}: there is no such file or directory`,
    });
    await expect(runOf("empty")).rejects.toMatchObject({
      code: "not_found",
      message: `${join(folder, "empty")}: no vector files found`,
    });
  });

  test("names subjects that load", async () => {
    for (const load of Object.values(SUBJECTS)) expect(Object.keys((await load()).subject.kinds)).not.toEqual([]);
  });

  test("counts a deviation when, and only when, it comes out as listed", async () => {
    const table = DEVIATIONS as Record<string, (typeof DEVIATIONS)[string]>;
    table["topics/a"] = { reason: "for this test", recorded: "empty_pattern", outcome: "ok" };
    try {
      const differing = await runFile(await fileOf("topics.json", { cases: [{ ...good, expect: "empty_pattern" }] }));
      expect(counts(differing)).toEqual({ passed: 0, failed: 0, unknown: 0, deviations: 1 });
      expect(differing.deviating).toEqual(["a"]);
      const agreeing = await runFile(await fileOf("topics.json", { cases: [good] }));
      expect(counts(agreeing)).toEqual({ passed: 0, failed: 1, unknown: 0, deviations: 0 });
      const edited = await runFile(await fileOf("topics.json", { cases: [{ ...good, expect: "hash_not_last" }] }));
      expect(counts(edited)).toEqual({ passed: 0, failed: 1, unknown: 0, deviations: 0 });
      const otherwise = await runFile(await fileOf("topics.json", { cases: [{ ...good, pattern: "" }] }));
      expect(counts(otherwise)).toEqual({ passed: 0, failed: 1, unknown: 0, deviations: 0 });
    } finally {
      delete table["topics/a"];
    }
  });
});

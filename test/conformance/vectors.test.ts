import { expect, test } from "bun:test";
import { join, relative } from "node:path";
import { runFile } from "../../src/conformance/run.ts";
import { vectorFiles } from "../../src/conformance/vector-file.ts";
import { NOT_YET_DUE, SYSTEMS_NOT_YET_DUE } from "./not-yet-due.ts";

const VECTORS = join(import.meta.dir, "../vectors");

/** `kind` is `<subject>/<kind>`, where the subject of another system is `<system>/<name>`. */
function isDue(kind: string): boolean {
  const subject = kind.slice(0, kind.lastIndexOf("/"));
  if (SYSTEMS_NOT_YET_DUE.includes(subject.split("/")[0]!) && subject.includes("/")) return false;
  return !NOT_YET_DUE.includes(kind) && !NOT_YET_DUE.includes(`${subject}/*`);
}

for (const file of await Array.fromAsync(vectorFiles(VECTORS))) {
  test(`${relative(VECTORS, file)} comes out as recorded`, async () => {
    const report = await runFile(file);
    expect(report.failures).toEqual([]);
    expect(Object.entries(report.unknownKinds).filter(([kind]) => isDue(kind))).toEqual([]);
  });
}

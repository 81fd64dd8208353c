import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

const SRC = resolve(import.meta.dir, "../../src");

/** What is loaded before a command does anything, as `file` or `package` names; what it imports lazily is left out. */
function loadedWith(...entries: string[]): Set<string> {
  const transpiler = new Bun.Transpiler({ loader: "ts" });
  const seen = new Set<string>();
  const todo = entries.map((entry) => join(SRC, entry));
  for (let file = todo.pop(); file !== undefined; file = todo.pop()) {
    if (seen.has(file)) continue;
    seen.add(file);
    for (const { kind, path } of transpiler.scanImports(readFileSync(file, "utf8").replace(/^#!.*/, ""))) {
      if (kind !== "import-statement") continue;
      if (path.startsWith(".")) todo.push(resolve(dirname(file), path));
      else seen.add(path);
    }
  }
  return seen;
}

const packages = (...entries: string[]) =>
  [...loadedWith(...entries)].filter((name) => !name.startsWith("/")).toSorted();

test("what is started most loads no part of the runtime that costs it a millisecond", () => {
  // node:child_process and node:tty, say, bring the runtime's sockets and streams with them.
  const common = ["citty", "node:os", "node:path", "valibot"];
  expect(packages("main.ts", "cli/commands/version.ts")).toEqual(common);
  expect(packages("main.ts", "cli/commands/complete.ts", "cli/complete/named-here.ts")).toEqual(common);
  expect(packages("main.ts", "cli/commands/info.ts")).toEqual([...common, "node:fs"].toSorted());
});

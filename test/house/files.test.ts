import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";

const SRC = resolve(import.meta.dir, "../../src");

/** What of node:fs makes, changes, renames or removes something on a disk. */
const WRITES =
  /^(appendFile|l?chmod|[fl]?chown|copyFile|cp|createWriteStream|[fl]?utimes|link|mkdir|mkdtemp|rename|rm|rmdir|symlink|truncate|unlink|writeFile|open)(Sync)?$/;
const IMPORT = /^import (?:type )?\{([^}]*)\} from "(?:node:)?fs(?:\/promises)?";/gm;
const READING = /(?<![\w.#])openSync\(.*(, "r"|O_RDONLY)/;
const OTHERS = /\bBun\.write\(|\.writer\(|new Database\((?!requireOwnDatabase\()|(?<![\w.#])openSync\(/;

/** Who makes such calls beside `files/`, and why none of them can be led to what is another's. */
const ALLOWED: Readonly<Record<string, string>> = {
  "agent/terminal/terminal-device.ts": "a pseudo-terminal that this process has just opened",
  "conformance/subjects/identity.ts": "a folder of its own for temporary files",
  "conformance/subjects/store.ts": "a folder of its own for temporary files",
  "conformance/tar.ts": "into a folder of its own for temporary files",
  "conformance/esp-world.ts": "a folder of its own for temporary files, which it makes and removes",
  "conformance/vector-file.ts": "reads what the command line names",
  "cli/commands/self-test.ts": "a folder of its own for temporary files, which it makes and removes",
  "cli/commands/complete.ts": "stdout",
  "cli/commands/version.ts": "stdout",
  "cli/line/bounded-input.ts": "reads what the command line names",
  "host/terminal-output.ts": "the terminal that is open already",
  "store/descriptors.ts": "/dev/null",
  "node/care/archive-file.ts": "reads what the owner named",
  "store/backup/copy-database.ts": "reads what requireOwnDatabase has passed, and may not write it",
  "store/backup/copy-file.ts": "reads what trustedPath gave, or a backup that its owner named",
  "store/original/original-database.ts": "copies into a folder of its own that it has just made",
  "store/original/private-place.ts": "a folder of its own for temporary files",
  "store/sqlite/frozen-database.ts": "a folder of its own for temporary files",
  "update/download.ts": "opens what requireOwnFile has passed, following no link",
  "update/daemon-user.ts": "what a process has open to write, of another user only what is that user's",
  "update/swap-binary.ts": "a name that was removed just before, in the folder of the executable",
};

function findings(path: string, text: string): string[] {
  const imported = [...text.matchAll(IMPORT)].flatMap(([, names]) => names!.split(",").map((name) => name.trim()));
  const lines = text.split("\n").filter((line) => !/^\s*(\*|\/\/|\/\*|import\b)/.test(line));
  return [
    // What is opened is looked at where that is done.
    ...imported.filter((name) => WRITES.test(name) && name !== "openSync"),
    ...lines.filter((line) => OTHERS.test(line) && !READING.test(line)).map((line) => line.trim()),
    ...(text.match(/^import (\w|\* as \w+).* from "(node:)?fs.*/gm) ?? []),
  ].map((found) => `${path}: ${found}`);
}

test("nothing is written to a disk but by the functions that follow nobody's links", () => {
  const files = [...new Bun.Glob("**/*.ts").scanSync({ cwd: SRC })].filter((path) => !path.startsWith("files/"));
  const found = files.flatMap((path) => findings(path, readFileSync(join(SRC, path), "utf8")));
  expect(found.filter((line) => ALLOWED[line.split(":")[0]!] === undefined)).toEqual([]);
});

test("the search finds each way to write, so an empty result means something", () => {
  for (const line of [
    'import { readFileSync, writeFileSync } from "node:fs";',
    'import {\n  readFileSync,\n  rename,\n} from "node:fs/promises";',
    'import * as fs from "node:fs";',
    'import fs from "fs";',
    'openSync(path, "w");',
    "openSync(path, constants.O_RDWR | constants.O_CREAT);",
    "await Bun.write(path, text);",
    "db = new Database(path, { readwrite: true });",
  ]) {
    expect(findings("a.ts", line)).toHaveLength(1);
  }
  for (const line of [
    'openSync(path, "r");',
    'import { readFileSync } from "node:fs";',
    "openSync(path, constants.O_RDONLY)",
  ]) {
    expect(findings("a.ts", line)).toEqual([]);
  }
});

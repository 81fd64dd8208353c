import { expect, test } from "bun:test";
import { chmodSync, mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isToTighten, requireRootFolder } from "../../src/store/root-folder.ts";
import { SqliteDataRoot } from "../../src/store/sqlite/sqlite-data-root.ts";
import { expectCode } from "../support/expect-code.ts";
import { GROUP } from "../support/message.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

const modeOf = (path: string) => statSync(path).mode & 0o7777;

test("a folder of something else is refused as it is, with what it holds", () => {
  using home = new TemporaryDirectory();
  chmodSync(home.path, 0o755);
  for (const name of ["d", "c", "b", "a"]) writeFileSync(join(home.path, name), "");
  mkdirSync(join(home.path, "groups"));
  const { message } = expectCode("data_root_invalid", () => SqliteDataRoot.open(home.path, "write"));
  expect(message).toContain('not empty: it holds "a", "b", "c" and 2 more; nothing was made or changed');
  expect(readdirSync(home.path)).toHaveLength(5);
  expect(modeOf(home.path)).toBe(0o755);
});

test("a folder where everybody puts things is refused though it is empty; a new disk that is open to all is taken", () => {
  using home = new TemporaryDirectory();
  chmodSync(home.path, 0o1777);
  const before = process.env.TMPDIR;
  try {
    process.env.TMPDIR = home.path;
    const { message } = expectCode("data_root_invalid", () => SqliteDataRoot.open(home.path, "write"));
    expect(message).toContain("where everybody puts things");
    expect({ names: readdirSync(home.path), mode: modeOf(home.path) }).toEqual({ names: [], mode: 0o1777 });
    expect(isToTighten(home.path)).toBeFalse();
  } finally {
    if (before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = before;
  }
  SqliteDataRoot.open(home.path, "write")[Symbol.dispose]();
  expect(modeOf(home.path)).toBe(0o700);
});

test("what is empty, holds a data root or a part of one, or what means nothing, is taken", () => {
  for (const names of [
    [],
    ["lost+found", "bin", "serve.log"],
    ["notes", "identity.json"],
    ["notes", "node.lock"],
    ["notes", "mailbox.sqlite"],
  ]) {
    using home = new TemporaryDirectory();
    for (const name of names) writeFileSync(join(home.path, name), "");
    requireRootFolder(home.path);
  }
  using home = new TemporaryDirectory();
  requireRootFolder(join(home.path, "none"));
  writeFileSync(join(home.path, "key.json"), "{}");
  requireRootFolder(home.path, [join(home.path, "key.json")]);
  mkdirSync(join(home.path, "groups", Buffer.from(GROUP, "hex").toString("base64url")), { recursive: true });
  requireRootFolder(home.path);
});

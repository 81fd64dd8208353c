import { expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SqliteDataRoot } from "../../src/store/sqlite/sqlite-data-root.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

test("a group whose database is empty is left out and told of, not passed over", () => {
  using home = new TemporaryDirectory();
  const folder = join(home.path, "groups", Buffer.alloc(32, 7).toString("base64url"));
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeFileSync(join(folder, "moot.sqlite"), "");
  using root = SqliteDataRoot.open(home.path, "write");
  expect(root.groupIds()).toEqual([]);
  expect(root.notices.join("\n")).toContain("moot.sqlite: holds no roster");
});

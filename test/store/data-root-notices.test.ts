import { expect, test } from "bun:test";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { GroupId } from "../../src/core/ids.ts";
import { SqliteDataRoot } from "../../src/store/sqlite/sqlite-data-root.ts";
import { identity } from "../support/identity.ts";
import { roster } from "../support/roster.ts";
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

test("what is left of a group that never came to be goes at the next start, and nothing else does", () => {
  using home = new TemporaryDirectory();
  const [left, made, emptied] = [1, 2, 3].map((n) => GroupId.fromBytes(new Uint8Array(32).fill(n)));
  const folder = (id: GroupId | undefined) => join(home.path, "groups", Buffer.from(id!, "hex").toString("base64url"));
  {
    using root = SqliteDataRoot.open(home.path, "write");
    // As a process leaves it that ends, or finds the disk full, before there is a roster.
    root.createGroup(left!).setFact("metadata", "{}");
    for (const id of [made!, emptied!]) root.createGroup(id).roster.append(roster([identity(1)]).entries);
    expect(root.openGroup(emptied!)).toBeDefined();
  }
  writeFileSync(join(folder(emptied), "moot.sqlite"), "");
  using root = SqliteDataRoot.open(home.path, "write");
  expect(root.groupIds()).toEqual([made!]);
  expect([...root.leftOut.keys()]).toEqual([emptied!]);
  expect(readdirSync(join(home.path, "groups"))).toHaveLength(2);
});

test("a group whose database cannot be made leaves nothing behind", () => {
  using home = new TemporaryDirectory();
  const id = GroupId.fromBytes(new Uint8Array(32).fill(1));
  const files = join(home.path, "groups", Buffer.from(id, "hex").toString("base64url"));
  using root = SqliteDataRoot.open(home.path, "write");
  // A file stands where the group's folder is to be.
  writeFileSync(files, "");
  expect(() => root.createGroup(id)).toThrow();
  expect(root.node.getSetting("groups_being_made")).toBeUndefined();
});

import { expect, test } from "bun:test";
import { readdirSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { GroupId } from "../../src/core/ids.ts";
import { merkleRoot } from "../../src/core/order/merkle-tree.ts";
import { OpenFiles, openFilesMax } from "../../src/store/open-files.ts";
import { SqliteDataRoot } from "../../src/store/sqlite/sqlite-data-root.ts";
import { SqliteGroupStore } from "../../src/store/sqlite/sqlite-group-store.ts";
import { keptMessage } from "../support/kept-message.ts";
import { GROUP, message } from "../support/message.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

/** A message of the `n`th group; the stores do not look at what group it is of. */
const of = (group: number, n: number) => keptMessage(message({ timestamp: BigInt(1000 * group + n) }));

test("more groups than may be open at a time are written and read as if all were, and few files are open", () => {
  using directory = new TemporaryDirectory();
  const files = new OpenFiles(2);
  using root = SqliteDataRoot.open(directory.path, "write", { files });
  const stores = Array.from({ length: 7 }, (_, n) =>
    root.createGroup(GroupId.fromBytes(new Uint8Array(32).fill(n + 1))),
  );
  for (const n of [0, 1, 2]) {
    stores.forEach((store, group) => {
      expect(store.messages.putMany([of(group, n)])).toEqual([n + 1]);
      store.setFact("round", String(n));
    });
    expect(files.size).toBe(2);
  }
  stores.forEach((store, group) => {
    const ids = [0, 1, 2].map((n) => of(group, n).id);
    expect([store.messages.size, store.getFact("round")]).toEqual([3, "2"]);
    expect(store.messages.merkleRoot()).toBe(merkleRoot(ids));
    expect(store.messages.nextParents()).toEqual(ids);
  });
  if (process.platform === "linux")
    expect(openUnder(directory.path).filter((name) => name.endsWith("moot.sqlite"))).toHaveLength(2);
});

test("what is in use is never closed for another, and a snapshot stays one", () => {
  using directory = new TemporaryDirectory();
  const files = new OpenFiles(1);
  const open = (name: string) =>
    SqliteGroupStore.open(join(directory.path, name), { groupId: GROUP, access: "write", files });
  using a = open("a.sqlite");
  using b = open("b.sqlite");
  using beside = SqliteGroupStore.open(join(directory.path, "a.sqlite"), { groupId: GROUP, access: "write" });
  a.messages.putMany([of(0, 0)]);
  a.messages.reading(() => {
    expect(a.messages.size).toBe(1);
    beside.messages.putMany([of(0, 1)]);
    b.messages.putMany([of(1, 0)]);
    expect(a.messages.arrivedAfter(0, 10)).toHaveLength(1);
  });
  expect(a.messages.arrivedAfter(0, 10)).toHaveLength(2);
});

test("what another process stored while a group was closed counts when it opens again", () => {
  using directory = new TemporaryDirectory();
  const files = new OpenFiles(1);
  const at = (name: string) => join(directory.path, name);
  const open = (name: string) => SqliteGroupStore.open(at(name), { groupId: GROUP, access: "write", files });
  using a = open("a.sqlite");
  a.messages.putMany([of(0, 0)]);
  expect(a.messages.size).toBe(1);
  using b = open("b.sqlite");
  expect(b.messages.size).toBe(0);
  {
    using beside = SqliteGroupStore.open(at("a.sqlite"), { groupId: GROUP, access: "write" });
    beside.messages.putMany([of(0, 1)]);
  }
  expect([a.messages.size, a.messages.lastSeq()]).toEqual([2, 2]);
  expect(a.messages.putMany([of(0, 2)])).toEqual([3]);
});

test("what is asked of a quiet group again and again keeps no file open, in a data root that is locked", () => {
  using directory = new TemporaryDirectory();
  const files = new OpenFiles(1);
  using root = SqliteDataRoot.open(directory.path, "write", { files });
  const [quiet, busy] = [1, 2].map((n) => root.createGroup(GroupId.fromBytes(new Uint8Array(32).fill(n))));
  quiet!.messages.putMany([of(0, 0)]);
  quiet!.setFact("metadata", "{}");
  const asked = () => [
    quiet!.messages.size,
    quiet!.messages.lastSeq(),
    quiet!.messages.merkleRoot(),
    quiet!.getFact("metadata"),
  ];
  const before = asked();
  busy!.messages.putMany([of(1, 0)]);
  // The busy one is in use, so that another one that opened would be a second.
  busy!.messages.reading(() => {
    expect(files.size).toBe(1);
    expect(asked()).toEqual(before);
    expect(files.size).toBe(1);
  });
  quiet!.messages.putMany([of(0, 1)]);
  expect([quiet!.messages.size, quiet!.messages.lastSeq()]).toEqual([2, 2]);
});

test("a small limit leaves room for clients and peers, and a large one is not used up", () => {
  expect([24, 64, 256, 1024, 1_048_576].map(openFilesMax)).toEqual([2, 6, 38, 166, 512]);
});

/** Names of the files under `path` that this process has open. */
function openUnder(path: string): string[] {
  return readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      const target = readlinkSync(`/proc/self/fd/${fd}`);
      return target.startsWith(path) ? [target] : [];
    } catch {
      return []; // The descriptor that listed them.
    }
  });
}

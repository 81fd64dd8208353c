import { Database } from "bun:sqlite";
import { expect, spyOn, test } from "bun:test";
import { join } from "node:path";
import { groupDirectoryName } from "../../../src/store/group-directory.ts";
import { OpenFiles } from "../../../src/store/open-files.ts";
import { GROUP_0001 } from "../../../src/store/sqlite/migrations/0001-group.ts";
import { OpeningWait } from "../../../src/store/sqlite/opening-wait.ts";
import { SqliteDataRoot } from "../../../src/store/sqlite/sqlite-data-root.ts";
import { SqliteFile } from "../../../src/store/sqlite/sqlite-file.ts";
import { SqliteGroupStore } from "../../../src/store/sqlite/sqlite-group-store.ts";
import { StoreBusy } from "../../../src/store/store-failures.ts";
import { expectCode } from "../../support/expect-code.ts";
import { keptMessage } from "../../support/kept-message.ts";
import { GROUP, message } from "../../support/message.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";

/** Makes a database of an earlier shape, which opening has to change. */
function makeOld(path: string): void {
  SqliteFile.open(path, { label: "group database", migrations: [GROUP_0001], access: "write" })[Symbol.dispose]();
}

/** Holds a database as another program does; `EXCLUSIVE` keeps readers out too. */
function hold(path: string, how: "IMMEDIATE" | "EXCLUSIVE"): Disposable {
  const db = new Database(path);
  if (how === "EXCLUSIVE") db.run("PRAGMA locking_mode = EXCLUSIVE");
  db.run(`BEGIN ${how}`);
  return { [Symbol.dispose]: () => db.close() };
}

/** How long `work` stood still, as it was asked for. */
function stood(work: () => void): number {
  using sleeping = spyOn(Bun, "sleepSync");
  work();
  return sleeping.mock.calls.reduce((sum, [ms]) => sum + ms, 0);
}

test("what one opening waited is gone for the next, and a wait is as long as it was given", () => {
  using directory = new TemporaryDirectory();
  const paths = ["a", "b"].map((name) => join(directory.path, `${name}.sqlite`)) as [string, string];
  const makingPatience = new OpeningWait(50);
  for (const path of paths) makeOld(path);
  using _a = hold(paths[0], "IMMEDIATE");
  using _b = hold(paths[1], "EXCLUSIVE");
  const open = (path: string) => SqliteGroupStore.open(path, { groupId: GROUP, access: "write", makingPatience });
  expect(stood(() => expectCode("unavailable", () => open(paths[1])))).toBe(50);
  expect(stood(() => expectCode("unavailable", () => open(paths[0])))).toBe(0);
});

test("a data root that serves stands still for no group that another process holds", () => {
  using directory = new TemporaryDirectory();
  using root = SqliteDataRoot.open(directory.path, "write");
  root.createGroup(GROUP)[Symbol.dispose]();
  const path = join(directory.path, "groups", groupDirectoryName(GROUP), "moot.sqlite");
  {
    using old = new Database(path);
    old.run("PRAGMA user_version = 4");
  }
  using _held = hold(path, "IMMEDIATE");
  root.beginServing();
  expect(stood(() => expect(root.groupIds()).toEqual([]))).toBeLessThan(100);
  expect(root.leftOut.get(GROUP)).toBeInstanceOf(StoreBusy);
});

test("a file that was closed for others and is held meanwhile is not writable, and is not waited for", () => {
  using directory = new TemporaryDirectory();
  const path = join(directory.path, "a.sqlite");
  const files = new OpenFiles();
  using store = SqliteGroupStore.open(path, { groupId: GROUP, access: "write", files });
  store.messages.putMany([keptMessage(message())]);
  expect(store.file.park()).toBeTrue();
  {
    using _held = hold(path, "EXCLUSIVE");
    expect(stood(() => expect(store.isWritable()).toBeFalse())).toBe(0);
  }
  expect(store.isWritable()).toBeTrue();
});

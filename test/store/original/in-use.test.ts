import { expect, test } from "bun:test";
import { mkdirSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { usersOfOriginal } from "../../../src/store/original/in-use.ts";
import { identity } from "../../support/identity.ts";
import { OriginalRoot } from "../../support/original-root.ts";
import { roster } from "../../support/roster.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";

/** A `/proc` that lists locks on the database's file number: one of each of these processes. */
function world(holders: readonly { pid: number; device?: string; opens?: string | null }[]) {
  const directory = new TemporaryDirectory();
  const original = new OriginalRoot(join(directory.path, "root")).roster(roster([identity(1)]));
  original.messages([]).close();
  const database = join(original.group, "messages.sqlite");
  const proc = join(directory.path, "proc");
  mkdirSync(proc);
  const { dev, ino } = statSync(database);
  const device = `${(dev >>> 8).toString(16).padStart(2, "0")}:${(dev & 0xff).toString(16).padStart(2, "0")}`;
  const lines = holders.map(({ pid, device: other }, at) => {
    mkdirSync(join(proc, `${pid}`), { recursive: true });
    return `${at + 1}: POSIX  ADVISORY  READ ${pid} ${other ?? device}:${ino} 1073741826 1073742335\n`;
  });
  writeFileSync(join(proc, "locks"), lines.join(""));
  for (const { opens = database, pid } of holders) {
    writeFileSync(join(proc, `${pid}`, "comm"), "entmootd\n");
    if (opens === null) continue;
    mkdirSync(join(proc, `${pid}`, "fd"), { recursive: true });
    rmSync(join(proc, `${pid}`, "fd", "7"), { force: true });
    symlinkSync(opens, join(proc, `${pid}`, "fd", "7"));
  }
  return {
    database,
    users: () => usersOfOriginal(original.path, proc),
    [Symbol.dispose]: () => directory[Symbol.dispose](),
  };
}

test("a process with a database of the original open is named once, with what it has open", () => {
  using it = world([{ pid: 41 }, { pid: 41 }, { pid: 42, device: "ff:ff" }]);
  const { database: path } = it;
  // The second is on a disk whose number the list of locks writes otherwise, as some file systems do.
  expect(it.users()).toEqual([
    { pid: 41, name: "entmootd", path },
    { pid: 42, name: "entmootd", path },
  ]);
});

test("a file of the same number on another disk, and what we have open ourselves, are nobody's", () => {
  using it = world([{ pid: 41, opens: "/elsewhere/messages.sqlite" }, { pid: process.pid }]);
  expect(it.users()).toEqual([]);
});

test("a process that cannot be looked into counts by its disk", () => {
  using it = world([
    { pid: 41, opens: null },
    { pid: 43, opens: null, device: "ff:ff" },
  ]);
  expect(it.users()).toEqual([{ pid: 41, name: "entmootd", path: it.database }]);
});

test("where the system lists no locks nobody is found", () => {
  using it = world([]);
  expect(it.users()).toEqual([]);
  expect(usersOfOriginal("/nowhere", "/nowhere")).toEqual([]);
});

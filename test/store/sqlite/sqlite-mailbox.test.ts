import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { unixMs } from "../../../src/core/clock.ts";
import { MessageId } from "../../../src/core/ids.ts";
import { SqliteMailbox } from "../../../src/store/sqlite/sqlite-mailbox.ts";
import { StoreBusy } from "../../../src/store/store-failures.ts";
import { expectCode } from "../../support/expect-code.ts";
import { GROUP } from "../../support/message.ts";
import { putCursors } from "../../support/original-root.ts";
import { otherUser } from "../../support/other-user.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";

const id = (n: number) => MessageId.fromBytes(new Uint8Array(32).fill(n));
const keys = (n: number) => ({ messageId: id(n), timestamp: BigInt(n) });
const PLACE = "p".repeat(40);

function world() {
  const directory = new TemporaryDirectory();
  const path = join(directory.path, "mailbox.sqlite");
  const mailbox = new SqliteMailbox(directory.path);
  return {
    path,
    root: directory.path,
    mailbox,
    files: () => readdirSync(directory.path).sort(),
    put(n: number, of = mailbox) {
      const expected = of.row(GROUP, "a")?.stamp;
      const [client, nowMs] = ["a", unixMs(1)];
      return of.put({ groupId: GROUP, client, expected, place: PLACE, keys: keys(n), nowMs, checkRoom() {} });
    },
    keys: (of = mailbox) => of.row(GROUP, "a")?.keys,
    [Symbol.dispose]() {
      mailbox[Symbol.dispose]();
      directory[Symbol.dispose]();
    },
  };
}

test("looking makes nothing, and what is made is its owner's alone", () => {
  using it = world();
  expect(it.keys()).toBeUndefined();
  expect(it.mailbox.forget(GROUP, "a")).toBe(false);
  expect(it.files()).toEqual([]);
  it.put(1);
  for (const name of it.files()) expect(statSync(join(it.root, name)).mode & 0o777).toBe(0o600);
});

test("the original's file is used as it is, and the original goes on with it", () => {
  using it = world();
  const cursor = (n: number) => ({ client: "a", id: id(n), timestamp: BigInt(n) });
  putCursors(it.root, [cursor(1)]);
  expect(it.mailbox.row(GROUP, "a")).toMatchObject({ keys: keys(1), placed: undefined });
  it.put(2);
  expect(it.mailbox.row(GROUP, "a")).toMatchObject({ keys: keys(2), placed: { place: PLACE, keys: keys(2) } });
  putCursors(it.root, [cursor(3)]);
  expect(it.mailbox.row(GROUP, "a")).toMatchObject({ keys: keys(3), placed: { place: PLACE, keys: keys(2) } });
  putCursors(it.root, [cursor(4)], "replace");
  expect(it.mailbox.row(GROUP, "a")).toMatchObject({ keys: keys(4), placed: undefined });
});

test("a copy made statement by statement has the column and not the version, and is used too", () => {
  using it = world();
  it.put(1);
  {
    using database = new Database(it.path);
    database.run("PRAGMA user_version = 0");
  }
  using other = new SqliteMailbox(it.root);
  expect(it.keys(other)).toEqual(keys(1));
  it.put(2, other);
  expect(it.keys()).toEqual(keys(2));
});

test("one that is removed, or put in its place while it is open, is the one that counts from then on", () => {
  using it = world();
  it.put(1);
  it.mailbox[Symbol.dispose]();
  copyFileSync(it.path, join(it.root, "backup"));
  it.put(2);
  for (const suffix of ["-wal", "-shm"])
    if (existsSync(it.path + suffix)) renameSync(it.path + suffix, join(it.root, suffix));
  renameSync(join(it.root, "backup"), it.path);
  expect(it.keys()).toEqual(keys(1));
  expect(it.put(3)).toBe(true);
  expect(it.keys()).toEqual(keys(3));
  for (const name of it.files())
    if (name.startsWith("mailbox")) renameSync(join(it.root, name), join(it.root, `x-${name}`));
  expect(it.keys()).toBeUndefined();
  expect(it.put(4)).toBe(true);
  expect(it.keys()).toEqual(keys(4));
});

test("a damaged one says what is in it and what to do, and is used again once it is mended", () => {
  using it = world();
  writeFileSync(it.path, "words ".repeat(500), { mode: 0o600 });
  const said =
    "only where each client of the mailbox is stands in it: restore it from a backup, or move it away and every client";
  expect(() => it.keys()).toThrow(said);
  expectCode("data_root_invalid", () => it.put(1));
  renameSync(it.path, `${it.path}.bad`);
  expect(it.keys()).toBeUndefined();
  it.put(1);
  {
    using database = new Database(it.path);
    database.run("UPDATE mailbox_cursors SET message_id = x'00', place = 'y'");
  }
  expect(it.mailbox.row(GROUP, "a")).toMatchObject({ keys: undefined, placed: undefined });
  expect(it.put(2)).toBe(true);
  expect(it.keys()).toEqual(keys(2));
  {
    using database = new Database(it.path);
    database.run("DROP TABLE mailbox_cursors");
  }
  expect(() => it.keys()).toThrow(said);
});

test("one that another process writes is busy, and free again afterwards", () => {
  using it = world();
  it.put(1);
  using other = new Database(it.path);
  other.run("BEGIN IMMEDIATE");
  expect(it.keys()).toEqual(keys(1));
  expect(() => it.put(2)).toThrow(StoreBusy);
  other.run("COMMIT");
  expect(it.put(2)).toBe(true);
});

test("what is no file of its owner's is not written", () => {
  using it = world();
  mkdirSync(it.path);
  expectCode("data_root_invalid", () => it.keys());
  renameSync(it.path, `${it.path}.folder`);
  symlinkSync("/dev/null", it.path);
  expectCode("data_root_invalid", () => it.put(1));
});

const READ_ONLY = "one that may only be read is read";

if (process.getuid?.() === 0) {
  // Root may write whatever the modes say: this file is run once more as somebody else, for that test alone.
  test(READ_ONLY, async () => {
    const command = [...otherUser(), process.execPath, "test", "-t", READ_ONLY, import.meta.path];
    const env = { PATH: process.env.PATH, HOME: tmpdir(), TMPDIR: tmpdir() };
    const run = Bun.spawn(command, { cwd: resolve(import.meta.dir, "../../.."), env, stdout: "pipe", stderr: "pipe" });
    const [status, said] = await Promise.all([run.exited, run.stderr.text()]);
    expect({ status, said }).toMatchObject({ status: 0, said: expect.stringMatching(/^ *1 pass$/m) });
  });
} else {
  test(READ_ONLY, () => {
    using it = world();
    it.put(1);
    it.mailbox[Symbol.dispose]();
    chmodSync(it.path, 0o400);
    chmodSync(it.root, 0o500);
    expect(it.keys()).toEqual(keys(1));
    expectCode("data_root_invalid", () => it.put(2));
    chmodSync(it.root, 0o700);
  });
}

import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { unixMs } from "../../src/core/clock.ts";
import { readAtMost } from "../../src/files/read-at-most.ts";
import { DataRootLock } from "../../src/store/lock.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

test("however much stands where a lock's holder is told, none of it is read", () => {
  using directory = new TemporaryDirectory();
  using _lock = DataRootLock.acquire(directory.path, unixMs(1));
  expect(DataRootLock.holder(directory.path)).toMatchObject({ pid: process.pid });
  const file = join(directory.path, "node.pid");
  writeFileSync(file, readFileSync(file, "utf8").padEnd(1_000_000));
  expect(DataRootLock.holder(directory.path)).toEqual({});
});

test("a file is read whole up to its bound, and what is no file or has more is not read", () => {
  using directory = new TemporaryDirectory();
  const at = (name: string) => join(directory.path, name);
  writeFileSync(at("file"), "12345");
  if (!Bun.spawnSync(["mkfifo", at("pipe")]).success) throw new Error("mkfifo");
  expect(new TextDecoder().decode(readAtMost(at("file"), 5))).toBe("12345");
  for (const name of [at("pipe"), directory.path, "/dev/zero"]) expect(readAtMost(name, 5)).toBeUndefined();
  expect(readAtMost(at("file"), 4)).toBeUndefined();
  expect(() => readAtMost(at("missing"), 4)).toThrow("ENOENT");
});

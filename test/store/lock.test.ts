import { describe, expect, test } from "bun:test";
import { readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { unixMs } from "../../src/core/clock.ts";
import { DataRootLock } from "../../src/store/lock.ts";
import { expectCode } from "../support/expect-code.ts";
import { StoreProcess } from "../support/store-process.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

describe("the lock of a data root", () => {
  test("is one process's, which the other is told", async () => {
    using directory = new TemporaryDirectory();
    await using holder = new StoreProcess("lock", directory.path);
    expect(await holder.line()).toBe("locked");
    const { message } = expectCode("already_running", () => DataRootLock.acquire(directory.path, unixMs(1)));
    expect(message).toContain(`process ${holder.pid} since 2023-11-14 22:13:20Z`);
    expect(DataRootLock.holder(directory.path)).toEqual({ pid: holder.pid, sinceMs: 1_700_000_000_000 });
  });

  test("ends with its process, however that ends", async () => {
    using directory = new TemporaryDirectory();
    for (let round = 0; round < 3; round++) {
      await using holder = new StoreProcess("lock", directory.path);
      expect(await holder.line()).toBe("locked");
      await holder.kill();
      expect(DataRootLock.holder(directory.path)).toBeUndefined();
      using lock = DataRootLock.acquire(directory.path, unixMs(2));
      expect(lock).toBeDefined();
    }
  });

  test("holds within one process too, until it is released", () => {
    using directory = new TemporaryDirectory();
    const first = DataRootLock.acquire(directory.path, unixMs(1));
    expectCode("already_running", () => DataRootLock.acquire(directory.path, unixMs(2)));
    expect(DataRootLock.holder(directory.path)).toEqual({ pid: process.pid, sinceMs: 1 });
    first[Symbol.dispose]();
    expect(DataRootLock.holder(directory.path)).toBeUndefined();
    DataRootLock.acquire(directory.path, unixMs(3))[Symbol.dispose]();
  });

  test("is taken by exactly one of many that start at once", async () => {
    using directory = new TemporaryDirectory();
    await using stack = new AsyncDisposableStack();
    const all = Array.from({ length: 6 }, () => stack.use(new StoreProcess("lock", directory.path)));
    const lines = await Promise.all(all.map((one) => one.line()));
    expect(lines.filter((line) => line === "locked").length).toBe(1);
    expect(lines.filter((line) => line?.startsWith("already_running: ")).length).toBe(5);
  });

  test("is not stale when its description is: damaged or left by the dead, it is only words", () => {
    using directory = new TemporaryDirectory();
    writeFileSync(join(directory.path, "node.pid"), '{"pid":1,"since_ms":5}');
    expect(DataRootLock.holder(directory.path)).toBeUndefined();
    using lock = DataRootLock.acquire(directory.path, unixMs(7));
    writeFileSync(join(directory.path, "node.pid"), "{");
    const { message } = expectCode("already_running", () => DataRootLock.acquire(directory.path, unixMs(8)));
    expect(message).toContain("in use by another process");
    expect(lock).toBeDefined();
  });

  test("is asked for without leaving anything, and its files are private", () => {
    using directory = new TemporaryDirectory();
    expect(DataRootLock.holder(directory.path)).toBeUndefined();
    expect(readdirSync(directory.path)).toEqual([]);
    using _ = DataRootLock.acquire(directory.path, unixMs(1));
    for (const name of readdirSync(directory.path)) {
      expect(`${name} ${(statSync(join(directory.path, name)).mode & 0o777).toString(8)}`).toBe(`${name} 600`);
    }
    expectCode("data_root_invalid", () => DataRootLock.acquire(join(directory.path, "missing"), unixMs(1)));
  });
});

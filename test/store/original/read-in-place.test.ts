import { describe, expect, spyOn, test } from "bun:test";
import { chmodSync, cpSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { merkleRoot } from "../../../src/core/order/merkle-tree.ts";
import { RosterLog } from "../../../src/core/roster/roster-log.ts";
import { SqliteDataRoot } from "../../../src/store/sqlite/sqlite-data-root.ts";
import { expectCode } from "../../support/expect-code.ts";
import { fileStates } from "../../support/file-states.ts";
import { identity } from "../../support/identity.ts";
import { GROUP } from "../../support/message.ts";
import { numbered } from "../../support/numbered-message.ts";
import { OriginalRoot } from "../../support/original-root.ts";
import { roster } from "../../support/roster.ts";
import { StoreProcess } from "../../support/store-process.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";

const LOG = roster([identity(1), identity(2), identity(3)]);

function first(count: number) {
  return Array.from({ length: count }, (_, n) => numbered(n));
}

/** What a reader sees: how many messages, their root, the log's id. */
function look(path: string) {
  using root = SqliteDataRoot.open(path, "read");
  expect(root.groupIds()).toEqual([GROUP]);
  const { messages } = root.openGroup(GROUP)!;
  return { size: messages.size, root: messages.merkleRoot(), log: messages.logId(), last: messages.lastSeq() };
}

function copies(): string[] {
  return readdirSync(tmpdir()).filter((name) => name.startsWith("entmootd-original-"));
}

describe("looking at a root of the original", () => {
  test("verifies what is shown and nothing else, once each", () => {
    using directory = new TemporaryDirectory();
    const said = first(2500);
    new OriginalRoot(directory.path).roster(LOG).messages(said).close();
    const seen: number[] = [];
    using root = SqliteDataRoot.open(directory.path, "read", { onSeeing: ({ done }) => seen.push(done) });
    const { messages } = root.openGroup(GROUP)!;
    // Asked for the keys of each author who is verified.
    const verify = spyOn(RosterLog.prototype, "authorKeys");
    try {
      expect([messages.size, messages.merkleRoot()]).toEqual([2500, merkleRoot(said.map(({ id }) => id))]);
      expect(seen).toEqual([1024, 2048, 2500]);
      expect(verify).toHaveBeenCalledTimes(0);
      expect(messages.latest(20)).toHaveLength(20);
      expect(messages.arrivedAfter(2490, 100)).toHaveLength(10);
      expect(verify).toHaveBeenCalledTimes(20);
    } finally {
      verify.mockRestore();
    }
  });

  test("leaves out what is shown under a signature that does not hold, says so once, and goes on behind it", () => {
    using directory = new TemporaryDirectory();
    const said = first(12);
    const forged = { ...said[10]!, signature: new Uint8Array(64) };
    new OriginalRoot(directory.path).roster(LOG).messages(said.with(10, forged)).close();
    const told: string[] = [];
    {
      using root = SqliteDataRoot.open(directory.path, "read", { onStale: (text) => told.push(text) });
      const { messages } = root.openGroup(GROUP)!;
      expect([messages.size, messages.merkleRoot()]).toEqual([12, merkleRoot(said.map(({ id }) => id))]);
      const shown = [10, 12];
      expect(messages.latest(2).map(({ seq }) => seq)).toEqual(shown);
      expect(messages.arrivedAfter(9, 2).map(({ seq }) => seq)).toEqual(shown);
      expect(messages.arrivedAfter(9, 2, 1).map(({ seq }) => seq)).toEqual([10]);
      expect(messages.arrivedAfter(10, 2, 1).map(({ seq }) => seq)).toEqual([12]);
      expect(messages.arrivedAfter(12, 2)).toEqual([]);
      expect(messages.query({ order: "desc", limit: 3 }).found.map(({ seq }) => seq)).toEqual([12, 10]);
      expect(messages.get(forged.id)).toBeUndefined();
    }
    expect(told).toEqual([expect.stringContaining(`message ${forged.id}: its signature is not its author's`)]);
    // A start verifies all, and keeps it aside.
    using taken = SqliteDataRoot.open(directory.path, "write");
    expect(taken.openGroup(GROUP)!.messages.size).toBe(11);
    expect(taken.notices.join()).toContain("1 signature_invalid");
  });

  test("beside a process that has it open and writes: every look is up to date and leaves every file as it is", async () => {
    using directory = new TemporaryDirectory();
    const original = new OriginalRoot(directory.path).roster(LOG).policies("{}");
    original.messages(first(4)).close();
    await using writer = new StoreProcess("original", join(original.group, "messages.sqlite"), "4");
    expect(await writer.line()).toBe("4");
    const logs = new Set<string>();
    for (const count of [4, 11, 15]) {
      writer.write(`${count - (count === 4 ? 4 : count === 11 ? 4 : 11)}\n`);
      expect(await writer.line()).toBe(`${count}`);
      const before = fileStates(directory.path);
      const seen = look(directory.path);
      expect(seen).toMatchObject({ size: count, last: count, root: merkleRoot(first(count).map(({ id }) => id)) });
      // The same messages are the same log, so that a place that was printed is found again.
      expect(look(directory.path)).toEqual(seen);
      logs.add(seen.log);
      expect(fileStates(directory.path)).toEqual(before);
    }
    expect(logs.size).toBe(3);
  });

  test("that was closed, was killed in the middle, or lost the index of its log", async () => {
    using directory = new TemporaryDirectory();
    const original = new OriginalRoot(directory.path).roster(LOG);
    original.messages(first(3)).close();
    const held = (size: number) => ({ size, root: merkleRoot(first(size).map(({ id }) => id)) });
    const closed = fileStates(directory.path);
    expect(look(directory.path)).toMatchObject(held(3));
    expect(fileStates(directory.path)).toEqual(closed);

    await using writer = new StoreProcess("original", join(original.group, "messages.sqlite"), "3");
    await writer.line();
    writer.write("6\n");
    await writer.line();
    await writer.kill();
    const killed = fileStates(directory.path);
    expect(Object.keys(killed).filter((name) => /-(wal|shm)$/.test(name))).toHaveLength(2);
    expect(look(directory.path)).toMatchObject(held(9));
    expect(fileStates(directory.path)).toEqual(killed);

    rmSync(join(original.group, "messages.sqlite-shm"));
    const torn = fileStates(directory.path);
    expect(look(directory.path)).toMatchObject(held(9));
    expect(fileStates(directory.path)).toEqual(torn);
    expect(copies()).toEqual([]);
  });

  test("that is damaged says so and leaves no copy", () => {
    using directory = new TemporaryDirectory();
    const original = new OriginalRoot(directory.path).roster(LOG);
    const path = join(original.group, "messages.sqlite");
    for (const log of [false, true]) {
      writeFileSync(path, "no database at all, only words".repeat(100));
      if (log) writeFileSync(`${path}-wal`, "words");
      const before = fileStates(directory.path);
      using root = SqliteDataRoot.open(directory.path, "read");
      expect(expectCode("data_root_invalid", () => root.openGroup(GROUP)).message).toContain(path);
      expect(fileStates(directory.path)).toEqual(before);
      expect(copies()).toEqual([]);
    }
  });

  test("that nobody may write to works, for a user who is not its master", () => {
    using directory = new TemporaryDirectory();
    const original = new OriginalRoot(directory.path).roster(LOG);
    original.messages(first(5)).close();
    for (const path of [original.group, directory.path]) chmodSync(path, 0o500);
    expect(look(directory.path).size).toBe(5);
    for (const path of [directory.path, original.group]) chmodSync(path, 0o700);
  });
});

describe("looking at a root that was taken over", () => {
  test("shows what the original wrote since, and changes nothing", async () => {
    using directory = new TemporaryDirectory();
    const original = new OriginalRoot(directory.path).roster(LOG);
    original.messages(first(11)).close();
    {
      using root = SqliteDataRoot.open(directory.path, "write");
      root.openGroup(GROUP);
    }
    expect(look(directory.path).size).toBe(11);
    await using writer = new StoreProcess("original", join(original.group, "messages.sqlite"), "11");
    await writer.line();
    writer.write("4\n");
    await writer.line();
    const before = fileStates(directory.path, /moot\.sqlite-/);
    const seen = look(directory.path);
    expect(seen).toMatchObject({ size: 15, last: 15, root: merkleRoot(first(15).map(({ id }) => id)) });
    expect(look(directory.path)).toEqual(seen);
    expect(fileStates(directory.path, /moot\.sqlite-/)).toEqual(before);
    await writer.end();
  });

  test("elsewhere, its files copied without their times, is the same", () => {
    using directory = new TemporaryDirectory();
    new OriginalRoot(join(directory.path, "a")).roster(LOG).messages(first(7)).close();
    {
      using root = SqliteDataRoot.open(join(directory.path, "a"), "write");
      root.openGroup(GROUP);
    }
    cpSync(join(directory.path, "a"), join(directory.path, "b"), { recursive: true });
    expect(look(join(directory.path, "b")).log).toBe(look(join(directory.path, "a")).log);
    using root = SqliteDataRoot.open(join(directory.path, "b"), "write");
    root.openGroup(GROUP);
    expect(root.notices).toEqual([]);
  });
});

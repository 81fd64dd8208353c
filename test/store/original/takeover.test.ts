import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { GroupId, MessageId } from "../../../src/core/ids.ts";
import { merkleRoot } from "../../../src/core/order/merkle-tree.ts";
import { topologicalOrder } from "../../../src/core/order/order.ts";
import { formatPolicy, POLICY_PRESETS } from "../../../src/core/policy/policy.ts";
import { formatPolicyFile } from "../../../src/core/policy/policy-file.ts";
import type { Message } from "../../../src/core/record/records.ts";
import { signTransportAd } from "../../../src/core/record/transport-ad.ts";
import type { MigrationProgress } from "../../../src/store/data-root.ts";
import { groupDirectoryName } from "../../../src/store/group-directory.ts";
import { SqliteDataRoot } from "../../../src/store/sqlite/sqlite-data-root.ts";
import { expectCode } from "../../support/expect-code.ts";
import { fileStates } from "../../support/file-states.ts";
import { identity } from "../../support/identity.ts";
import { GROUP, message } from "../../support/message.ts";
import { insertAds, OriginalRoot } from "../../support/original-root.ts";
import { changed, roster } from "../../support/roster.ts";
import { StoreProcess } from "../../support/store-process.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";

const [FOUNDER, MEMBER, GONE, STRANGER] = [identity(1), identity(2), identity(3), identity(4)];
const LOG = roster([FOUNDER, MEMBER]);

function thread(count: number, by = [FOUNDER, MEMBER]): Message[] {
  const made: Message[] = [];
  for (let i = 0; i < count; i++) {
    made.push(
      message({
        by: by[i % by.length]!,
        timestamp: BigInt(1_700_000_100_000 + 100 * i - (i % 5 === 4 ? 1000 : 0)),
        parents: made.slice(-2).map(({ id }) => id),
        content: new TextEncoder().encode(`${i}`),
      }),
    );
  }
  return made;
}

function orderOf(messages: readonly Message[]): MessageId[] {
  return topologicalOrder(
    messages.map(({ id, author, timestamp, parents }) => ({ id, author: author.pilot_node_id, timestamp, parents })),
  );
}

const OURS = /moot\.sqlite|node\.sqlite|takeover\.lock/;

test("a take-over that failed at the start is not tried while others are served, and is at the next start", () => {
  using directory = new TemporaryDirectory();
  const original = new OriginalRoot(directory.path).roster(LOG);
  original.messages(thread(3)).close();
  const file = join(original.group, "messages.sqlite");
  const sound = readFileSync(file);
  writeFileSync(file, "this is no database".repeat(500));
  for (const suffix of ["-wal", "-shm"]) rmSync(file + suffix, { force: true });
  {
    using root = SqliteDataRoot.open(directory.path, "write");
    expectCode("data_root_invalid", () => root.openGroup(GROUP));
    root.beginServing();
    writeFileSync(file, sound);
    // Says what was wrong, and what helps.
    expect(() => root.openGroup(GROUP)).toThrow(
      /messages\.sqlite.*; its data is taken over when the daemon starts: .*start the daemon again/,
    );
    expect(existsSync(join(original.group, "moot.sqlite"))).toBeFalse();
  }
  using root = SqliteDataRoot.open(directory.path, "write");
  expect(root.openGroup(GROUP)?.messages.size).toBe(3);
});

describe("the take-over of a group of the original", () => {
  test("takes every message, its order and its root, and leaves the original's files as they are, log hot or not", () => {
    for (const hot of [true, false]) {
      using directory = new TemporaryDirectory();
      const original = new OriginalRoot(directory.path).roster(LOG);
      const sent = thread(60);
      using database = original.messages(sent.toReversed());
      if (!hot) database.close();
      const before = fileStates(directory.path, OURS);
      expect(Object.keys(before).some((name) => name.endsWith("-wal"))).toBe(hot);
      using root = SqliteDataRoot.open(directory.path, "write");
      expect(root.groupIds()).toEqual([GROUP]);
      const { messages } = root.openGroup(GROUP)!;
      expect(messages.merkleRoot()).toBe(merkleRoot(orderOf(sent)));
      expect(messages.arrivedAfter(0, 99).map(({ id }) => id)).toEqual(orderOf(sent));
      expect(root.openGroup(GROUP)!.roster.entries()).toEqual([...LOG.entries]);
      expect(root.notices).toEqual([]);
      expect(fileStates(directory.path, OURS)).toEqual(before);
      expect(readdirSync(original.group).filter((name) => /tmp|takeover|lock/.test(name))).toEqual([]);
    }
  });

  test("is done once: what is written after it stays", () => {
    using directory = new TemporaryDirectory();
    new OriginalRoot(directory.path).roster(LOG).messages(thread(5)).close();
    const [mine] = thread(6).slice(5);
    {
      using root = SqliteDataRoot.open(directory.path, "write");
      const { messages } = root.openGroup(GROUP)!;
      expect(
        messages.putMany([{ ...mine!, author_node_id: mine!.author.pilot_node_id, canonical: new Uint8Array([1]) }]),
      ).toEqual([6]);
      expectCode("conflict", () => root.createGroup(GROUP));
    }
    using root = SqliteDataRoot.open(directory.path, "write");
    expect(root.openGroup(GROUP)!.messages.size).toBe(6);
    expectCode("conflict", () => root.discardGroup(GROUP));
  });

  test("the log of a database deleted by hand is not replayed into the new one", () => {
    using directory = new TemporaryDirectory();
    const sent = thread(30);
    const original = new OriginalRoot(directory.path).roster(LOG);
    original.messages(sent).close();
    const ours = join(original.group, "moot.sqlite");
    let log: Uint8Array;
    {
      using root = SqliteDataRoot.open(directory.path, "write");
      root.openGroup(GROUP)!.setFact("stale", "yes");
      log = readFileSync(`${ours}-wal`);
    }
    expect(log.length).toBeGreaterThan(0);
    for (const comesBack of [true, false]) {
      rmSync(ours);
      writeFileSync(`${ours}-wal`, log);
      if (!comesBack) rmSync(join(original.group, "roster.jsonl"));
      using root = SqliteDataRoot.open(directory.path, "write");
      const store = comesBack ? root.openGroup(GROUP)! : root.createGroup(GROUP);
      expect(store.getFact("stale")).toBeUndefined();
      expect(store.messages.size).toBe(comesBack ? 30 : 0);
    }
  });

  test("a roster without messages is a group", () => {
    using directory = new TemporaryDirectory();
    new OriginalRoot(directory.path).roster(LOG);
    using root = SqliteDataRoot.open(directory.path, "write");
    expect(root.openGroup(GROUP)!.messages.size).toBe(0);
  });

  test("an empty roster file is none", () => {
    using directory = new TemporaryDirectory();
    const original = new OriginalRoot(directory.path);
    writeFileSync(join(original.group, "roster.jsonl"), "");
    using root = SqliteDataRoot.open(directory.path, "write");
    expect(root.groupIds()).toEqual([]);
    expect(root.openGroup(GROUP)).toBeUndefined();
    expect(existsSync(join(original.group, "moot.sqlite"))).toBeFalse();
    root.createGroup(GROUP).roster.append(LOG.entries);
    expect(root.groupIds()).toEqual([GROUP]);
  });

  test("messages of members since removed are verified by the roster's history", () => {
    using directory = new TemporaryDirectory();
    const log = changed(
      roster([FOUNDER, GONE]),
      FOUNDER,
      { op: "remove", key: GONE.publicKey, nodeId: GONE.nodeId },
      1_700_000_900_000,
    );
    const sent = thread(10, [GONE, FOUNDER]);
    new OriginalRoot(directory.path).roster(log).messages(sent).close();
    using root = SqliteDataRoot.open(directory.path, "write");
    expect(root.openGroup(GROUP)!.messages.merkleRoot()).toBe(merkleRoot(orderOf(sent)));
    expect(root.notices).toEqual([]);
  });

  test("what does not verify is kept aside, told on every opening, and never shown", () => {
    using directory = new TemporaryDirectory();
    const good = thread(4);
    const alien = message({ by: STRANGER, timestamp: 1_700_000_100_150n, parents: [good[0]!.id] });
    const forged = { ...message({ by: MEMBER, timestamp: 5n }), signature: new Uint8Array(64) };
    const elsewhere = message({ by: MEMBER, group_id: GroupId.fromBytes(new Uint8Array(32).fill(8)) });
    const original = new OriginalRoot(directory.path).roster(LOG);
    {
      using database = original.messages([...good, alien, forged, elsewhere, message({ content: new Uint8Array(3) })]);
      database.run("UPDATE messages SET canonical_bytes = x'7b7d' WHERE message_id = ?1", [
        MessageId.toBytes(message({ content: new Uint8Array(3) }).id),
      ]);
    }
    for (let opening = 0; opening < 2; opening++) {
      using root = SqliteDataRoot.open(directory.path, "write");
      const store = root.openGroup(GROUP)!;
      expect(store.messages.topologicalRange({ since: undefined, until: undefined }).map(({ id }) => id)).toEqual(
        orderOf(good),
      );
      for (const { id } of [alien, forged, elsewhere]) expect(store.messages.knows(id)).toBeFalse();
      expect(root.notices.length).toBe(1);
      expect(root.notices[0]).toContain("4 messages of the earlier store did not verify");
      expect(JSON.parse(store.getFact("takeover")!)).toEqual({
        messages: 4,
        unverified: { not_member: 1, signature_invalid: 1, other_group: 1, damaged: 1 },
        merkle_root: merkleRoot(orderOf(good)),
        original_merkle_root: merkleRoot(orderOf([...good, alien, forged])),
      });
    }
    using ours = new Database(join(original.group, "moot.sqlite"), { readonly: true });
    expect(ours.query("SELECT count(*), sum(length(canonical) > 1) FROM unverified").values()).toEqual([[4, 4]]);
  });

  test("rows whose columns are damaged do not stop the others", () => {
    using directory = new TemporaryDirectory();
    const sent = thread(6);
    {
      using database = new OriginalRoot(directory.path).roster(LOG).messages(sent);
      database.run("UPDATE messages SET parents = x'01', timestamp_ms = 'never' WHERE message_id = ?1", [
        MessageId.toBytes(sent[3]!.id),
      ]);
      database.run("INSERT INTO messages VALUES (x'05', x'', 0, 0, x'', x'', x'', 'text')");
    }
    using root = SqliteDataRoot.open(directory.path, "write");
    expect(root.openGroup(GROUP)!.messages.merkleRoot()).toBe(merkleRoot(orderOf(sent)));
    expect(root.notices[0]).toContain("(1 damaged)");
  });

  test("a torn last line of the roster is left out and told; other damage is refused with its line", () => {
    using directory = new TemporaryDirectory();
    const original = new OriginalRoot(directory.path).roster(LOG, '{"actor":1,');
    {
      using root = SqliteDataRoot.open(directory.path, "write");
      expect(root.openGroup(GROUP)!.roster.entries()).toEqual([...LOG.entries]);
      expect(root.notices).toEqual([expect.stringContaining("the last line is incomplete (11 bytes)")]);
    }
    using other = new TemporaryDirectory();
    const damaged = new OriginalRoot(other.path).roster(LOG);
    const file = join(damaged.group, "roster.jsonl");
    writeFileSync(file, readFileSync(file, "utf8").replace("\n", "\nnot an entry\n"));
    damaged.messages(thread(3)).close();
    using root = SqliteDataRoot.open(other.path, "write");
    const { message } = expectCode("data_root_invalid", () => root.openGroup(GROUP));
    expect(message).toContain(`${file}: roster log: line 2`);
    expect(readdirSync(damaged.group).filter((name) => /^moot\.sqlite($|.tmp)|takeover/.test(name))).toEqual([]);
    expect(original.group).not.toBe(damaged.group);
  });

  test("a damaged message database is refused and nothing is left behind", () => {
    using directory = new TemporaryDirectory();
    const original = new OriginalRoot(directory.path).roster(LOG);
    writeFileSync(join(original.group, "messages.sqlite"), "no database at all, only words".repeat(100));
    using root = SqliteDataRoot.open(directory.path, "write");
    const { message } = expectCode("data_root_invalid", () => root.openGroup(GROUP));
    expect(message).toContain(join(original.group, "messages.sqlite"));
    expect(readdirSync(original.group).filter((name) => /^moot\.sqlite($|.tmp)|takeover/.test(name))).toEqual([]);
  });

  test("policy, metadata and ads come along; one bad piece costs itself only", () => {
    using directory = new TemporaryDirectory();
    const sent = thread(8);
    const policies = formatPolicyFile({ policies: new Map([[GROUP, POLICY_PRESETS.relaxed]]), sequences: new Map() });
    const original = new OriginalRoot(directory.path)
      .roster(LOG)
      .policies(policies.replace('"policies": {', '"policies": { "bad": {"retention_days": 1},'))
      .metadata('{"name":"Möbel","tags":["a"]}');
    const ad = (by: typeof FOUNDER, seed: Uint8Array) =>
      signTransportAd({ seed, group_id: GROUP, author: by.info, seq: 4n, endpoints: [], issued_at: 1n, not_after: 2n });
    {
      using database = original.messages(sent);
      insertAds(database, {
        transport: [ad(FOUNDER, FOUNDER.seed), ad(MEMBER, STRANGER.seed), ad(STRANGER, STRANGER.seed)],
        counters: [3n, 9n],
      });
    }
    using root = SqliteDataRoot.open(directory.path, "write");
    const store = root.openGroup(GROUP)!;
    expect(store.getFact("policy")).toBe(formatPolicy(POLICY_PRESETS.relaxed));
    expect(store.getFact("metadata")).toBe('{"name":"Möbel","tags":["a"]}');
    expect(store.ads.transportAds()).toEqual([ad(FOUNDER, FOUNDER.seed)]);
    expect(store.ads.nextSeq("transport", 0n)).toBe(10n);
    expect(root.notices.filter((notice) => notice.includes("2 ads"))).toHaveLength(1);
  });

  test("side files that are damaged are told and cost nothing else", () => {
    using directory = new TemporaryDirectory();
    const original = new OriginalRoot(directory.path).roster(LOG).policies("{not json").metadata("[1]");
    writeFileSync(join(directory.path, "mailbox.sqlite"), "words ".repeat(500), { mode: 0o600 });
    original.messages(thread(3)).close();
    using root = SqliteDataRoot.open(directory.path, "write");
    const store = root.openGroup(GROUP)!;
    expect(store.messages.size).toBe(3);
    expect(store.getFact("policy")).toBeUndefined();
    expect(store.getFact("metadata")).toBeUndefined();
    expectCode("data_root_invalid", () => root.mailbox.row(GROUP, "a"));
    for (const name of ["group-policies.json", "esp.sqlite: metadata"]) {
      expect(
        root.notices.filter((notice) => notice.startsWith("not taken over: ") && notice.includes(name)),
      ).toHaveLength(1);
    }
  });

  test("progress is reported to the end", () => {
    using directory = new TemporaryDirectory();
    new OriginalRoot(directory.path).roster(LOG).messages(thread(2100)).close();
    const reports: MigrationProgress[] = [];
    using root = SqliteDataRoot.open(directory.path, "write");
    root.openGroup(GROUP, (progress) => reports.push(progress));
    expect(reports.map(({ done }) => done)).toEqual([1024, 2048, 2100]);
    expect(reports.every(({ total, groupId }) => total === 2100 && groupId === GROUP)).toBeTrue();
  });

  test("processes that open at once agree, and one of them does the work", async () => {
    using directory = new TemporaryDirectory();
    const sent = thread(400);
    const original = new OriginalRoot(directory.path).roster(LOG);
    original.messages(sent).close();
    await using stack = new AsyncDisposableStack();
    const all = Array.from({ length: 4 }, () => stack.use(new StoreProcess("open", directory.path)));
    const root = merkleRoot(orderOf(sent));
    expect(await Promise.all(all.map((one) => one.line()))).toEqual(all.map(() => root as string));
    expect(readdirSync(original.group).filter((name) => /tmp|takeover|lock/.test(name))).toEqual([]);
  });

  test("killed anywhere in the middle, it starts over", async () => {
    using directory = new TemporaryDirectory();
    const sent = thread(3000);
    const original = new OriginalRoot(directory.path).roster(LOG);
    original.messages(sent).close();
    const before = fileStates(directory.path, OURS);
    // Leftovers of one that was killed in another life.
    writeFileSync(join(original.group, "moot.sqlite.tmp-1"), "half");
    writeFileSync(join(original.group, "moot.sqlite.tmp-1-wal"), "half");
    mkdirSync(join(original.group, "takeover-abc"));
    let killed = 0;
    for (let attempt = 0; attempt < 3; attempt++) {
      await using child = new StoreProcess("takeover", directory.path);
      // One report of progress is behind us, at least one is ahead.
      expect(await child.line()).toBe("1024");
      await child.kill();
      if (!existsSync(join(original.group, "moot.sqlite"))) killed += 1;
    }
    expect(killed).toBeGreaterThan(0);
    using root = SqliteDataRoot.open(directory.path, "write");
    expect(root.openGroup(GROUP)!.messages.merkleRoot()).toBe(merkleRoot(orderOf(sent)));
    expect(fileStates(directory.path, OURS)).toEqual(before);
    expect(groupDirectoryName(GROUP)).toHaveLength(43);
  });
});

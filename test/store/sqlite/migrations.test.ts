import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { join } from "node:path";
import { unixMs } from "../../../src/core/clock.ts";
import { MessageId } from "../../../src/core/ids.ts";
import { merkleRoot } from "../../../src/core/order/merkle-tree.ts";
import { GROUP_0001 } from "../../../src/store/sqlite/migrations/0001-group.ts";
import { SqliteFile } from "../../../src/store/sqlite/sqlite-file.ts";
import { GROUP_MIGRATIONS, SqliteGroupStore } from "../../../src/store/sqlite/sqlite-group-store.ts";
import { keptMessage } from "../../support/kept-message.ts";
import { GROUP, message } from "../../support/message.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";

/** The fourth and latest was pruned; three are held. */
const MESSAGES = [1, 2, 3, 4].map((n) => keptMessage(message({ timestamp: BigInt(n * 1000) })));
const HELD = MESSAGES.slice(0, 3);
const PRUNED = MESSAGES[3]!;

test("a group's first database keeps what it held, what it forgot and its numbers", () => {
  using directory = new TemporaryDirectory();
  const path = join(directory.path, "moot.sqlite");
  writeFirst(path);
  {
    using store = open(path);
    const { consumers, messages } = store;
    expect(messages.size).toBe(3);
    expect(messages.lastSeq()).toBe(4);
    expect(messages.arrivedAfter(0, 9).map(({ seq, id }) => [seq, id])).toEqual(HELD.map(({ id }, at) => [at + 1, id]));
    expect(messages.nextParents()).toEqual(HELD.map(({ id }) => id));
    expect(messages.merkleRoot()).toBe(merkleRoot(HELD.map(({ id }) => id)));
    expect(messages.knows(PRUNED.id)).toBe(true);
    const next = keptMessage(message({ timestamp: 9_000n }));
    expect(messages.putMany([PRUNED, HELD[0]!, next])).toEqual([undefined, undefined, 5]);
    expect(consumers.acquireLease({ consumer: "c", owner: "o", nowMs: unixMs(0), ttlMs: 1000 })?.token).toBe(8);
  }
  using store = open(path);
  expect(store.messages.size).toBe(4);
  expect(store.messages.lastSeq()).toBe(5);
});

test("each step of a group's database can be taken again", () => {
  using directory = new TemporaryDirectory();
  const path = join(directory.path, "moot.sqlite");
  writeFirst(path);
  open(path)[Symbol.dispose]();
  const before = contents(path);
  {
    using database = new Database(path);
    for (const { sql } of GROUP_MIGRATIONS) database.run(sql);
  }
  expect(contents(path)).toEqual(before);
});

function open(path: string): SqliteGroupStore {
  return SqliteGroupStore.open(path, { groupId: GROUP, access: "write" });
}

/** A database as the first shape had it: a row of `tally` counted with each message. */
function writeFirst(path: string): void {
  using file = SqliteFile.open(path, { label: "group database", migrations: [GROUP_0001], access: "write" });
  const insert = file.prepare(
    "INSERT INTO messages (id, author, timestamp, parents, canonical) VALUES (?1, ?2, ?3, x'', ?4)",
  );
  file.transact(() => {
    for (const { author_node_id, canonical, id, timestamp } of MESSAGES) {
      insert.run(MessageId.toBytes(id), author_node_id, timestamp, canonical);
    }
    file.exec("UPDATE tally SET held = 3, pruned = 1, lease_token = 7");
    file.exec("INSERT INTO pruned SELECT id FROM messages WHERE seq = 4");
    file.exec("DELETE FROM messages WHERE seq = 4");
  });
}

/** Every table, index and row. */
function contents(path: string): unknown {
  using database = new Database(path, { readonly: true });
  const shapes = database.query("SELECT name, sql FROM sqlite_schema ORDER BY name").values() as [string, string][];
  const tables = ["messages", "counts", "pruned"].map((name) => database.query(`SELECT * FROM ${name}`).values());
  return { shapes, tables };
}

import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { merkleRoot } from "../../src/core/order/merkle-tree.ts";
import { topologicalOrder } from "../../src/core/order/order.ts";
import { decodeMessage } from "../../src/core/record/message.ts";
import { SqliteGroupStore } from "../../src/store/sqlite/sqlite-group-store.ts";
import { GROUP } from "../support/message.ts";
import { queried } from "../support/queried.ts";
import { StoreProcess } from "../support/store-process.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

function open(path: string): SqliteGroupStore {
  return SqliteGroupStore.open(path, { groupId: GROUP, access: "write" });
}

/** What the store says of itself must be what its messages say. */
function expectWhole({ messages }: SqliteGroupStore): void {
  const held = messages.arrivedAfter(0, 1_000_000).map(({ canonical }) => decodeMessage(canonical));
  const order = topologicalOrder(
    held.map(({ id, timestamp, parents, author }) => ({ id, timestamp, parents, author: author.pilot_node_id })),
  );
  expect(messages.size).toBe(held.length);
  expect(messages.merkleRoot()).toBe(merkleRoot(order));
  expect(messages.topics(9, { reserved: true })[0]?.messages).toBe(held.length);
  expect(queried(messages, { topic: "chat/#", order: "asc", limit: 1_000_000 }).length).toBe(held.length);
}

describe("a process killed while it writes", () => {
  test("loses nothing it acknowledged, and leaves nothing half written", async () => {
    using directory = new TemporaryDirectory();
    const path = join(directory.path, "moot.sqlite");
    let acknowledged = 0;
    for (const batches of [1, 3, 20, 7, 60]) {
      await using writer = new StoreProcess("put", path, `${acknowledged}`);
      for (let i = 0; i < batches; i++) acknowledged = Number(await writer.line());
      await writer.kill();
      // Lines printed before the end but not read yet are acknowledgements too.
      for (const line of await writer.lines()) acknowledged = Number(line);
      using store = open(path);
      expect(store.messages.size).toBeGreaterThanOrEqual(acknowledged);
      expect(store.messages.lastSeq()).toBe(store.messages.size);
      expectWhole(store);
      acknowledged = store.messages.size;
    }
    using database = new Database(path);
    expect(database.query("PRAGMA integrity_check").values()).toEqual([["ok"]]);
  });

  test("does not keep others from making and opening the same database at once", async () => {
    using directory = new TemporaryDirectory();
    const path = join(directory.path, "moot.sqlite");
    await using stack = new AsyncDisposableStack();
    const all = Array.from({ length: 6 }, () => stack.use(new StoreProcess("create", path)));
    expect(await Promise.all(all.map((one) => one.line()))).toEqual(all.map(() => "created"));
    using store = open(path);
    for (const { pid } of all) expect(store.consumers.cursor(`c${pid}`)).toBe(0);
  });
});

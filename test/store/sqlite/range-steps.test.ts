import { expect, test } from "bun:test";
import { join } from "node:path";
import { merkleRoot } from "../../../src/core/order/merkle-tree.ts";
import { topologicalOrder } from "../../../src/core/order/order.ts";
import type { Message } from "../../../src/core/record/records.ts";
import { SqliteGroupStore } from "../../../src/store/sqlite/sqlite-group-store.ts";
import { keptMessage } from "../../support/kept-message.ts";
import { GROUP, message } from "../../support/message.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";

/** A store on disk that holds `said`. */
function storeOf(home: TemporaryDirectory, said: readonly Message[]): SqliteGroupStore {
  const store = SqliteGroupStore.open(join(home.path, "moot.sqlite"), { groupId: GROUP, access: "write" });
  store.messages.putMany(said.map(keptMessage));
  return store;
}

const at = (timestamp: number) => message({ timestamp: BigInt(timestamp) });

/** What the part from `since` on must be. */
function partOf(said: readonly Message[], since: bigint) {
  const nodes = said
    .filter(({ timestamp }) => timestamp >= since)
    .map(({ author, id, parents, timestamp }) => ({ author: author.pilot_node_id, id, parents, timestamp }));
  return { root: merkleRoot(topologicalOrder(nodes)), count: nodes.length };
}

/** How many calls that read at most `limit` messages it takes until the part is there, and the part. */
function stepsTo({ messages }: SqliteGroupStore, since: bigint, limit: number) {
  for (let steps = 1; ; steps++) {
    const part = messages.sharedSince(since, limit);
    if (part !== undefined) return { steps, part };
  }
}

test("a part is read in steps of so many messages, and afterwards is there at once", () => {
  using home = new TemporaryDirectory();
  const said = Array.from({ length: 40 }, (_, n) => at(n + 1));
  using store = storeOf(home, said);
  expect(store.messages.sharedSince(6n, 0)).toBeUndefined();
  // 35 messages: the fourth step finds the end.
  expect(stepsTo(store, 6n, 10)).toEqual({ steps: 4, part: partOf(said, 6n) });
  expect(store.messages.sharedSince(6n, 0)).toEqual(partOf(said, 6n));
});

test("what is stored and removed between two steps is in the part or not, as if it had been before", () => {
  using home = new TemporaryDirectory();
  const said = Array.from({ length: 40 }, (_, n) => at(n + 1));
  using store = storeOf(home, said);
  const { messages } = store;
  for (let step = 0; step < 2; step++) expect(messages.sharedSince(6n, 10)).toBeUndefined();
  // Behind what was read, ahead of it, too old for it, and a child that sorts before its parent.
  const late = [7n, 39n, 2n].map((timestamp) => message({ timestamp, topics: ["late"] }));
  late.push(message({ timestamp: 8n, topics: ["late"], parents: [late[1]!.id] }));
  messages.putMany(late.map(keptMessage));
  messages.pruneBefore(4n);
  expect(messages.sharedSince(6n, 10)).toBeUndefined();
  const part = stepsTo(store, 6n, 10);
  expect(part).toEqual({ steps: 1, part: partOf([...said, ...late], 6n) });
});

test("a part that begins before what was removed is made anew when it is asked for", () => {
  using home = new TemporaryDirectory();
  const said = Array.from({ length: 40 }, (_, n) =>
    message({ timestamp: BigInt(n + 1), topics: [n === 0 ? "t" : "u"] }),
  );
  using store = storeOf(home, said);
  const { messages } = store;
  stepsTo(store, 6n, 100);
  messages.pruneBefore(11n, { topic: "t", author_node_id: said[0]!.author.pilot_node_id });
  expect(messages.sharedSince(6n, 0)).toBeUndefined();
  expect(stepsTo(store, 6n, 100).part).toEqual(partOf(said.slice(10), 6n));
});

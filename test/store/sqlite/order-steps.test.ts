import { expect, test } from "bun:test";
import { join } from "node:path";
import fc from "fast-check";
import { merkleRoot } from "../../../src/core/order/merkle-tree.ts";
import { topologicalOrder } from "../../../src/core/order/order.ts";
import type { Message } from "../../../src/core/record/records.ts";
import { SqliteGroupStore } from "../../../src/store/sqlite/sqlite-group-store.ts";
import { keptMessage } from "../../support/kept-message.ts";
import { GROUP, message } from "../../support/message.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";

const ROOT = { of: "root" } as const;

function open(home: TemporaryDirectory): SqliteGroupStore {
  return SqliteGroupStore.open(join(home.path, "moot.sqlite"), { groupId: GROUP, access: "write" });
}

/** A store on disk that was opened afresh after `said` was stored, and has heard `last` since: it knows no root. */
function storeOf(home: TemporaryDirectory, said: readonly Message[], last: Message): SqliteGroupStore {
  open(home)[Symbol.dispose]();
  {
    using before = open(home);
    before.messages.putMany(said.map(keptMessage));
  }
  const store = open(home);
  store.messages.putMany([keptMessage(last)]);
  return store;
}

const at = (timestamp: number, parents: readonly Message[] = []) =>
  message({ timestamp: BigInt(timestamp), parents: parents.map(({ id }) => id), topics: ["t"] });

function rootOf(said: readonly Message[]) {
  return merkleRoot(
    topologicalOrder(
      said.map(({ author, id, parents, timestamp }) => ({ author: author.pilot_node_id, id, parents, timestamp })),
    ),
  );
}

test("the order is read in steps of so many messages, and afterwards the root is there at once", () => {
  using home = new TemporaryDirectory();
  const said = Array.from({ length: 40 }, (_, n) => at(n + 1));
  const last = at(50);
  using store = storeOf(home, said, last);
  const { messages } = store;
  expect(messages.loadOrder(0, ROOT)).toBe(false);
  // 41 messages: the fifth step finds the end.
  expect(Array.from({ length: 5 }, () => messages.loadOrder(10, ROOT))).toEqual([false, false, false, false, true]);
  expect(messages.loadOrder(0, ROOT)).toBe(true);
  expect(messages.merkleRoot()).toBe(rootOf([...said, last]));
});

test("a root that was kept needs no order, and parents need one only where a child sorts before its parent", () => {
  using home = new TemporaryDirectory();
  const said = Array.from({ length: 40 }, (_, n) => at(n + 1));
  {
    using store = storeOf(home, said, at(50));
    store.messages.merkleRoot();
  }
  using store = open(home);
  expect(store.messages.loadOrder(0, ROOT)).toBe(true);
  store.messages.putMany([keptMessage(at(60))]);
  expect(store.messages.loadOrder(0, ROOT)).toBe(false);
  expect(store.messages.loadOrder(0, { of: "parents" })).toBe(true);
  store.messages.putMany([keptMessage(at(45, [at(60)]))]);
  expect(store.messages.loadOrder(0, { of: "parents" })).toBe(false);
});

test("what is stored and removed between two steps, and a root asked for in the midst of them, change nothing of the result", () => {
  const step = fc.record({
    limit: fc.integer({ min: 1, max: 12 }),
    stores: fc.array(fc.tuple(fc.integer({ min: 1, max: 90 }), fc.integer({ min: 0, max: 39 })), { maxLength: 3 }),
    prunesTo: fc.constantFrom(0, 0, 0, 5, 15),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 8 }), fc.boolean(), (steps, isAsked) => {
      using home = new TemporaryDirectory();
      const said = Array.from({ length: 40 }, (_, n) => at(2 * n + 1));
      const last = at(100);
      using store = storeOf(home, said, last);
      const { messages } = store;
      let held = [...said, last];
      for (const { limit, prunesTo, stores } of steps) {
        messages.loadOrder(limit, ROOT);
        const late = stores.map(([timestamp, parent], n) =>
          message({ timestamp: BigInt(timestamp), parents: [said[parent]!.id], topics: [`${held.length} ${n}`] }),
        );
        messages.putMany(late.map(keptMessage));
        held.push(...late);
        messages.pruneBefore(BigInt(prunesTo));
        held = held.filter(({ timestamp }) => timestamp >= BigInt(prunesTo));
      }
      if (!isAsked) while (!messages.loadOrder(7, ROOT));
      expect(messages.merkleRoot()).toBe(rootOf(held));
    }),
    { numRuns: 15 },
  );
});

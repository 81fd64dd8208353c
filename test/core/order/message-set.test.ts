import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { sha256 } from "../../../src/core/bytes/sha256.ts";
import { type MerkleRoot, MessageId } from "../../../src/core/ids.ts";
import { merkleProve, merkleRoot, merkleVerify } from "../../../src/core/order/merkle-tree.ts";
import { MessageSet } from "../../../src/core/order/message-set.ts";
import { latest, nextParents, type OrderNode, topologicalOrder } from "../../../src/core/order/order.ts";

const idOf = (n: number | string) => MessageId.fromBytes(sha256(new TextEncoder().encode(`message-set/${n}`)));

/** Few distinct times and authors, so that ties, and children older than their parents, are common. */
const times = fc.oneof(
  fc.integer({ min: -2, max: 6 }).map(BigInt),
  fc.constantFrom(
    0n,
    -(2n ** 63n),
    2n ** 63n - 1n,
    2n ** 53n,
    2n ** 53n + 1n,
    -(2n ** 53n) - 1n,
    2n ** 32n,
    2n ** 32n - 1n,
  ),
);

/** A random DAG: node i may name any node with a smaller number, some never in the set, in any order of arrival. */
const dag = (max: number) =>
  fc
    .array(
      fc.record({
        timestamp: times,
        author: fc.constantFrom(0, 1, 2 ** 31, 2 ** 32 - 1),
        parents: fc.array(fc.nat({ max: 1000 }), { maxLength: 4 }),
      }),
      { maxLength: max },
    )
    .map((nodes): OrderNode[] =>
      nodes.map(({ timestamp, author, parents }, i) => ({
        id: idOf(i),
        timestamp,
        author,
        parents: parents.map((p) => (p % 5 === 4 ? idOf(`missing ${p % 7}`) : i === 0 ? idOf("missing") : idOf(p % i))),
      })),
    )
    .chain((nodes) => fc.shuffledSubarray(nodes, { minLength: nodes.length }));

function expectSame(set: MessageSet, nodes: readonly OrderNode[]): void {
  const order = topologicalOrder(nodes);
  expect([...set.ids()]).toEqual(order);
  expect(set.root()).toBe(merkleRoot(order));
  expect(set.nextParents()).toEqual(nextParents(nodes));
  for (const count of [0, 1, 3, 5]) expect(set.latest(count)).toEqual(latest(nodes, count));
  order.forEach((id, position) => {
    expect(set.positionOf(id)).toBe(position);
  });
}

describe("a message set", () => {
  test("equals plain Kahn after every single arrival, in any order of arrival", () => {
    fc.assert(
      fc.property(dag(24), (nodes) => {
        const set = new MessageSet();
        nodes.forEach((node, i) => {
          expect(set.add(node)).toBe(true);
          expectSame(set, nodes.slice(0, i + 1));
        });
      }),
      { numRuns: 300 },
    );
  });

  test("equals plain Kahn after batches of any size", () => {
    fc.assert(
      fc.property(dag(80), fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 12 }), (nodes, sizes) => {
        const set = new MessageSet();
        let added = 0;
        for (const size of [...sizes, nodes.length]) {
          for (const node of nodes.slice(added, added + size)) set.add(node);
          added = Math.min(nodes.length, added + size);
          expectSame(set, nodes.slice(0, added));
        }
      }),
      { numRuns: 300 },
    );
  });

  test("does not count a message twice", () => {
    fc.assert(
      fc.property(dag(20), (nodes) => {
        const set = new MessageSet();
        for (const node of nodes) set.add(node);
        const root = set.root();
        for (const node of nodes) expect(set.add(node)).toBe(false);
        expect(set.size).toBe(nodes.length);
        expect(set.root()).toBe(root);
      }),
    );
  });

  test("equals plain Kahn over what is left after removals, and again when the removed return", () => {
    fc.assert(
      fc.property(dag(40), fc.integer({ min: 0, max: 40 }), (nodes, cut) => {
        const set = new MessageSet();
        for (const node of nodes) set.add(node);
        const [gone, left] = [nodes.slice(0, cut), nodes.slice(cut)];
        expect(set.remove([...gone.map(({ id }) => id), idOf("never there")])).toBe(gone.length);
        expectSame(set, left);
        for (const { id } of gone) expect(set.has(id)).toBe(false);
        for (const node of gone) set.add(node);
        expectSame(set, nodes);
      }),
      { numRuns: 300 },
    );
  });

  test("equals plain Kahn through any series of additions and removals", () => {
    const ops = fc.array(fc.record({ at: fc.nat(), remove: fc.integer({ min: 0, max: 5 }), read: fc.boolean() }), {
      maxLength: 40,
    });
    fc.assert(
      fc.property(dag(40), ops, (nodes, steps) => {
        const set = new MessageSet();
        const held = new Map<MessageId, OrderNode>();
        for (const { at, remove, read } of steps) {
          if (nodes.length === 0) break;
          for (const node of [...nodes, ...nodes].slice(at % nodes.length, (at % nodes.length) + 6)) {
            expect(set.add(node)).toBe(!held.has(node.id));
            held.set(node.id, node);
          }
          const gone = [...held.keys()].slice(0, remove);
          expect(set.remove(gone)).toBe(gone.length);
          for (const id of gone) held.delete(id);
          expect(set.size).toBe(held.size);
          if (read) expectSame(set, [...held.values()]);
        }
        expectSame(set, [...held.values()]);
      }),
      { numRuns: 300 },
    );
  });

  test("knows its ids and no others, whatever the seed", () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 0, max: 500 }), (seed, count) => {
        const set = new MessageSet(seed);
        for (let i = 0; i < count; i++) set.add({ id: idOf(i), timestamp: BigInt(i), author: 1, parents: [] });
        for (let i = 0; i < count; i++) expect(set.has(idOf(i))).toBe(true);
        for (let i = count; i < count + 20; i++) expect(set.has(idOf(i))).toBe(false);
      }),
      { numRuns: 30 },
    );
  });

  test("proves every message under its root", () => {
    fc.assert(
      fc.property(dag(30), (nodes) => {
        const set = new MessageSet();
        for (const node of nodes) set.add(node);
        const order = [...set.ids()];
        for (const id of order) {
          expect(set.prove(id)).toEqual(merkleProve(order, id));
          expect(merkleVerify(set.root(), id, set.prove(id))).toBe(true);
        }
        expect(() => set.prove(idOf("other"))).toThrow("not in the tree");
      }),
    );
  });

  test("keeps naming parents fast when a message from before 1970 stands behind a parent", () => {
    const set = new MessageSet();
    const nodes: OrderNode[] = [];
    for (let i = 0; i < 400; i++) {
      const timestamp = i === 100 ? -5n : BigInt(i);
      nodes.push({ id: idOf(i), timestamp, author: 1, parents: i > 0 ? [idOf(i - 1), idOf(i + 1000)] : [] });
    }
    for (const [i, node] of nodes.entries()) {
      set.add(node);
      if (i % 7 === 0) expect(set.nextParents()).toEqual(nextParents(nodes.slice(0, i + 1)));
    }
    set.remove([idOf(100), idOf(399)]);
    const left = nodes.filter(({ id }) => id !== idOf(100) && id !== idOf(399));
    expect(set.nextParents()).toEqual(nextParents(left));
  });

  test("is the same whether loaded in one go or grown, at sizes where layers begin", () => {
    const grown = new MessageSet();
    for (let i = 0; i < 300; i++) {
      const node = { id: idOf(i), timestamp: BigInt(i), author: 1, parents: i > 0 ? [idOf(i - 1)] : [] };
      grown.add(node);
      expect(grown.root()).toBe(merkleRoot([...grown.ids()]));
    }
  });

  test("reports a cycle instead of an order", () => {
    const set = new MessageSet();
    set.add({ id: idOf("a"), timestamp: 1n, author: 1, parents: [idOf("b")] });
    set.add({ id: idOf("b"), timestamp: 2n, author: 1, parents: [idOf("a")] });
    expect(() => set.root()).toThrow("order: cycle detected (emitted 0 of 2 messages)");
    const self = new MessageSet();
    self.add({ id: idOf("s"), timestamp: 1n, author: 1, parents: [idOf("s")] });
    expect(() => self.latest(1)).toThrow("order: cycle detected (emitted 0 of 1 messages)");
  });

  test("sorts a large tail the same way, by radix, with equal times and times beyond 2^53", () => {
    const nodes = Array.from({ length: 6000 }, (_, i): OrderNode => {
      const timestamp = i % 3 === 0 ? BigInt((i * 7919) % 977) : BigInt.asIntN(64, BigInt(i) * 0x9e3779b97f4a7c15n);
      return { id: idOf(i), timestamp, author: i % 5, parents: i % 11 === 0 && i > 0 ? [idOf(i - 1)] : [] };
    });
    const set = new MessageSet();
    for (const node of nodes) set.add(node);
    expectSame(set, nodes);
  });

  test("has a zero root when empty", () => {
    const set = new MessageSet();
    expect(set.root()).toBe("0".repeat(64) as MerkleRoot);
    expect(set.nextParents()).toEqual([]);
    set.add({ id: idOf(1), timestamp: 1n, author: 1, parents: [] });
    set.remove([idOf(1)]);
    expect(set.root()).toBe("0".repeat(64) as MerkleRoot);
  });
});

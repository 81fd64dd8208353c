import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { sha256 } from "../../../src/core/bytes/sha256.ts";
import { MessageId } from "../../../src/core/ids.ts";
import { latest, nextParents, type OrderNode, topologicalOrder } from "../../../src/core/order/order.ts";

const idOf = (n: number) => MessageId.fromBytes(sha256(new TextEncoder().encode(`order/${n}`)));
const node = (n: number, timestamp: number, parents: number[] = [], author = 1): OrderNode => ({
  id: idOf(n),
  timestamp: BigInt(timestamp),
  author,
  parents: parents.map(idOf),
});
const numbers = (ids: readonly MessageId[], nodes: readonly OrderNode[]) =>
  ids.map((id) => nodes.findIndex((n) => n.id === id));

describe("the order of messages", () => {
  test("does not depend on the order of arrival", () => {
    const nodes = Array.from({ length: 20 }, (_, i) => node(i, (i * 7) % 5, i > 2 ? [i - 1, i - 3] : []));
    fc.assert(
      fc.property(fc.shuffledSubarray(nodes, { minLength: nodes.length }), (shuffled) => {
        expect(topologicalOrder(shuffled)).toEqual(topologicalOrder(nodes));
      }),
    );
  });

  test("breaks ties by time, then unsigned author, then id", () => {
    const byId = [node(3, 5), node(4, 5)].toSorted((a, b) => (a.id < b.id ? -1 : 1));
    const nodes = [node(0, -1), node(1, 5, [], 0), ...byId, node(2, 5, [], 2 ** 32 - 1)];
    expect(topologicalOrder(nodes.toReversed())).toEqual(nodes.map(({ id }) => id));
  });

  test("puts a child that is older than its parent right behind it", () => {
    const nodes = [node(0, 100), node(1, 0, [0]), node(2, 50)];
    expect(numbers(topologicalOrder(nodes), nodes)).toEqual([2, 0, 1]);
  });

  test("ignores parents that are not there and repeats of those that are", () => {
    const nodes = [node(0, 2), node(1, 1, [0, 0, 77])];
    expect(numbers(topologicalOrder(nodes), nodes)).toEqual([0, 1]);
  });

  test("refuses cycles, the smallest included", () => {
    expect(() => topologicalOrder([node(0, 1, [0]), node(1, 1)])).toThrow(
      "order: cycle detected (emitted 1 of 2 messages)",
    );
    expect(() => topologicalOrder([node(0, 1, [1]), node(1, 1, [0])])).toThrow("emitted 0 of 2");
  });

  test("takes as parents the last three that are not from before 1970", () => {
    const nodes = [node(0, 1), node(1, 2), node(2, 3), node(3, 4), node(4, -5, [3])];
    expect(numbers(nextParents(nodes), nodes)).toEqual([1, 2, 3]);
    expect(nextParents([])).toEqual([]);
  });

  test("orders the newest among themselves", () => {
    const nodes = [node(0, 9), node(1, 8, [0]), node(2, 1)];
    expect(numbers(latest(nodes, 2), nodes)).toEqual([0, 1]);
    expect(latest(nodes, 0)).toEqual([]);
    expect(latest(nodes, -1)).toEqual([]);
  });
});

import { describe, expect, test } from "bun:test";
import { sha256 } from "../../../src/core/bytes/sha256.ts";
import { encodeUtf8 } from "../../../src/core/bytes/utf8.ts";
import { IncrementalOrder } from "../../../src/core/order/incremental-order.ts";

const idOf = (n: number) => sha256(encodeUtf8(`incremental-order/${n}`));
const none = new Uint8Array(0);

/** Node n at a time, with the parents named. */
function insert(order: IncrementalOrder, n: number, timestamp: number, parents: number[] = []): boolean {
  return order.insert(idOf(n), timestamp, 1, parents.length > 0 ? Buffer.concat(parents.map(idOf)) : none);
}

const numbers = (order: IncrementalOrder) =>
  [...order.sequence().subarray(0, order.length)].map((slot) => {
    const id = [...order.ids(order.positionOf(slot))][0]!;
    return Array.from({ length: 20 }, (_, n) => n).find((n) => idOf(n).toHex() === id);
  });

describe("the order kept as nodes arrive", () => {
  test("says from which position on it changed", () => {
    const order = new IncrementalOrder();
    for (let n = 0; n < 5; n++) insert(order, n, n * 10);
    expect(order.positionsChangedFrom()).toBe(0);
    expect(order.positionsChangedFrom()).toBe(5);
    insert(order, 5, 50);
    expect(order.positionsChangedFrom()).toBe(5);
    insert(order, 6, 25);
    insert(order, 7, 45);
    expect(order.positionsChangedFrom()).toBe(3);
    expect(numbers(order)).toEqual([0, 1, 2, 6, 3, 4, 7, 5]);
  });

  test("puts a late parent ahead of its children, and them behind it when it is newer", () => {
    const order = new IncrementalOrder();
    insert(order, 0, 10, [2]);
    insert(order, 1, 20);
    insert(order, 3, 5, [2]);
    expect(numbers(order)).toEqual([3, 0, 1]);
    insert(order, 2, 30);
    expect(numbers(order)).toEqual([1, 2, 3, 0]);
  });

  test("does not take an id twice, nor forget where it was", () => {
    const order = new IncrementalOrder();
    expect(insert(order, 0, 10)).toBe(true);
    expect(insert(order, 0, 99, [1])).toBe(false);
    expect(order.slotOf(idOf(0))).toBe(0);
    expect(order.slotOf(idOf(1))).toBeUndefined();
    expect(order.length).toBe(1);
  });

  test("renumbers what is left after a removal, and is as it was when nothing was there to remove", () => {
    const order = new IncrementalOrder();
    for (let n = 0; n < 6; n++) insert(order, n, n, n > 0 ? [n - 1] : []);
    expect(order.remove([idOf(9)])).toEqual({ removed: 0, renumbered: undefined });
    expect(order.remove([idOf(1), idOf(1)])).toEqual({ removed: 1, renumbered: undefined });
    expect(numbers(order)).toEqual([0, 2, 3, 4, 5]);
    expect(order.positionsChangedFrom()).toBe(0);
    const { removed, renumbered } = order.remove([idOf(4)]);
    expect([removed, ...renumbered!]).toEqual([1, 0, 0xffffffff, 1, 2, 0xffffffff, 3]);
    expect(numbers(order)).toEqual([0, 2, 3, 5]);
    expect(order.positionsChangedFrom()).toBe(0);
  });
});

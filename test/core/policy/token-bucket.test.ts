import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { later, type UnixMs, unixMs } from "../../../src/core/clock.ts";
import { BucketTable } from "../../../src/core/policy/token-bucket.ts";

const T0 = unixMs(1_700_000_000_000);
const table = (keysMax = 100) =>
  new BucketTable<UnixMs>(
    [
      { perSecond: 1, burst: 3 },
      { perSecond: 10, burst: 100 },
    ],
    keysMax,
  );

describe("token buckets", () => {
  test("start full, refuse when empty, refill with time, and say when", () => {
    const buckets = table();
    for (let i = 0; i < 3; i++) expect(buckets.spend("a", [1, 0], T0)).toBeUndefined();
    expect(buckets.spend("a", [1, 0], T0)).toBe(T0 + 1000);
    expect(buckets.spend("a", [1, 0], later(T0, 999))).toBe(T0 + 1000);
    expect(buckets.spend("a", [1, 0], later(T0, 1000))).toBeUndefined();
    expect(buckets.spend("b", [1, 0], T0)).toBeUndefined();
  });

  test("take nothing from either bucket when one refuses", () => {
    const buckets = table();
    expect(buckets.spend("a", [1, 101], T0)).toBe(Number.POSITIVE_INFINITY);
    expect(buckets.spend("a", [1, 100], T0)).toBeUndefined();
    expect(buckets.spend("a", [1, 1], T0)).toBe(T0 + 100);
    for (let i = 0; i < 2; i++) expect(buckets.spend("a", [1, 0], T0)).toBeUndefined();
    expect(buckets.spend("a", [1, 0], T0)).toBe(T0 + 1000);
  });

  test("never hold more than the burst", () => {
    const buckets = table();
    buckets.spend("a", [3, 0], T0);
    expect(buckets.spend("a", [3, 0], later(T0, 1e9))).toBeUndefined();
    expect(buckets.spend("a", [1, 0], later(T0, 1e9))).toBe(T0 + 1e9 + 1000);
  });

  test("do not limit at rate 0, and are full again after a reset", () => {
    const free = new BucketTable<UnixMs>([{ perSecond: 0, burst: 1 }], 10);
    for (let i = 0; i < 100; i++) expect(free.spend("a", [1000], T0)).toBeUndefined();
    const buckets = table();
    buckets.spend("a", [3, 100], T0);
    buckets.reset("a");
    expect(buckets.spend("a", [3, 100], T0)).toBeUndefined();
  });

  test("give nothing when the clock is set back, and go on from there", () => {
    const buckets = table();
    buckets.spend("a", [3, 0], T0);
    expect(buckets.spend("a", [1, 0], later(T0, -60_000))).toBe(T0 - 59_000);
    expect(buckets.spend("a", [1, 0], later(T0, -59_000))).toBeUndefined();
  });

  test("hold a bounded number of keys and forget the one silent longest", () => {
    const buckets = table(2);
    buckets.spend("a", [3, 0], T0);
    buckets.spend("b", [3, 0], T0);
    expect(buckets.spend("a", [1, 0], T0)).toBeNumber();
    buckets.spend("c", [1, 0], T0);
    expect(buckets.size).toBe(2);
    expect(buckets.spend("a", [1, 0], T0)).toBeNumber();
    expect(buckets.spend("b", [3, 0], T0)).toBeUndefined();
  });

  test("grant a request at the time they named, and not a second before", () => {
    const ops = fc.array(fc.record({ amount: fc.integer({ min: 1, max: 100 }), waitMs: fc.nat({ max: 5000 }) }));
    fc.assert(
      fc.property(ops, (steps) => {
        const buckets = table();
        let nowMs = T0;
        for (const { amount, waitMs } of steps) {
          nowMs = later(nowMs, waitMs);
          const retryAtMs = buckets.spend("a", [1, amount], nowMs);
          if (retryAtMs === undefined) continue;
          expect(retryAtMs > nowMs).toBe(true);
          expect(buckets.spend("a", [1, amount], unixMs(retryAtMs - 2))).toBeNumber();
          expect(buckets.spend("a", [1, amount], unixMs(retryAtMs))).toBeUndefined();
          nowMs = unixMs(retryAtMs);
        }
      }),
    );
  });
});

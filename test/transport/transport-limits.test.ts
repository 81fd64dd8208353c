import { expect, test } from "bun:test";
import fc from "fast-check";
import { steadyMs } from "../../src/core/clock.ts";
import { PublicKey } from "../../src/core/ids.ts";
import { ConnectionRate, DEFAULT_LIMITS, StreamBudget } from "../../src/transport/transport-limits.ts";

const key = (node: number) => PublicKey.fromBytes(new Uint8Array(32).fill(node));

test("neither a peer nor all peers ever hold more streams than they may, and what is given back can be taken", () => {
  const limits = { ...DEFAULT_LIMITS, streamsPerPeer: 3, streamsTotal: 7, streamsSure: 1 };
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 4 }), fc.boolean()), { maxLength: 200 }), (steps) => {
      const budget = new StreamBudget(limits);
      const held = [0, 0, 0, 0, 0];
      for (const [peer, takes] of steps) {
        const total = held.reduce((sum, count) => sum + count, 0);
        const mine = held[peer] ?? 0;
        if (takes) {
          const allowed = mine < 3 && (total < 7 || mine < 1);
          expect(budget.spend(key(peer))).toBe(allowed);
          if (allowed) held[peer] = mine + 1;
        } else if (mine > 0) {
          budget.giveBack(key(peer));
          held[peer] = mine - 1;
        }
      }
      expect(budget.total).toBe(held.reduce((sum, count) => sum + count, 0));
    }),
  );
});

test("a stranger holds fewer streams than one of ours, until it becomes one", () => {
  const budget = new StreamBudget({ ...DEFAULT_LIMITS, streamsPerPeer: 3, streamsPerStranger: 1 });
  const known = new Set([key(1)]);
  budget.isKnown = (peer) => known.has(peer);
  expect([1, 1, 1, 1].map((node) => budget.spend(key(node)))).toEqual([true, true, true, false]);
  expect([2, 2].map((node) => budget.spend(key(node)))).toEqual([true, false]);
  known.add(key(2));
  expect(budget.spend(key(2))).toBe(true);
});

test("one of ours has a few streams whatever the others hold, and a stranger none", () => {
  const budget = new StreamBudget(DEFAULT_LIMITS);
  const { streamsPerPeer, streamsSure, streamsTotal } = DEFAULT_LIMITS;
  budget.isKnown = (peer) => peer !== key(250);
  for (let n = 0; n < streamsTotal; n++) expect(budget.spend(key(n % (streamsTotal / streamsPerPeer)))).toBe(true);
  expect(budget.spend(key(0))).toBe(false);
  expect(budget.spend(key(250))).toBe(false);
  const late = Array.from({ length: streamsSure + 1 }, () => budget.spend(key(200)));
  expect(late).toEqual([...new Array(streamsSure).fill(true), false]);
});

test("a peer's share of connections comes back minute by minute, and refusals do not count", () => {
  const rate = new ConnectionRate({ ...DEFAULT_LIMITS, connectionsPerPeerPerMinute: 2 });
  expect([0, 10, 20, 59_999].map((at) => rate.spend(key(1), steadyMs(at)))).toEqual([true, true, false, false]);
  expect(rate.spend(key(2), steadyMs(20))).toBe(true);
  expect([60_000, 60_005, 60_010].map((at) => rate.spend(key(1), steadyMs(at)))).toEqual([true, false, true]);
});

test("a stranger with endless keys makes the rate forget the oldest, not grow", () => {
  const rate = new ConnectionRate({ ...DEFAULT_LIMITS, connectionsPerPeerPerMinute: 1 });
  const keys = Array.from({ length: 5_000 }, (_, i) => {
    const bytes = new Uint8Array(32);
    new DataView(bytes.buffer).setUint32(0, i);
    return PublicKey.fromBytes(bytes);
  });
  for (const each of keys) expect(rate.spend(each, steadyMs(0))).toBe(true);
  expect(rate.spend(keys[4_999]!, steadyMs(1))).toBe(false);
  expect(rate.spend(keys[0]!, steadyMs(1))).toBe(true);
});

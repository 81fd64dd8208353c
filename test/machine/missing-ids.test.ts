import { expect, test } from "bun:test";
import { steadyMs } from "../../src/core/clock.ts";
import { MACHINE_DEFAULTS as config } from "../../src/machine/machine-config.ts";
import { MissingIds } from "../../src/machine/missing-ids.ts";
import { id, ids, node } from "./group.ts";

const noRank = (): number => 0;

test("few holders are asked, each for all it holds, due or not", () => {
  const missing = new MissingIds(config);
  missing.name(id(1), node(1), 10);
  missing.name(id(1), node(2), 10);
  missing.name(id(2), node(2), 10);
  missing.name(id(3), node(2), 999);
  missing.name(id(4), node(3), 999);
  expect(missing.due(steadyMs(10), noRank)).toEqual(new Map([[node(2), ids(1, 3)]]));
});

test("an eager holder is asked before others", () => {
  const missing = new MissingIds(config);
  missing.name(id(1), node(1), 10);
  missing.name(id(1), node(2), 10);
  const due = missing.due(steadyMs(10), (peer) => (peer === node(2) ? 1 : 0));
  expect([...due.keys()]).toEqual([node(2)]);
});

test("holders take turns, and after so many asks the id is left to comparison", () => {
  const missing = new MissingIds(config);
  missing.name(id(1), node(1), 0);
  missing.name(id(1), node(2), 0);
  const asked = [];
  for (let nowMs = 0; missing.size > 0; nowMs += 10) {
    for (const [holder] of missing.due(steadyMs(nowMs), noRank)) {
      asked.push(holder);
      missing.asked(id(1), holder, nowMs + 10);
    }
  }
  expect(asked).toHaveLength(config.missingIds.asksMax);
  expect(asked.slice(0, 4)).toEqual([node(1), node(2), node(1), node(2)]);
});

test("the table, one peer's share of it and the holders of an id are bounded; a share is given back", () => {
  const missing = new MissingIds(config);
  for (let n = 0; n <= config.missingIds.perPeerMax; n++) missing.name(id(n), node(1), 0);
  expect(missing.size).toBe(config.missingIds.perPeerMax);
  expect(missing.name(id(config.missingIds.perPeerMax), node(2), 0)).toBe(true);
  missing.delete(id(0));
  expect(missing.name(id(0), node(1), 0)).toBe(true);
  for (let n = 0; n < 20; n++) missing.name(id(0), node(n), 0);
  expect(missing.holdersOf(id(0))).toHaveLength(config.missingIds.holdersMax);
  for (let n = 0; n < 2 * config.missingIds.idsMax; n++) missing.name(id(100_000 + n), node(n % 100), 0);
  expect(missing.size).toBe(config.missingIds.idsMax);
});

test("who does not bring what it was asked for is asked after the others, until it brings something", () => {
  const missing = new MissingIds(config);
  const [liar, honest] = [node(1), node(2)];
  for (const holder of [liar, honest]) missing.name(id(1), holder, 0);
  expect([...missing.due(steadyMs(0), noRank).keys()]).toEqual([liar]);
  missing.asked(id(1), liar, 10);
  expect([...missing.due(steadyMs(10), noRank).keys()]).toEqual([honest]);
  for (const holder of [liar, honest]) missing.name(id(2), holder, 10);
  missing.delete(id(1));
  const asks = [...missing.due(steadyMs(20), (peer) => (peer === liar ? 1 : 0)).keys()];
  expect(asks).toEqual([honest]);
  missing.delivered(liar);
  expect([...missing.due(steadyMs(20), (peer) => (peer === liar ? 1 : 0)).keys()]).toEqual([liar]);
});

test("who left something undone makes room among the holders of an id", () => {
  const missing = new MissingIds(config);
  const { holdersMax } = config.missingIds;
  missing.name(id(1), node(1), 0);
  missing.due(steadyMs(0), noRank);
  missing.asked(id(1), node(1), 10);
  for (let n = 2; n <= holdersMax; n++) missing.name(id(1), node(n), 10);
  missing.due(steadyMs(10), noRank);
  missing.name(id(1), node(50), 10);
  expect(missing.holdersOf(id(1))).toContain(node(50));
  expect(missing.holdersOf(id(1))).not.toContain(node(1));
  missing.name(id(1), node(51), 10);
  expect(missing.holdersOf(id(1))).not.toContain(node(51));
});

test("a fetch that goes on for long does not keep another holder from being asked", () => {
  const missing = new MissingIds(config);
  missing.name(id(1), node(1), 0);
  missing.fetched(id(1), node(1), { slowMs: 10, lostMs: 120 });
  expect(missing.isBeingFetched(id(1))).toBe(true);
  expect(missing.due(steadyMs(20), noRank).size).toBe(0);
  missing.name(id(1), node(2), 20);
  expect([...missing.due(steadyMs(20), noRank).keys()]).toEqual([node(2)]);
});

test("members that fill the table make room for one that named less", () => {
  const missing = new MissingIds(config);
  const { idsMax, perPeerMax } = config.missingIds;
  const full = idsMax / perPeerMax;
  for (let n = 0; n < idsMax; n++) missing.name(id(n), node(1 + (n % full)), 0);
  expect(missing.size).toBe(idsMax);
  const late = node(full + 1);
  let named = 0;
  for (let n = 0; n < perPeerMax; n++) if (missing.name(id(100_000 + n), late, 0)) named += 1;
  expect(named).toBe(Math.floor(idsMax / (full + 1)));
  expect(missing.size).toBe(idsMax);
  expect(missing.holdersOf(id(100_000))).toEqual([late]);
});

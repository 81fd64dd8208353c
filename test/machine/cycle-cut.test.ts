import { expect, test } from "bun:test";
import { CONFIRM_MS, CROWD_MS, CycleCut, STREAK_MS } from "../../src/machine/cycle-cut.ts";
import { SeededRandom } from "../../src/machine/random.ts";
import { members, node } from "./group.ts";

test("a single message's duplicate cuts at once", () => {
  const cut = new CycleCut(new SeededRandom(1));
  cut.came(0);
  cut.came(CROWD_MS + 1);
  expect(cut.isDue(node(1), 2 * CROWD_MS)).toBe(true);
});

test("in a crowd duplicates must keep coming for a while that differs from node to node", () => {
  const waits = [1, 2, 3, 4, 5].map((seed) => {
    const cut = new CycleCut(new SeededRandom(seed));
    for (let nowMs = 0; nowMs <= 2 * CONFIRM_MS; nowMs += 10) {
      cut.came(nowMs);
      if (nowMs >= 1_000 && cut.isDue(node(1), nowMs)) return nowMs - 1_000;
    }
    return Number.NaN;
  });
  expect(Math.max(...waits)).toBeLessThanOrEqual(CONFIRM_MS);
  expect(new Set(waits).size).toBe(5);
});

test("duplicates that stopped start from the beginning, and members that left are forgotten", () => {
  const cut = new CycleCut(new SeededRandom(3));
  cut.came(0);
  cut.came(1);
  expect(cut.isDue(node(1), 2)).toBe(false);
  cut.keepMembers(members(1));
  cut.came(CONFIRM_MS + STREAK_MS);
  cut.came(CONFIRM_MS + STREAK_MS + 1);
  expect(cut.isDue(node(1), CONFIRM_MS + STREAK_MS + 2)).toBe(false);
});

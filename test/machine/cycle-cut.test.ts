import { expect, test } from "bun:test";
import { steadyMs } from "../../src/core/clock.ts";
import { CycleCut } from "../../src/machine/cycle-cut.ts";
import { MACHINE_DEFAULTS as config } from "../../src/machine/machine-config.ts";
import { SeededRandom } from "../../src/machine/random.ts";
import { members, node } from "./group.ts";

test("a single message's duplicate cuts at once", () => {
  const cut = new CycleCut({ random: new SeededRandom(1), config });
  cut.came(steadyMs(0));
  cut.came(steadyMs(config.cycleCut.crowdMs + 1));
  expect(cut.isDue(node(1), steadyMs(2 * config.cycleCut.crowdMs))).toBe(true);
});

test("in a crowd duplicates must keep coming for a while that differs from node to node", () => {
  const waits = [1, 2, 3, 4, 5].map((seed) => {
    const cut = new CycleCut({ random: new SeededRandom(seed), config });
    for (let nowMs = 0; nowMs <= 2 * config.cycleCut.confirmMs; nowMs += 10) {
      cut.came(steadyMs(nowMs));
      if (nowMs >= 1_000 && cut.isDue(node(1), steadyMs(nowMs))) return nowMs - 1_000;
    }
    return Number.NaN;
  });
  expect(Math.max(...waits)).toBeLessThanOrEqual(config.cycleCut.confirmMs);
  expect(new Set(waits).size).toBe(5);
});

test("duplicates that stopped start from the beginning, and members that left are forgotten", () => {
  const cut = new CycleCut({ random: new SeededRandom(3), config });
  cut.came(steadyMs(0));
  cut.came(steadyMs(1));
  expect(cut.isDue(node(1), steadyMs(2))).toBe(false);
  cut.keepMembers(members(1));
  cut.came(steadyMs(config.cycleCut.confirmMs + config.cycleCut.streakMs));
  cut.came(steadyMs(config.cycleCut.confirmMs + config.cycleCut.streakMs + 1));
  expect(cut.isDue(node(1), steadyMs(config.cycleCut.confirmMs + config.cycleCut.streakMs + 2))).toBe(false);
});

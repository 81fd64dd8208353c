import { expect, test } from "bun:test";
import { collectWhenQuiet } from "../../../src/node/group/collect-garbage.ts";
import { ManualClock } from "../../support/manual-clock.ts";

test("however much work there is, one timer waits for the quiet after it, and none once it came", () => {
  const clock = new ManualClock();
  for (let turn = 0; turn < 10; turn++) {
    collectWhenQuiet(clock);
    expect(clock.waiting).toBe(1);
    clock.advance(1_000);
  }
  expect(clock.waiting).toBe(1);
  clock.advance(2_000);
  expect(clock.waiting).toBe(0);
});

import { expect, spyOn, test } from "bun:test";
import { collectWhenQuiet, noteIngested } from "../../../src/node/group/collect-garbage.ts";
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
  // A large heap, as that of all these tests may be, is looked at once more.
  expect(clock.waiting).toBeLessThanOrEqual(1);
  clock.advance(3_000);
  expect(clock.waiting).toBe(0);
});

test("garbage of a back-fill is collected in a turn of its own, once however much was stored in this one", async () => {
  using collect = spyOn(Bun, "gc");
  const clock = new ManualClock();
  for (let batch = 0; batch < 8; batch++) noteIngested(clock, 4 * 1024 * 1024);
  expect(collect).toHaveBeenCalledTimes(0);
  await new Promise((resolve) => clock.after(0, () => resolve(undefined)));
  expect(collect).toHaveBeenCalledTimes(1);
});

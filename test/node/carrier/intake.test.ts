import { expect, test } from "bun:test";
import { PublicKey } from "../../../src/core/ids.ts";
import { Intake } from "../../../src/node/carrier/intake.ts";
import { budgetOf } from "../../support/budget.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const [ALICE, BOB] = [1, 2].map((n) => PublicKey.fromBytes(new Uint8Array(32).fill(n)));

/** What has ended, after everything that could go on has. */
async function ended(works: readonly Promise<void>[]): Promise<number> {
  let over = 0;
  for (const work of works) work.then(() => (over += 1));
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
  return over;
}

test("of a peer's large frames four are read at a time, and of another's as many", async () => {
  const budget = budgetOf(new ManualClock());
  const intakes = Array.from({ length: 6 }, () => new Intake(budget, { peer: ALICE!, host: undefined }, () => true));
  expect(intakes[0]!.came(16_383)).toBeUndefined();
  const reading = intakes.map((intake) => intake.came(16_384)!);
  expect(await ended(reading)).toBe(4);
  expect(await ended([new Intake(budget, { peer: BOB!, host: undefined }, () => true).came(16_384)!])).toBe(1);
  // One frame is whole, one stream is dropped.
  await intakes[0]!.frame(20_000);
  intakes[1]![Symbol.dispose]();
  expect(await ended(reading)).toBe(6);
});

import { expect, test } from "bun:test";
import { steadyMs, unixMs } from "../../src/core/clock.ts";
import { ClockWatch } from "../../src/machine/clock-watch.ts";

const NOW = 1_700_000_000_000;
const MINUTE = 60_000;
const DAY = 86_400_000;
const reading = (steady: number, jump = 0) => ({ unix: unixMs(NOW + steady + jump), steady: steadyMs(steady) });

test("a date that goes on with the steady clock has not jumped", () => {
  const watch = new ClockWatch({ toleranceMs: 10 * MINUTE });
  expect(watch.steadyForMs(steadyMs(5))).toBe(0);
  for (const at of [0, 1, DAY, 30 * DAY]) expect(watch.observe(reading(at))).toBe(0);
  expect(watch.steadyForMs(steadyMs(30 * DAY + 1))).toBe(30 * DAY + 1);
});

test("a jump is told once, either way, and the count begins again", () => {
  const watch = new ClockWatch({ toleranceMs: 10 * MINUTE });
  watch.observe(reading(0));
  expect(watch.observe(reading(DAY, 40 * DAY))).toBe(40 * DAY);
  expect(watch.observe(reading(DAY + 5, 40 * DAY))).toBe(0);
  expect(watch.steadyForMs(steadyMs(DAY + 5))).toBe(5);
  expect(watch.observe(reading(DAY + 9, 0))).toBe(-40 * DAY);
});

test("small steps add up to a jump", () => {
  const watch = new ClockWatch({ toleranceMs: 10 * MINUTE });
  watch.observe(reading(0));
  expect(watch.observe(reading(1, 10 * MINUTE))).toBe(0);
  expect(watch.observe(reading(2, 10 * MINUTE + 1))).toBe(10 * MINUTE + 1);
});

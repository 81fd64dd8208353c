import { expect, test } from "bun:test";
import { type Clock, later, type SteadyMs, type UnixMs } from "../../src/core/clock.ts";
import { ManualClock } from "../support/manual-clock.ts";

test("an instant of one clock is refused where one of the other is wanted", () => {
  const clock: Clock = new ManualClock(1_000);
  const date: UnixMs = later(clock.unix(), -1);
  const deadline: SteadyMs = later(clock.steady(), 5);
  // @ts-expect-error
  const notADate: UnixMs = deadline;
  // @ts-expect-error
  const notADeadline: SteadyMs = later(clock.unix(), 5);
  // @ts-expect-error
  const unchecked: UnixMs = 5;
  expect([date, deadline, notADate, notADeadline, unchecked].map(Number)).toEqual([999, 5, 5, 1_005, 5]);
});

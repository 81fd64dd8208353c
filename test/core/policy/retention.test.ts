import { expect, test } from "bun:test";
import fc from "fast-check";
import { unixMs } from "../../../src/core/clock.ts";
import { dayText, KEEP_DAYS, keepsEverything, retentionDay, startOfDay } from "../../../src/core/policy/retention.ts";

const DAY = 86_400_000n;

test("a cut-off is the beginning of a day of UTC, and leaves at least the days of the policy", () => {
  fc.assert(
    fc.property(fc.bigInt(1n, 2n ** 63n - 1n), fc.nat({ max: 2 ** 52 }), (days, now) => {
      const cutoff = retentionDay(days, unixMs(now));
      const kept = BigInt(now) - cutoff;
      expect(cutoff % DAY).toBe(0n);
      expect(kept >= days * DAY && kept < (days + 1n) * DAY).toBe(true);
    }),
  );
});

test("the same day gives the same cut-off, the next one another", () => {
  const noon = Date.UTC(2026, 10, 30, 12);
  expect(dayText(retentionDay(30n, unixMs(noon)))).toBe("2026-10-31");
  expect(dayText(retentionDay(30n, unixMs(Date.UTC(2026, 10, 30, 23, 59, 59, 999))))).toBe("2026-10-31");
  expect(dayText(retentionDay(30n, unixMs(Date.UTC(2026, 11, 1))))).toBe("2026-11-01");
});

test("days before 1970 begin at their beginning too", () => {
  expect(startOfDay(-1n)).toBe(-DAY);
  expect(startOfDay(-DAY)).toBe(-DAY);
  expect(startOfDay(0n)).toBe(0n);
});

test("a day no calendar has is said as a number", () => {
  expect(dayText(2n ** 63n - 1n)).toBe("9223372036854775807 ms");
  expect(dayText(-(2n ** 63n))).toBe("-9223372036854775808 ms");
});

test("a hundred years is everything", () => {
  expect([keepsEverything(KEEP_DAYS - 1n), keepsEverything(KEEP_DAYS)]).toEqual([false, true]);
});

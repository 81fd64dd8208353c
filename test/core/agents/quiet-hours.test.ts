import { expect, test } from "bun:test";
import fc from "fast-check";
import { parseQuietHours, quietHoursText, quietMinutesLeft } from "../../../src/core/agents/quiet-hours.ts";
import { expectCode } from "../../support/expect-code.ts";

const minute = fc.integer({ min: 0, max: 1439 });
const range = fc.tuple(minute, minute).filter(([from, to]) => from !== to);

test("what is written is read, and what is none is refused with the form", () => {
  expect(parseQuietHours("22:00-07:00, 12:30-13:00")).toEqual([
    { fromMinute: 1320, toMinute: 420 },
    { fromMinute: 750, toMinute: 780 },
  ]);
  expect([parseQuietHours("off"), parseQuietHours(" ")]).toEqual([[], []]);
  for (const text of [
    "22:00",
    "24:00-01:00",
    "1:00-2:00",
    "09:00-09:00",
    "22:00-07:00,",
    Array(9).fill("01:00-02:00").join(),
  ]) {
    expectCode("invalid_argument", () => parseQuietHours(text));
  }
  fc.assert(
    fc.property(fc.array(range, { maxLength: 8 }), (pairs) => {
      const ranges = pairs.map(([fromMinute, toMinute]) => ({ fromMinute, toMinute }));
      expect(parseQuietHours(quietHoursText(ranges))).toEqual(ranges);
    }),
  );
});

test("it is quiet for as long as any range goes on, minute by minute", () => {
  fc.assert(
    fc.property(fc.array(range, { minLength: 1, maxLength: 8 }), minute, (pairs, at) => {
      const ranges = pairs.map(([fromMinute, toMinute]) => ({ fromMinute, toMinute }));
      const isQuiet = (now: number) =>
        ranges.some(({ fromMinute: from, toMinute: to }) =>
          from < to ? now >= from && now < to : now >= from || now < to,
        );
      let left = 0;
      while (left < 1440 && isQuiet((at + left) % 1440)) left += 1;
      expect(quietMinutesLeft(ranges, at)).toBe(left);
    }),
  );
});

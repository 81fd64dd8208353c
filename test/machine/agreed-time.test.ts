import { expect, test } from "bun:test";
import fc from "fast-check";
import { steadyMs, unixMs } from "../../src/core/clock.ts";
import { AgreedTime, isTimeGood } from "../../src/machine/agreed-time.ts";
import { MACHINE_DEFAULTS } from "../../src/machine/machine-config.ts";
import { members, node } from "./group.ts";

const config = MACHINE_DEFAULTS.time;
const NOW = 1_700_000_000_000;
const DAY = 86_400_000;
const MINUTE = 60_000;

/** Hears one member each at `offsets` (milliseconds ahead of us), all at steady time 0. */
function heard(...offsets: number[]): AgreedTime {
  const time = new AgreedTime(config);
  time.setMembers(others(offsets.length));
  for (const [at, offset] of offsets.entries()) time.hear(node(at + 1), unixMs(NOW + offset), steadyMs(0));
  return time;
}

/** The first `count` members besides this node. */
function others(count: number) {
  const all = members(count + 1);
  all.delete(node(0));
  return all;
}

const verdict = (time: AgreedTime, { unix = NOW, steady = 0, steadyFor = 0 } = {}) =>
  time.verdict(unixMs(unix), steadyMs(steady), steadyFor);

test("alone, a clock is believed once it has run for a day without a jump", () => {
  const time = new AgreedTime(config);
  expect(verdict(time, { steadyFor: DAY - 1 })).toEqual({ kind: "unproved", heard: 0, restMs: 1 });
  expect(verdict(time, { steadyFor: DAY })).toEqual({ kind: "steady" });
});

test("where members are heard they decide, however long the clock has run", () => {
  expect(verdict(heard(0), { steadyFor: 0 })).toEqual({ kind: "agreed", heard: 1 });
  expect(verdict(heard(10 * MINUTE))).toEqual({ kind: "agreed", heard: 1 });
  expect(verdict(heard(10 * MINUTE + 1), { steadyFor: 9 * DAY })).toMatchObject({ kind: "disputed", heard: 1 });
});

test("more than half of them have to agree", () => {
  expect(verdict(heard(0, 40 * DAY)).kind).toBe("disputed");
  expect(verdict(heard(0, 0, 40 * DAY)).kind).toBe("agreed");
  expect(verdict(heard(0, -DAY, 40 * DAY)).kind).toBe("disputed");
  expect(verdict(heard(2 * DAY, 3 * DAY, 40 * DAY))).toEqual({ kind: "disputed", heard: 3, offsetMs: 3 * DAY });
});

test("a jump of our own shows in what was said before it", () => {
  const time = heard(0, 0);
  expect(verdict(time, { unix: NOW + 40 * DAY + MINUTE, steady: MINUTE })).toMatchObject({
    kind: "disputed",
    offsetMs: -40 * DAY,
  });
  expect(verdict(time, { unix: NOW + MINUTE, steady: MINUTE }).kind).toBe("agreed");
});

test("while less than half of the members were heard, the others are waited for", () => {
  const time = heard(0);
  time.setMembers(others(2));
  expect(verdict(time)).toEqual({ kind: "unproved", heard: 1, restMs: 60_000 });
  expect(verdict(time, { steady: 60_000, unix: NOW + 60_000 }).kind).toBe("agreed");
  time.hear(node(2), unixMs(NOW), steadyMs(0));
  expect(verdict(time)).toEqual({ kind: "agreed", heard: 2 });
});

test("what was said before a jump is forgotten, and the others are waited for again", () => {
  const time = heard(0, 0, 0);
  time.forget();
  expect(verdict(time).kind).toBe("unproved");
  time.hear(node(1), unixMs(NOW + 90_000), steadyMs(90_000));
  expect(verdict(time, { steady: 100_000, unix: NOW + 100_000 })).toEqual({
    kind: "unproved",
    heard: 1,
    restMs: 50_000,
  });
});

test("what a member said counts for a day, and only while it is one", () => {
  const time = heard(5 * DAY);
  expect(verdict(time, { steady: DAY, unix: NOW + DAY }).kind).toBe("disputed");
  expect(verdict(time, { steady: DAY + 1, unix: NOW + DAY + 1 }).kind).toBe("unproved");
  const other = heard(5 * DAY);
  other.setMembers(others(0));
  expect(verdict(other).kind).toBe("unproved");
  other.hear(node(7), unixMs(NOW), steadyMs(0));
  expect(verdict(other).kind).toBe("unproved");
});

test("a minority of liars never decides, and never stops the others", () => {
  const aWrong = fc.integer({ min: -(2 ** 50), max: 2 ** 50 });
  const aRight = fc.integer({ min: -10 * MINUTE, max: 10 * MINUTE });
  fc.assert(
    fc.property(fc.array(aWrong, { maxLength: 20 }), fc.array(aRight, { maxLength: 20 }), (liars, right) => {
      const isGood = isTimeGood(verdict(heard(...liars, ...right)));
      const near = liars.filter((offset) => Math.abs(offset) <= 10 * MINUTE).length + right.length;
      expect(isGood).toBe(near * 2 > liars.length + right.length);
    }),
  );
});

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  booleanOf,
  durationMsOf,
  integerOf,
  parseDurationMs,
  parseInteger,
} from "../../../src/cli/line/flag-values.ts";
import { nearest } from "../../../src/view/nearest.ts";

describe("integers", () => {
  test.each([
    ["10", 10n],
    ["0", 0n],
    ["-7", -7n],
    ["+7", 7n],
    ["0x0a", 10n],
    ["0XFF", 255n],
    ["0o12", 10n],
    ["012", 10n],
    ["0b1010", 10n],
    ["1_000", 1000n],
    ["0x_ff", 255n],
    ["18446744073709551615", 18446744073709551615n],
  ])("%s is %p", (text, value) => expect(integerOf(text)).toBe(value));

  test.each(["", "-", "08", "1_", "_1", "1__0", "0x", "0b2", "1.5", "1e3", " 1", "1 ", "١"])("%j is none", (text) =>
    expect(integerOf(text)).toBeUndefined(),
  );

  test("decimal text of any integer reads back", () => {
    fc.assert(fc.property(fc.bigInt(), (value) => integerOf(String(value)) === value));
  });

  test("out of range names the flag, the range and what was found", () => {
    expect(parseInteger("-limit", "7", { min: 0, max: 10 })).toBe(7);
    expect(() => parseInteger("-limit", "11", { min: 0, max: 10 })).toThrow(
      'invalid value "11" for flag -limit: expected a whole number from 0 to 10',
    );
  });
});

describe("durations", () => {
  test.each([
    ["0", 0],
    ["-0", 0],
    ["45s", 45_000],
    ["250ms", 250],
    ["1h30m", 5_400_000],
    ["1.5h", 5_400_000],
    [".5s", 500],
    ["1.s", 1_000],
    ["-3s", -3_000],
    ["1ns", 1],
    ["-1ns", -1],
    ["1500us", 2],
    ["1500µs", 2],
    ["2m0s", 120_000],
  ])("%s is %p ms", (text, ms) => expect(durationMsOf(text)).toBe(ms));

  test.each(["", "5", "s", "1d", "1h 30m", "1e3s", "--1s", ".s", "9999999999999h", "9".repeat(80)])(
    "%j is none",
    (text) => expect(durationMsOf(text)).toBeUndefined(),
  );

  test("a bad one names the flag", () => {
    expect(() => parseDurationMs("-timeout", "5")).toThrow(
      'invalid value "5" for flag -timeout: expected a duration such as 30s, 250ms or 1h30m',
    );
  });
});

test("boolean literals are the twelve and no others", () => {
  const words = ["1", "t", "T", "true", "TRUE", "True", "0", "f", "F", "false", "FALSE", "False"];
  expect(words.map(booleanOf)).toEqual([true, true, true, true, true, true, false, false, false, false, false, false]);
  expect(["yes", "on", "", "tRUE", "2"].map(booleanOf)).toEqual(Array(5).fill(undefined));
});

test("the nearest word is one or two slips away, and nonsense has none", () => {
  const words = ["publish", "peers", "tail", "group"];
  expect(["publsih", "pubish", "pears", "tial", "grp", "zzzzzz"].map((word) => nearest(word, words))).toEqual([
    "publish",
    "publish",
    "peers",
    "tail",
    undefined,
    undefined,
  ]);
  // Of equally close ones that which begins more alike.
  expect([nearest("dsc", ["asc", "desc"]), nearest("of", ["on", "off"])]).toEqual(["desc", "off"]);
});

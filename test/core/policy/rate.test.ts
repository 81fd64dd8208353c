import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { parseByteRate, parseMessageRate, perSecond, RATE_CHARS_MAX } from "../../../src/core/policy/rate.ts";

describe("a rate", () => {
  test("is so many units in a period", () => {
    expect(perSecond(parseMessageRate("+6/min"))).toBe(0.1);
    expect(perSecond(parseByteRate("64 KiB / MIN"))).toBeCloseTo(1092.2667, 3);
    // The Kelvin sign and the dotted capital i have ASCII letters as their small ones.
    expect(parseByteRate("1\u212aiB/M\u0130N")).toEqual({ units: 1024n, periodSeconds: 60 });
  });

  test.each([
    ["6", "rate must use <quantity>/<period>"],
    ["6/min/2", "rate must contain one period separator"],
    ["/min", "quantity is required"],
    ["6/day", 'unsupported period "day"'],
    ["1.5/min", "message quantity must be a positive integer"],
    ["0/min", "message quantity must be a positive integer"],
  ])("of %j messages is refused with its text", (text, reason) => {
    expect(() => parseMessageRate(text)).toThrow(reason);
  });

  test.each([
    ["64KB/min", 'unsupported byte unit "KB"'],
    ["+6/min", "byte quantity must be a positive integer"],
    ["KiB/s", "byte quantity must be a positive integer"],
    ["9223372036854775807GiB/s", "byte quantity overflows int64"],
  ])("of %j bytes is refused with its text", (text, reason) => {
    expect(() => parseByteRate(text)).toThrow(reason);
  });

  test("of any text ends in a rate or a refusal, soon", () => {
    const text = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.stringMatching(/^ ?[+-]?\d{0,25} ?[KMG]?i?B? ?\/ ?(s|min|h|d)$/),
    );
    fc.assert(
      fc.property(text, (input) => {
        for (const parse of [parseMessageRate, parseByteRate]) {
          try {
            const { units } = parse(input);
            expect(units > 0n && units < 2n ** 63n).toBe(true);
          } catch (error) {
            expect((error as Error).name).toBe("EntmootError");
          }
        }
      }),
    );
    expect(() => parseByteRate(`${"1".repeat(10_000_000)}/s`)).toThrow(`${RATE_CHARS_MAX}`);
  });
});

import { expect, test } from "bun:test";
import { countText, durationText, instantText, sizeText } from "../../src/core/amounts.ts";

test.each<[number, string]>([
  [0, "0 bytes"],
  [1, "1 byte"],
  [1023, "1,023 bytes"],
  [1024, "1 KiB (1,024 bytes)"],
  [1234, "1.2 KiB (1,234 bytes)"],
  [16_777_216, "16 MiB (16,777,216 bytes)"],
  [16_777_217, "16 MiB (16,777,217 bytes)"],
  [2 ** 40 * 3, "3 TiB (3,298,534,883,328 bytes)"],
  [2 ** 53 - 1, "8192 TiB (9,007,199,254,740,991 bytes)"],
])("%d bytes are %s", (bytes, text) => expect(sizeText(bytes)).toBe(text));

test.each<[number, string]>([
  [0, "0 ms"],
  [250, "250 ms"],
  [0.04, "0 ms"],
  [1.25, "1.3 ms"],
  [999.2, "999 ms"],
  [999.97, "1 s"],
  [1500, "1.5 s"],
  [59_990, "1 min"],
  [60_000, "1 min"],
  [150_000, "2 min 30 s"],
  [3_599_900, "1 h"],
  [5_400_000, "1 h 30 min"],
  [47 * 3_600_000, "47 h"],
  [86_400_000 * 12, "12 days"],
  [86_400_000 * 12 + 3_600_000, "12 days 1 h"],
])("%d ms are %s", (ms, text) => expect(durationText(ms)).toBe(text));

test("an instant is in UTC with the zone said, and what no date can hold is a number", () => {
  expect(instantText(Date.UTC(2026, 10, 30, 12, 23, 5, 999))).toBe("2026-11-30 12:23:05Z");
  expect(instantText(-1)).toBe("1969-12-31 23:59:59Z");
  expect(instantText(1e300)).toBe("1e+300 ms");
  expect(countText(4_194_304)).toBe("4,194,304");
});

import { expect, test } from "bun:test";
import fc from "fast-check";
import { canonicalJson } from "../../../src/core/json/canonical-json.ts";
import { compactJson, jsonString } from "../../../src/core/json/json-text.ts";
import { compareKeys } from "../../../src/core/json/key-order.ts";
import { roughText } from "../../support/arbitraries.ts";
import { processorMs } from "../../support/processor-time.ts";

test("keys sort as their UTF-8 bytes do", () => {
  fc.assert(
    fc.property(roughText, roughText, (a, b) => {
      const [x, y] = [a.toWellFormed(), b.toWellFormed()];
      expect(Math.sign(compareKeys(x, y))).toBe(Buffer.compare(Buffer.from(x), Buffer.from(y)));
    }),
  );
});

test("a string reads back as itself from both forms, lone surrogates as U+FFFD", () => {
  fc.assert(
    fc.property(roughText, (text) => {
      expect(JSON.parse(jsonString(text, "wire"))).toBe(text.toWellFormed());
      expect(JSON.parse(jsonString(text, "canonical"))).toBe(text.toWellFormed());
    }),
  );
});

test("the wire form of a string is safe inside HTML and scripts", () => {
  expect(jsonString("</script>&\u2028", "wire")).toBe('"\\u003c/script\\u003e\\u0026\\u2028"');
  expect(jsonString("</script>&\u2028", "canonical")).toBe('"</script>&\\u2028"');
});

test("the canonical form is a fixed point, and the value stays the same", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const text = JSON.stringify(value, null, 2);
      const canonical = canonicalJson(text);
      expect(canonicalJson(canonical)).toBe(canonical);
      expect(canonicalJson(compactJson(text))).toBe(canonical);
      expect(JSON.parse(canonical)).toEqual(JSON.parse(text));
    }),
  );
});

test("key order and blanks do not change the canonical form", () => {
  fc.assert(
    fc.property(fc.dictionary(roughText, fc.nat()), fc.nat(), (record, seed) => {
      const entries = Object.entries(record).filter(([key]) => key.isWellFormed());
      const turned = [
        ...entries.slice(seed % (entries.length || 1)),
        ...entries.slice(0, seed % (entries.length || 1)),
      ];
      const write = (list: [string, number][]) =>
        `{ ${list.map(([k, v]) => `${JSON.stringify(k)} :\t${v}`).join(" ,\n")}}`;
      expect(canonicalJson(write(turned))).toBe(canonicalJson(write(entries)));
    }),
  );
});

test("ten thousand levels are read and written without recursion, in linear time", () => {
  const deep = `${'{"a":['.repeat(5_000)}"${"x".repeat(1_000_000)}"${"]}".repeat(5_000)}`;
  expect(processorMs(() => expect(canonicalJson(deep)).toBe(deep))).toBeLessThan(5_000);
  expect(() => canonicalJson(`[${deep}]`)).toThrow("10000 levels");
});

test("what is no JSON is refused", () => {
  for (const text of [
    "",
    " ",
    "{",
    '{"a"}',
    "[1,]",
    "{,}",
    "tru",
    "1 2",
    "//",
    "\ufeff1",
    "'a'",
    '"\t"',
    "[01]",
    "\u00a01",
  ]) {
    expect(() => canonicalJson(text)).toThrow(/^json: /);
  }
});

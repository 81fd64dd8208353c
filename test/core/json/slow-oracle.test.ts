import { expect, test } from "bun:test";
import fc from "fast-check";
import { decodeBase64 } from "../../../src/core/bytes/base64.ts";
import { trimEnd } from "../../../src/core/bytes/text.ts";
import { unescapePercent } from "../../../src/core/bytes/textual-url.ts";
import { decodeUtf8 } from "../../../src/core/bytes/utf8.ts";
import { canonicalJson } from "../../../src/core/json/canonical-json.ts";
import { JsonReader } from "../../../src/core/json/json-reader.ts";
import { jsonString, jsonStrings } from "../../../src/core/json/json-text.ts";
import { roughText } from "../../support/arbitraries.ts";
import { slowBase64, slowCanonical, slowJsonString, slowStringValue, slowUtf8 } from "../../support/slow-decoders.ts";

const RUNS = { numRuns: 1_000 };

/** Whole characters, beginnings of some, and bytes of none, one behind the other. */
const brokenBytes = fc
  .array(
    fc.oneof(
      fc
        .constantFrom("a", "é", "“", "\u0800", "\ud7ff", "\ue000", "\uffff", "🌳", "\u{10ffff}", "\u{10000}")
        .chain((char) => {
          const whole = new TextEncoder().encode(char);
          return fc.integer({ min: 1, max: whole.length }).map((length) => whole.subarray(0, length));
        }),
      fc.uint8Array({ maxLength: 3 }),
      fc
        .constantFrom([0xed, 0xa0, 0x80], [0xe0, 0x9f, 0xbf], [0xf0, 0x8f, 0xbf, 0xbf], [0xf4, 0x90, 0x80, 0x80])
        .map((bytes) => Uint8Array.from(bytes)),
    ),
    { maxLength: 60 },
  )
  .map((pieces) => new Uint8Array(Buffer.concat(pieces)));

test("UTF-8 is decoded as byte by byte", () => {
  fc.assert(
    fc.property(brokenBytes, (bytes) => {
      expect(decodeUtf8(bytes)).toBe(slowUtf8(bytes));
    }),
    { numRuns: 5_000 },
  );
});

const jsonPieces = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        "\\",
        '"',
        "\\u",
        "\\ud83c",
        "\\udf33",
        "\\u2028",
        "\\n",
        "\\/",
        "\\x",
        "\\u00g0",
        "\u2028",
        "\u0001",
        "a",
      ),
      roughText,
    ),
    { maxLength: 8 },
  )
  .map((pieces) => pieces.join("").toWellFormed());

test("a JSON string is read as escape by escape, and refused where none is right", () => {
  fc.assert(
    fc.property(jsonPieces, (inner) => {
      const json = `"${inner}"`;
      const wanted = slowStringValue(json);
      const reader = new JsonReader(json, "text");
      if (wanted !== undefined) expect(reader.readString()).toBe(wanted);
      else {
        expect(() => {
          reader.readString();
          reader.end();
        }).toThrow(/^text: expected (a valid escape|a character of the string|the end)/);
      }
    }),
    RUNS,
  );
});

test("a string that is passed over is refused where one that is read is, in the same words", () => {
  const outcome = (take: (reader: JsonReader) => void, json: string) => {
    try {
      const reader = new JsonReader(json, "text");
      take(reader);
      reader.end();
      return "taken";
    } catch (error) {
      return String(error);
    }
  };
  const cut = fc.tuple(jsonPieces, fc.boolean()).map(([inner, isWhole]) => `"${inner}${isWhole ? '"' : ""}`);
  fc.assert(
    fc.property(cut, (json) => {
      expect(outcome((reader) => reader.readTokens(), json)).toBe(outcome((reader) => void reader.readString(), json));
    }),
    { numRuns: 5_000 },
  );
});

test("the first fault of a string is named, an escape or a character", () => {
  const told = (json: string) => () => new JsonReader(json, "text").readString();
  expect(told('"\\n\\x\u0001"')).toThrow('expected a valid escape, found character "\\\\"');
  expect(told('"\\n\u0001\\x"')).toThrow("expected a character of the string or a closing quote");
  expect(told('"\\u12')).toThrow("expected a valid escape");
  expect(told('"\\n')).toThrow("found the end of the input");
});

test("strings are written as character by character, alone and in lists", () => {
  const text = fc.oneof(
    roughText,
    fc.string({ unit: fc.constantFrom("<", ">", "&", "\u2028", "\u2029", "a", '"', "\ud800", "\u007f", "\u0000") }),
  );
  fc.assert(
    fc.property(
      fc.array(text, { maxLength: 5 }),
      fc.constantFrom("wire" as const, "canonical" as const),
      (texts, form) => {
        for (const one of texts) expect(jsonString(one, form)).toBe(slowJsonString(one, form));
        expect(jsonStrings(texts, form)).toBe(`[${texts.map((one) => slowJsonString(one, form)).join(",")}]`);
      },
    ),
    RUNS,
  );
});

test("canonical JSON is what recursion makes of it", () => {
  const key = fc.string({
    unit: fc.constantFrom("a", "b", '"', "\\", " ", "\u2028", "\ud7ff", "\ue000", "\uffff", "🌳", "\u0000"),
    maxLength: 3,
  });
  const { value } = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom(null, true, false),
      fc.nat(),
      key,
      fc.array(tie("value"), { maxLength: 5 }),
      fc.dictionary(key, tie("value"), { maxKeys: 6, noNullPrototype: true }),
    ),
  }));
  fc.assert(
    fc.property(value, fc.constantFrom(0, 1), (one, indent) => {
      expect(canonicalJson(JSON.stringify(one, null, indent))).toBe(slowCanonical(one));
    }),
    RUNS,
  );
});

test("canonical JSON of many keys, however they are spelt, is what recursion makes of it", () => {
  const unit = fc.constantFrom(
    "a",
    "b",
    '"',
    "\\",
    "/",
    "\n",
    "\u0001",
    "\u2029",
    "\ud7ff",
    "\ud83c",
    "\udf33",
    "\ue000",
    "\uffff",
    "\u0000",
  );
  const spelt = fc
    .array(fc.tuple(unit, fc.constantFrom("plain", "lower", "upper")), { maxLength: 5 })
    .map((units) => units.map(([each, how]) => spelling(each, how)).join(""));
  const beginning = fc.constantFrom("", "", "a", "\\u0000", "\ue000", "🌳", "long".repeat(20));
  const member = fc.tuple(
    beginning,
    spelt,
    fc.oneof(
      fc.constant("0"),
      spelt.map((text) => `"${text}"`),
      fc.constant('{"b":1,"a":[]}'),
    ),
  );
  fc.assert(
    fc.property(fc.array(member, { minLength: 1, maxLength: 200, size: "max" }), (members) => {
      const text = members.map(([begin, key, value]) => `"${begin}${key}":${value}`).join(",");
      // The last of those that are one key counts, and halves of pairs are.
      const values = new Map<string, unknown>();
      for (const [begin, key, value] of members) {
        values.set((JSON.parse(`"${begin}${key}"`) as string).toWellFormed(), JSON.parse(value));
      }
      expect(canonicalJson(`[{${text}},[]]`)).toBe(slowCanonical([Object.fromEntries(values), []]));
    }),
    { numRuns: 200 },
  );
});

/** One unit as it may stand in JSON text. */
function spelling(unit: string, how: string): string {
  const escaped = `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
  if (how !== "plain") return how === "lower" ? escaped : escaped.toUpperCase().replace("U", "u");
  if (unit === "/") return "\\/";
  return unit.isWellFormed() ? JSON.stringify(unit).slice(1, -1) : escaped;
}

test("a list of many thousand elements, and one within another, loses none", () => {
  const many = Array.from({ length: 10_000 }, (_, i) => (i % 1000 === 0 ? ["x".repeat(5_000), i] : i));
  expect(canonicalJson(JSON.stringify([many, many]))).toBe(JSON.stringify([many, many]));
});

test("base64 is decoded as with its line breaks taken out first", () => {
  const text = fc.string({
    unit: fc.constantFrom("A", "b", "9", "+", "/", "=", "\n", "\r", "\u0141", " ", "-"),
    maxLength: 12,
  });
  fc.assert(
    fc.property(
      fc.oneof(
        text,
        fc.uint8Array().map((bytes) => bytes.toBase64().replace(/(.)/g, "$1\n")),
      ),
      (one) => {
        expect(decodeBase64(one)?.toHex()).toBe(slowBase64(one)?.toHex());
      },
    ),
    RUNS,
  );
});

test("what an expression would cut off an end is cut off", () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom("-", "_", "a") }), (text) => {
      expect(trimEnd(text, "-_")).toBe(text.replace(/[-_]+$/, ""));
    }),
  );
});

test("escapes of a URL are bytes of UTF-8, in digits of any case", () => {
  fc.assert(
    fc.property(brokenBytes, fc.boolean(), (bytes, isUpper) => {
      const hex = bytes.toHex().replace(/../g, "%$&");
      expect(unescapePercent(isUpper ? hex.toUpperCase() : hex)).toBe(slowUtf8(bytes));
    }),
  );
});

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { shownJson, shownLine, shownLines } from "../../../src/core/bytes/shown-text.ts";

/** C0, DEL, C1, marks of direction, tags, invisible characters, separators, unpaired surrogates: one of each kind and its edges. */
const HIDDEN = [
  ...["\u0000", "\u0007", "\u001b", "\u001f", "\u007f", "\u0080", "\u009b", "\u009d", "\u009f", "\u00ad", "\u034f"],
  ...["\u061c", "\u115f", "\u180e", "\u200b", "\u200c", "\u200d", "\u200e", "\u200f", "\u2028", "\u2029", "\u202a"],
  ...["\u202e", "\u2060", "\u2064", "\u2066", "\u2069", "\u206f", "\u3164", "\ufe00", "\ufe0f", "\ufeff", "\uffa0"],
  ...["\ufff9", "\ufffb", "\u{1d173}", "\u{e0000}", "\u{e0001}", "\u{e0041}", "\u{e007f}", "\u{e01ef}"],
  ...["\ud800", "\udc00", "\udfff"],
];
const IS_HIDDEN = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\ufff9-\ufffb]/u;

const strange = fc
  .array(fc.oneof(fc.constantFrom(...HIDDEN), fc.string({ unit: "binary", maxLength: 3 })), { maxLength: 40 })
  .map((parts) => parts.join(""));

/** Without pictures, in which joiners and selectors stay. */
const withoutPictures = (text: string) => text.replace(/\p{Extended_Pictographic}|[0-9#*]/gu, "");

describe("JSON for somebody's eyes", () => {
  test("is the same value, with nothing in it that steers a terminal or hides", () => {
    const value = fc.oneof(strange, fc.array(strange), fc.dictionary(strange, strange));
    fc.assert(
      fc.property(value, fc.constantFrom(undefined, 2), (told, indent) => {
        const plain = JSON.stringify(told, null, indent);
        const json = shownJson(plain);
        expect(JSON.parse(json)).toEqual(JSON.parse(plain));
        expect(json.replaceAll("\n", "")).not.toMatch(IS_HIDDEN);
        expect(json).not.toMatch(/[<>&]/);
      }),
    );
  });

  test("writes each code unit as an escape of four digits", () => {
    expect(shownJson('"a\u009bb\u{e0041}c<\u202e"')).toBe('"a\\u009bb\\udb40\\udc41c\\u003c\\u202e"');
    expect(shownJson('{"caf\u00e9":"\u{1f469}\u200d\u{1f680}"}')).toBe('{"café":"👩\\u200d🚀"}');
  });
});

describe("text for somebody's eyes", () => {
  test("has none of it left, over lines or on one", () => {
    fc.assert(
      fc.property(strange.map(withoutPictures), (text) => {
        expect(shownLine(text)).not.toMatch(IS_HIDDEN);
        expect(shownLines(text).replaceAll("\n", "")).not.toMatch(IS_HIDDEN);
        expect(shownLines(text).split("\n")).toHaveLength(text.split("\n").length);
      }),
    );
    for (const char of HIDDEN.filter((each) => each.isWellFormed())) {
      expect(shownLines(`a${char}b`)).toMatch(/^a ?b$/);
    }
    expect(shownLines("a\ud800b")).toBe("a\ufffdb");
  });

  test("keeps pictures of several parts and letters of all scripts, and nothing that hides behind a picture", () => {
    for (const text of ["👩‍👩‍👧‍👦 ❤️ 👍🏽 1️⃣ 🏳️‍🌈", "שלום عليكم 你好", "\u0600\u0661\u06dd", "e\u0301", "a\nb"]) {
      expect(shownLines(text)).toBe(text);
    }
    expect(shownLine("🚀\u200d\u200d\ufe0f\u{e0041}\u{e0042}\u{e007f}x")).toBe("🚀x");
    expect(shownLine("❤\ufe0f\ufe0f\u{e0100}\u{e0101}")).toBe("❤\ufe0f");
    expect(shownLine("a\u200db\ufe0f")).toBe("ab");
  });
});

import { expect, test } from "bun:test";
import fc from "fast-check";
import { decodeUtf8, encodeUtf8 } from "../../../src/core/bytes/utf8.ts";
import { roughText } from "../../support/arbitraries.ts";

const FATAL = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Character by character: the shortest valid sequence, else one U+FFFD for one byte. */
function byTheBook(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; ) {
    const width = [1, 2, 3, 4].find(
      (length) => at + length <= bytes.length && isValid(bytes.subarray(at, at + length)),
    );
    text += width === undefined ? "\ufffd" : FATAL.decode(bytes.subarray(at, at + width));
    at += width ?? 1;
  }
  return text;
}

function isValid(bytes: Uint8Array): boolean {
  try {
    return [...FATAL.decode(bytes)].length === 1;
  } catch {
    return false;
  }
}

/** Bytes that start, continue and break sequences. */
const tricky = fc.array(
  fc.constantFrom(
    0x41,
    0x80,
    0xbf,
    0xc0,
    0xc1,
    0xc2,
    0xdf,
    0xe0,
    0xa0,
    0x9f,
    0xed,
    0xef,
    0xbb,
    0xf0,
    0x90,
    0xf4,
    0x8f,
    0xf5,
    0xff,
  ),
  { maxLength: 24 },
);

test("every byte that belongs to no character becomes one U+FFFD", () => {
  fc.assert(
    fc.property(tricky, (values) => {
      const bytes = Uint8Array.from(values);
      expect(decodeUtf8(bytes)).toBe(byTheBook(bytes));
    }),
    { numRuns: 2_000 },
  );
  expect(decodeUtf8(Uint8Array.of(0x61, 0xe2, 0x82))).toBe("a\ufffd\ufffd");
});

test("text comes back as it was, a byte order mark included, lone surrogates as U+FFFD", () => {
  fc.assert(fc.property(roughText, (text) => expect(decodeUtf8(encodeUtf8(text))).toBe(text.toWellFormed())));
  expect(decodeUtf8(encodeUtf8("\ufeffx"))).toBe("\ufeffx");
});

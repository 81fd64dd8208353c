import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { MessageId } from "../../src/core/ids.ts";
import { addToSum, formatPlace, mootOfPlace, PLACE_LENGTH, type Place, parsePlace } from "../../src/core/place.ts";
import { anyGroupId, anyMessageId } from "../support/arbitraries.ts";
import { expectCode } from "../support/expect-code.ts";

const hex = (bytes: number) => fc.uint8Array({ minLength: bytes, maxLength: bytes }).map((array) => array.toHex());
const anySeq = fc.oneof(fc.constantFrom(0, 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER), fc.maxSafeNat());
const anySum = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const anyPlace: fc.Arbitrary<Place> = fc.record({ moot: hex(8), log: hex(8), seq: anySeq, sum: anySum });

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

describe("a place", () => {
  test("is one text that reads back to it", () => {
    fc.assert(
      fc.property(anyPlace, (place) => {
        const text = formatPlace(place);
        expect(text).toHaveLength(PLACE_LENGTH);
        expect(text).toMatch(/^[A-Za-z0-9_-]+$/);
        expect(parsePlace(text)).toEqual(place);
        expect(formatPlace(parsePlace(text))).toBe(text);
      }),
    );
  });

  test("names its moot, and by its sum the messages up to it, whatever their order", () => {
    fc.assert(
      fc.property(anyGroupId, fc.uniqueArray(anyMessageId, { minLength: 1 }), (groupId, ids) => {
        expect(groupId.startsWith(mootOfPlace(groupId))).toBeTrue();
        const sumOf = (of: readonly MessageId[]) => of.reduce(addToSum, 0);
        expect(sumOf(ids.toReversed())).toBe(sumOf(ids));
        expect(sumOf(ids)).toBeWithin(0, 2 ** 32);
        fc.pre(!ids[0]!.startsWith("00000000"));
        expect(sumOf(ids.slice(1))).not.toBe(sumOf(ids));
      }),
    );
  });

  test("with any one character another is refused", () => {
    const slip = fc.record({ place: anyPlace, at: fc.nat(PLACE_LENGTH - 1), to: fc.nat(63) });
    fc.assert(
      fc.property(slip, ({ at, place, to }) => {
        const text = formatPlace(place);
        fc.pre(text[at] !== ALPHABET[to]);
        expectCode("invalid_argument", () => parsePlace(text.slice(0, at) + ALPHABET[to] + text.slice(at + 1)));
      }),
      { numRuns: 2_000 },
    );
  });

  test("cut, made longer or written in another alphabet is refused", () => {
    const text = formatPlace({ moot: "ff".repeat(8), log: "fb".repeat(8), seq: 3, sum: 0xfbffbfff });
    for (let at = 0; at < text.length; at++) expectCode("invalid_argument", () => parsePlace(text.slice(0, at)));
    for (const bad of [`${text}A`, ` ${text}`, `${text}=`, `${text}\n`, "3", "", "a place", "€".repeat(PLACE_LENGTH)]) {
      expectCode("invalid_argument", () => parsePlace(bad));
    }
    const plain = text.replaceAll("-", "+").replaceAll("_", "/");
    expect(plain).not.toBe(text);
    expectCode("invalid_argument", () => parsePlace(plain));
  });

  test("of another layout, or with a number past 2^53, is refused", () => {
    const bytes = Uint8Array.fromBase64(formatPlace({ moot: "00".repeat(8), log: "00".repeat(8), seq: 0, sum: 0 }), {
      alphabet: "base64url",
    });
    const withByte = (at: number, value: number) => {
      const changed = Uint8Array.from(bytes);
      changed[at] = value;
      let sum = 0;
      for (const byte of changed.subarray(0, -1)) sum = (sum * 31 + byte) & 0xff;
      changed[changed.length - 1] = sum;
      return changed.toBase64({ alphabet: "base64url" });
    };
    expect(parsePlace(withByte(17 + 7, 9)).seq).toBe(9);
    expect(expectCode("invalid_argument", () => parsePlace(withByte(0, 2))).message).toContain("place");
    expect(expectCode("invalid_argument", () => parsePlace(withByte(17, 1))).message).toContain("below 2^53");
  });

  test("in a refusal is shown no longer than it has to be", () => {
    expect(expectCode("invalid_argument", () => parsePlace("x".repeat(10_000))).message.length).toBeLessThan(200);
  });
});

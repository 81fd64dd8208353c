import { expect, test } from "bun:test";
import fc from "fast-check";
import { decodeBase64 } from "../../../src/core/bytes/base64.ts";

test("what was encoded is decoded, line breaks anywhere", () => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.nat({ max: 400 }), (bytes, at) => {
      const text = bytes.toBase64();
      expect(decodeBase64(text)).toEqual(bytes as Uint8Array<ArrayBuffer>);
      expect(decodeBase64(`${text.slice(0, at)}\r\n${text.slice(at)}\n`)).toEqual(bytes as Uint8Array<ArrayBuffer>);
    }),
  );
});

test("unused bits of the last character are ignored", () => {
  expect(decodeBase64("aGVsbG9=")).toEqual(decodeBase64("aGVsbG8=")!);
});

test("anything else is refused", () => {
  for (const text of [
    "aGVsbG8",
    "aGVs bG8=",
    "aGVs\tbG8=",
    "-_-_",
    "aGVsbG8==",
    "aG=sbG8=",
    "====",
    "=",
    "a",
    "A===",
    "AAAA=",
    "\u00e9AAA",
  ]) {
    expect(decodeBase64(text)).toBeUndefined();
  }
});

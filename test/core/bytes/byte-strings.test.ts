import { expect, test } from "bun:test";
import fc from "fast-check";
import { concat, sameBytes } from "../../../src/core/bytes/byte-strings.ts";

const bytes = fc.uint8Array({ maxLength: 3, max: 2 });

test("bytes are the same when they are written the same", () => {
  fc.assert(fc.property(bytes, bytes, (a, b) => expect(sameBytes(a, b)).toBe(a.toHex() === b.toHex())));
  expect(sameBytes(null, new Uint8Array(0))).toBe(false);
});

test("what was joined is written one after the other, and is a copy", () => {
  fc.assert(
    fc.property(fc.array(bytes), (parts) => {
      const whole = concat(...parts);
      expect(whole.toHex()).toBe(parts.map((part) => part.toHex()).join(""));
      for (const part of parts) expect(whole.buffer).not.toBe(part.buffer);
    }),
  );
});

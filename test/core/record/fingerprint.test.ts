import { expect, test } from "bun:test";
import fc from "fast-check";
import { sha256 } from "../../../src/core/bytes/sha256.ts";
import { MessageId } from "../../../src/core/ids.ts";
import { Fingerprint, fingerprintOf, fingerprintTerm } from "../../../src/core/record/fingerprint.ts";
import { anyMessageId } from "../../support/arbitraries.ts";

const ids = fc.array(anyMessageId, { maxLength: 20 });

/** Straight from the definition, with big integers. */
function byTheBook(set: readonly MessageId[]): Uint8Array {
  const sum = set.reduce((total, id) => total + BigInt(`0x${sha256(MessageId.toBytes(id)).toHex()}`), 0n) % 2n ** 256n;
  const count = Buffer.alloc(8);
  count.writeBigUInt64LE(BigInt(set.length));
  return sha256(Buffer.concat([count, Buffer.from(sum.toString(16).padStart(64, "0"), "hex")])).slice(0, 16);
}

test("a fingerprint is the hash of number and sum", () => {
  fc.assert(fc.property(ids, (set) => expect(fingerprintOf(set)).toEqual(byTheBook(set) as never)));
});

test("carries and borrows run through all words", () => {
  const [ones, one] = [new Uint8Array(32).fill(0xff), new Uint8Array(32)];
  one[31] = 1;
  const fingerprint = new Fingerprint();
  for (const term of [ones, one, ones]) fingerprint.addTerm(term);
  for (const term of [one, ones, ones]) fingerprint.removeTerm(term);
  expect(fingerprint.count).toBe(0);
  expect(fingerprint.toBytes()).toEqual(fingerprintOf([]));
});

test("order leaves no trace, and what is taken out was never in", () => {
  fc.assert(
    fc.property(ids, ids, (kept, gone) => {
      const fingerprint = new Fingerprint();
      for (const id of [...gone, ...kept.toReversed()]) fingerprint.add(id);
      for (const id of gone) fingerprint.remove(id);
      expect(fingerprint.toBytes()).toEqual(fingerprintOf(kept));
      expect(fingerprint.count).toBe(kept.length);
    }),
  );
});

test("a range is the difference of two prefixes, and two ranges make one", () => {
  fc.assert(
    fc.property(ids, ids, (left, right) => {
      const [prefix, whole] = [new Fingerprint(), new Fingerprint()];
      for (const id of left) prefix.addTerm(fingerprintTerm(id));
      for (const id of [...left, ...right]) whole.add(id);
      const range = whole.copy();
      range.subtract(prefix);
      expect(range.toBytes()).toEqual(fingerprintOf(right));
      range.merge(prefix);
      expect(range.toBytes()).toEqual(whole.toBytes());
    }),
  );
});

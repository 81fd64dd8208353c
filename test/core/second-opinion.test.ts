import { expect, test } from "bun:test";
import fc from "fast-check";
import { sha256 } from "../../src/core/bytes/sha256.ts";
import { secondOpinion } from "../../src/core/second-opinion.ts";
import { publicKeyOf, sign, verifySignature } from "../../src/core/signature.ts";
import { SIGNATURE_VECTORS } from "../support/signature-vectors.ts";

test("two implementations agree on keys, signatures and hashes", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), fc.uint8Array(), (seed, message) => {
      expect(secondOpinion.publicKeyOf(seed)).toEqual(publicKeyOf(seed));
      expect(secondOpinion.sign(seed, message)).toEqual(sign(seed, message));
      expect(secondOpinion.verify(publicKeyOf(seed), message, sign(seed, message))).toBe(true);
      expect(secondOpinion.sha256(message)).toEqual(sha256(message));
    }),
    { numRuns: 40 },
  );
});

test("the verdict is the network's, also where the other implementation would accept", () => {
  for (const { bytes, key, name, signature, valid } of SIGNATURE_VECTORS) {
    if (key?.length !== 32 || signature?.length !== 64) continue;
    expect({ name, valid: secondOpinion.verify(key, bytes, signature) }).toEqual({ name, valid });
    expect(verifySignature(key, bytes, signature)).toBe(valid);
  }
});

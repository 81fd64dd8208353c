import { expect, test } from "bun:test";
import { sign } from "../../../src/core/signature.ts";
import { type SignedBytes, verifyElsewhere } from "../../../src/node/group/signature-pool.ts";
import { identity } from "../../support/identity.ts";
import { SIGNATURE_VECTORS } from "../../support/signature-vectors.ts";

/** What `n` of three authors signed. */
function signed(n: number): SignedBytes {
  const { publicKey, seed } = identity((n % 3) + 1);
  const bytes = Uint8Array.from({ length: 100 }, (_, at) => n + at);
  return { key: publicKey, bytes, signature: sign(seed, bytes) };
}

const SPOILS: readonly (readonly [string, (item: SignedBytes) => SignedBytes])[] = [
  ["other bytes", (item) => ({ ...item, bytes: item.bytes.map((byte) => byte ^ 1) })],
  ["another signature", (item) => ({ ...item, signature: item.signature.with(0, item.signature[0]! ^ 1) })],
  ["a short signature", (item) => ({ ...item, signature: item.signature.slice(0, 63) })],
  ["a short key", (item) => ({ ...item, key: item.key.slice(0, 31) })],
  ["no key", (item) => ({ ...item, key: new Uint8Array(0) })],
  ["a key that is no point", (item) => ({ ...item, key: new Uint8Array(32).fill(0xff) })],
];

for (const [what, spoiled] of SPOILS) {
  test(`of many signatures looked at together, only the one with ${what} does not hold`, async () => {
    const batch = Array.from({ length: 40 }, (_, n) => signed(n));
    for (const bad of [0, 17, 39]) {
      const answers = await Promise.all(batch.with(bad, spoiled(batch[bad]!)).map(verifyElsewhere));
      expect(answers).toEqual(batch.map((_, n) => n !== bad));
    }
  });
}

test("every recorded signature has the verdict of the original there too", async () => {
  const answers = await Promise.all(SIGNATURE_VECTORS.map(verifyElsewhere));
  for (const [at, { name, valid }] of SIGNATURE_VECTORS.entries()) {
    expect({ name, valid: answers[at]! }).toEqual({ name, valid });
  }
});

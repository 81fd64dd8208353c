import { expect, test } from "bun:test";
import { sign } from "../../../src/core/signature.ts";
import { type SignedBytes, verifyAll } from "../../../src/node/group/signature-pool.ts";
import { identity } from "../../support/identity.ts";

/** What `n` of three authors signed. */
function signed(n: number): SignedBytes {
  const { publicKey, seed } = identity((n % 3) + 1);
  const bytes = Uint8Array.from({ length: 100 }, (_, at) => n + at);
  return { key: publicKey, bytes, signature: sign(seed, bytes) };
}

for (const count of [1, 2, 3, 5, 8, 40]) {
  test(`each of ${count} signatures gets its own answer, wherever in the batch it is checked`, async () => {
    const batch = Array.from({ length: count }, (_, n) => signed(n));
    expect(await verifyAll(batch)).toEqual(batch.map(() => true));
    const spoil: ((item: SignedBytes) => SignedBytes)[] = [
      (item) => ({ ...item, bytes: item.bytes.map((byte) => byte ^ 1) }),
      (item) => ({ ...item, signature: item.signature.with(0, item.signature[0]! ^ 1) }),
      (item) => ({ ...item, signature: item.signature.slice(0, 63) }),
      (item) => ({ ...item, key: item.key.slice(0, 31) }),
      (item) => ({ ...item, key: new Uint8Array(0) }),
      (item) => ({ ...item, key: new Uint8Array(32).fill(0xff) }),
    ];
    for (const [way, spoiled] of spoil.entries()) {
      for (const bad of [0, (count + way) % count, count - 1]) {
        const answers = await verifyAll(batch.with(bad, spoiled(batch[bad]!)));
        expect(answers).toEqual(batch.map((_, n) => n !== bad));
      }
    }
  });
}

test("nothing has no answers", async () => {
  expect(await verifyAll([])).toEqual([]);
});

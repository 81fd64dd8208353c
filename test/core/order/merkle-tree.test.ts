import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { sha256 } from "../../../src/core/bytes/sha256.ts";
import { MerkleRoot, MessageId } from "../../../src/core/ids.ts";
import { MerkleTree, merkleProve, merkleRoot, merkleVerify } from "../../../src/core/order/merkle-tree.ts";

const idOf = (n: number) => MessageId.fromBytes(sha256(new TextEncoder().encode(`id-${n}`)));
const ids = (count: number) => Array.from({ length: count }, (_, i) => idOf(i));

/** The definition, as plainly as it can be written. */
function plainRoot(leaves: readonly MessageId[]): string {
  let layer = leaves.map((id) => sha256(Uint8Array.of(0, ...Uint8Array.fromHex(id))));
  if (layer.length === 0) return MerkleRoot.zero;
  while (layer.length > 1) {
    const above: Uint8Array<ArrayBuffer>[] = [];
    for (let i = 0; i < layer.length; i += 2) {
      const [left, right] = [layer[i]!, layer[i + 1]];
      above.push(right ? sha256(Uint8Array.of(1, ...left, ...right)) : left);
    }
    layer = above;
  }
  return layer[0]!.toHex();
}

describe("the Merkle tree", () => {
  test("has the published root for seven leaves", () => {
    expect(merkleRoot(ids(7)) as string).toBe("2889f800a89e11d1fba7e2b070334bb0e9db4d557dbd167de14e8225f45441c1");
  });

  test("follows its definition at every size up to 130", () => {
    for (let count = 0; count <= 130; count++) expect(merkleRoot(ids(count)) as string).toBe(plainRoot(ids(count)));
  });

  test("gives the same root after any series of changes as when built afresh", () => {
    const change = fc.record({
      at: fc.nat(),
      add: fc.integer({ min: 0, max: 9 }),
      cut: fc.integer({ min: 0, max: 3 }),
    });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 20 }), (changes) => {
        const tree = new MerkleTree();
        let order: number[] = [];
        for (const { at, add, cut } of changes) {
          const from = at % (order.length + 1);
          const added = Array.from({ length: add }, () => tree.add(Uint8Array.fromHex(idOf(tree.count))));
          order = order.toSpliced(from, cut, ...added);
          const expected = plainRoot(order.map(idOf));
          expect(tree.root(Uint32Array.from(order), order.length, from) as string).toBe(expected);
        }
      }),
    );
  });

  test("proves every leaf, and no leaf with another's proof", () => {
    for (const count of [1, 2, 3, 5, 8, 13, 33]) {
      const root = merkleRoot(ids(count));
      for (let i = 0; i < count; i++) {
        const proof = merkleProve(ids(count), idOf(i));
        expect(merkleVerify(root, idOf(i), proof)).toBe(true);
        expect(merkleVerify(root, idOf(count), proof)).toBe(false);
        if (count > 1) expect(merkleVerify(root, idOf(i), { ...proof, index: (i + 1) % count })).toBe(false);
      }
    }
  });

  test("answers false to every malformed proof and never throws", () => {
    const root = merkleRoot(ids(5));
    const proof = merkleProve(ids(5), idOf(2));
    const wrong = [
      { ...proof, index: -1 },
      { ...proof, index: 5 },
      { ...proof, index: 1.5 },
      { ...proof, leaf_count: 0 },
      { ...proof, leaf_count: Number.NaN },
      { ...proof, leaf_count: 2 ** 60 },
      { ...proof, siblings: proof.siblings.slice(1) },
      { ...proof, siblings: [...proof.siblings, new Uint8Array(32)] },
      { ...proof, siblings: proof.siblings.map((s) => s.subarray(1)) },
      { ...proof, siblings: Array.from({ length: 100_000 }, () => new Uint8Array(32)) },
    ];
    for (const malformed of wrong) expect(merkleVerify(root, idOf(2), malformed)).toBe(false);
    fc.assert(
      fc.property(fc.nat({ max: 2 }), fc.nat({ max: 31 }), fc.integer({ min: 1, max: 255 }), (which, at, flip) => {
        const siblings = proof.siblings.map((s) => s.slice());
        siblings[which]![at]! ^= flip;
        expect(merkleVerify(root, idOf(2), { ...proof, siblings })).toBe(false);
      }),
    );
  });

  test("does not find an id that is not a leaf", () => {
    expect(() => merkleProve(ids(5), idOf(9))).toThrow("not in the tree");
  });
});

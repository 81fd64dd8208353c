import { PUBLIC_KEY_BYTES } from "./signature.ts";

/*
 * Points of edwards25519 (RFC 8032, 5.1), as far as it takes to tell a key that somebody can hold from bytes that are none.
 * Signatures are checked elsewhere, by the one rule of the network.
 */

const P = 2n ** 255n - 19n;
const D = 0x52036cee2b6ffe738cc740797779e89800700a4d4141d8ab75eb4dca135978a3n;
/** y of the points of order 8; those of order 1, 2 and 4 have y 1, -1 and 0. */
const ORDER_8 = 0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7n;
const SMALL = new Set([0n, 1n, P - 1n, ORDER_8, P - ORDER_8]);

export type KeyFault = "not_a_point" | "small_order";

/**
 * Why `key`, of 32 bytes, is no key to admit; `undefined` for one that is. Bytes that are no point are nobody's, and with
 * a point of small order anybody signs anything. Costs a fifth of a millisecond.
 */
export function keyFault(key: Uint8Array): KeyFault | undefined {
  if (key.length !== PUBLIC_KEY_BYTES) return "not_a_point";
  const bits = BigInt(`0x${key.toReversed().toHex()}`);
  const y = bits & (2n ** 255n - 1n);
  // What is written otherwise than a signer writes it: as two names of one key it would be two members.
  if (y >= P) return SMALL.has(y - P) ? "small_order" : "not_a_point";
  if (SMALL.has(y)) return "small_order";
  const square = y * y;
  // x² = (y² - 1) / (dy² + 1) has a root exactly if numerator times denominator has one.
  const product = (((square - 1n) % P) * ((D * square + 1n) % P)) % P;
  if (power(product, (P - 1n) / 2n) !== 1n) return "not_a_point";
  return undefined;
}

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  for (let [square, left] = [base, exponent]; left > 0n; left >>= 1n, square = (square * square) % P) {
    if (left & 1n) result = (result * square) % P;
  }
  return result;
}

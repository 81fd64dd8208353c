import * as ed25519 from "@noble/ed25519";
import { sha256 as otherSha256, sha512 } from "@noble/hashes/sha2.js";
import { sameBytes } from "./bytes/byte-strings.ts";
import { sha256 } from "./bytes/sha256.ts";
import { EntmootError } from "./errors.ts";
import { publicKeyOf, sign, verifySignature } from "./signature.ts";

ed25519.hashes.sha512 = sha512;

/**
 * What the runtime's cryptography says, held against another implementation where the two cannot rightly differ: keys,
 * signatures and hashes are the same bytes, and what the network's rule accepts the other accepts too. Never the other
 * way round: it accepts some signatures that the network refuses. Slow, so for proofs and for what happens once. Loaded
 * by whoever needs it, for it costs a start some milliseconds.
 */
export const secondOpinion = {
  /** The public key of a seed, as both derive it. Throws `internal` when they differ. */
  publicKeyOf(seed: Uint8Array): Uint8Array<ArrayBuffer> {
    return agreed("public key", publicKeyOf(seed), derived(seed));
  },

  /** The signature of a seed, as both make it. Throws `internal` when they differ. */
  sign(seed: Uint8Array, message: Uint8Array): Uint8Array<ArrayBuffer> {
    return agreed("signature", sign(seed, message), ed25519.sign(message, seed));
  },

  /** The network's verdict. Throws `internal` when that is yes and the other says no. */
  verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
    const isGood = verifySignature(publicKey, message, signature);
    if (isGood && !ed25519.verify(signature, message, publicKey)) throw differing("verdict on a signature");
    return isGood;
  },

  /** SHA-256, as both compute it. Throws `internal` when they differ. */
  sha256(data: Uint8Array): Uint8Array<ArrayBuffer> {
    return agreed("SHA-256", sha256(data), otherSha256(data));
  },
};

/**
 * The public key of a seed (RFC 8032, 5.1.5). From twice the base point and half the number, modulo the order: for the base
 * point itself the library keeps tables of 10 MB for good, of which a daemon that made its key has no further use.
 */
function derived(seed: Uint8Array): Uint8Array {
  const head = sha512(seed).slice(0, 32);
  head[0]! &= 0b1111_1000;
  head[31] = (head[31]! & 0b0111_1111) | 0b0100_0000;
  const order = ed25519.Point.CURVE().n;
  const number = BigInt(`0x${head.reverse().toHex()}`);
  const half = (order + 1n) / 2n;
  return ed25519.Point.BASE.double()
    .multiply((number * half) % order)
    .toBytes();
}

function agreed(what: string, ours: Uint8Array<ArrayBuffer>, theirs: Uint8Array): Uint8Array<ArrayBuffer> {
  if (!sameBytes(ours, theirs)) throw differing(what);
  return ours;
}

function differing(what: string): EntmootError {
  return new EntmootError(
    "internal",
    `${what}: two implementations differ, so this machine or this executable computes wrongly; install it anew`,
  );
}

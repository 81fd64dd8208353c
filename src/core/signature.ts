import {
  createPrivateKey,
  createPublicKey,
  sign as cryptoSign,
  verify as cryptoVerify,
  type KeyObject,
} from "node:crypto";
import { BoundedMap } from "./bounded-map.ts";
import { sameBytes } from "./bytes/byte-strings.ts";
import { EntmootError } from "./errors.ts";

/** Wire. Ed25519 (RFC 8032) is the one kind of key and signature the network has. */
export const SEED_BYTES = 32;
export const PUBLIC_KEY_BYTES = 32;
export const SIGNATURE_BYTES = 64;

/** The fixed DER headers of an Ed25519 public key and of a seed (RFC 8410). */
const SPKI_HEADER = Uint8Array.fromHex("302a300506032b6570032100");
const PKCS8_HEADER = Uint8Array.fromHex("302e020100300506032b657004220420");

/** Ours. Parsed keys kept; past this the oldest go, and cost one parse (20 µs) when they return. */
const KEYS_MAX = 4096;

/**
 * True when `signature` is `publicKey`'s over `message`, by the one rule of the network: S below
 * the group order, no cofactor, R compared as bytes, A decoded leniently. Never throws; a key or
 * signature that is absent or of the wrong length is false.
 */
export function verifySignature(
  publicKey: Uint8Array | null,
  message: Uint8Array,
  signature: Uint8Array | null,
): boolean {
  // The crypto library throws on some wrong lengths and accepts a 33-byte key.
  if (publicKey?.length !== PUBLIC_KEY_BYTES || signature?.length !== SIGNATURE_BYTES) return false;
  try {
    return cryptoVerify(null, message, publicKeyObject(publicKey), signature);
  } catch {
    // A key that is no point of the curve.
    return false;
  }
}

/** 64 bytes. Throws `invalid_argument` unless `seed` is 32 bytes. */
export function sign(seed: Uint8Array, message: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(cryptoSign(null, message, privateKeyObject(seed)));
}

/** The 32-byte public key of a 32-byte seed. Throws `invalid_argument` on another length. */
export function publicKeyOf(seed: Uint8Array): Uint8Array<ArrayBuffer> {
  const spki = createPublicKey(privateKeyObject(seed)).export({ format: "der", type: "spki" });
  return new Uint8Array(spki.subarray(SPKI_HEADER.length));
}

const publicKeys = new BoundedMap<string, KeyObject>(KEYS_MAX);

/** The parsed form of a 32-byte key. Throws when it is no point of the curve. */
export function publicKeyObject(key: Uint8Array): KeyObject {
  const name = key.toHex();
  let object = publicKeys.get(name);
  if (object === undefined) {
    object = createPublicKey({ key: Buffer.concat([SPKI_HEADER, key]), format: "der", type: "spki" });
    publicKeys.set(name, object);
  }
  return object;
}

/** The seed used last, copied; a daemon signs with one, and parsing it costs as much as a signature. */
let lastSeed: { readonly seed: Uint8Array; readonly object: KeyObject } | undefined;

function privateKeyObject(seed: Uint8Array): KeyObject {
  if (seed.length !== SEED_BYTES) {
    throw new EntmootError("invalid_argument", `signing seed: expected ${SEED_BYTES} bytes, got ${seed.length}`);
  }
  if (lastSeed !== undefined && sameBytes(lastSeed.seed, seed)) return lastSeed.object;
  const object = createPrivateKey({ key: Buffer.concat([PKCS8_HEADER, seed]), format: "der", type: "pkcs8" });
  lastSeed = { seed: seed.slice(), object };
  return object;
}

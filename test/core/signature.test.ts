import { expect, test } from "bun:test";
import * as noble from "@noble/ed25519";
import { sha512 } from "@noble/hashes/sha2.js";
import fc from "fast-check";
import { EntmootError } from "../../src/core/errors.ts";
import { publicKeyOf, sign, verifySignature } from "../../src/core/signature.ts";
import { SIGNATURE_VECTORS } from "../support/signature-vectors.ts";

noble.hashes.sha512 = sha512;

const seed = fc.uint8Array({ minLength: 32, maxLength: 32 });

test("keys and signatures are those of another implementation", () => {
  fc.assert(
    fc.property(seed, fc.uint8Array(), (secret, message) => {
      expect(publicKeyOf(secret)).toEqual(new Uint8Array(noble.getPublicKey(secret)));
      expect(sign(secret, message)).toEqual(new Uint8Array(noble.sign(message, secret)));
    }),
    { numRuns: 40 },
  );
});

test("what was signed verifies, here and elsewhere, and one changed bit does not", () => {
  fc.assert(
    fc.property(seed, fc.uint8Array({ minLength: 1 }), fc.nat(), (secret, message, bit) => {
      const key = publicKeyOf(secret);
      const signature = sign(secret, message);
      expect(verifySignature(key, message, signature)).toBe(true);
      expect(noble.verify(signature, message, key)).toBe(true);
      for (const turned of [flip(message, bit), flip(signature, bit)]) {
        const [changed, by] = turned.length === message.length ? [turned, signature] : [message, turned];
        expect(verifySignature(key, changed, by)).toBe(false);
        expect(noble.verify(by, changed, key)).toBe(false);
      }
    }),
    { numRuns: 40 },
  );
});

function flip(bytes: Uint8Array, bit: number): Uint8Array {
  const turned = bytes.slice();
  turned[(bit >> 3) % bytes.length]! ^= 1 << (bit & 7);
  return turned;
}

test("every recorded signature has the verdict of the original", () => {
  expect(SIGNATURE_VECTORS.length).toBeGreaterThan(100);
  for (const { bytes, key, name, signature, valid } of SIGNATURE_VECTORS) {
    expect({ name, valid: verifySignature(key, bytes, signature) }).toEqual({ name, valid });
  }
});

test("a key or signature that is absent or of the wrong length is no signature", () => {
  const secret = new Uint8Array(32).fill(1);
  const [key, message] = [publicKeyOf(secret), new Uint8Array(5)];
  const signature = sign(secret, message);
  const longer = (bytes: Uint8Array) => Uint8Array.from([...bytes, 0]);
  expect(verifySignature(null, message, signature)).toBe(false);
  expect(verifySignature(key, message, null)).toBe(false);
  expect(verifySignature(longer(key), message, signature)).toBe(false);
  expect(verifySignature(key.subarray(1), message, signature)).toBe(false);
  expect(verifySignature(key, message, longer(signature))).toBe(false);
  expect(verifySignature(key, message, new Uint8Array(0))).toBe(false);
});

test("a seed of another length is refused", () => {
  for (const length of [0, 31, 33, 64]) {
    expect(() => sign(new Uint8Array(length), new Uint8Array(1))).toThrow(EntmootError);
    expect(() => publicKeyOf(new Uint8Array(length))).toThrow(EntmootError);
  }
});

test("an array that is filled with another seed signs with that seed", () => {
  const [message, buffer] = [new Uint8Array(3), new Uint8Array(32).fill(1)];
  const first = publicKeyOf(buffer);
  buffer.fill(2);
  expect(publicKeyOf(buffer)).not.toEqual(first);
  expect(sign(buffer, message)).toEqual(sign(new Uint8Array(32).fill(2), message));
});

test("more keys than are kept still verify", () => {
  const [secret, message] = [new Uint8Array(32).fill(1), new Uint8Array(8)];
  const [key, signature] = [publicKeyOf(secret), sign(secret, message)];
  expect(verifySignature(key, message, signature)).toBe(true);
  for (let i = 0; i < 5_000; i++) {
    const other = Uint8Array.from({ length: 32 }, (_, at) => (at < 2 ? i >> (8 * at) : 9));
    expect(verifySignature(other, message, signature)).toBe(false);
  }
  expect(verifySignature(key, message, signature)).toBe(true);
});

import { expect, test } from "bun:test";
import fc from "fast-check";
import { encodeUtf8 } from "../../src/core/bytes/utf8.ts";
import { EntmootError } from "../../src/core/errors.ts";
import { formatIdentity, identityOf, parseIdentity, readIdentity } from "../../src/core/identity.ts";
import { identity } from "../support/identity.ts";

test("a written identity is the identity read", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (seed) => {
      const pair = identityOf(seed);
      expect(parseIdentity(encodeUtf8(formatIdentity(pair)))).toEqual(pair);
    }),
    { numRuns: 30 },
  );
});

test("the seed read is the caller's own: wiping it spoils no other", () => {
  const seed = new Uint8Array(32).fill(1);
  const pair = identityOf(seed);
  seed.fill(0);
  expect(pair.seed).toEqual(new Uint8Array(32).fill(1));
});

test("a public key that is not the seed's is found out", () => {
  const [a, b] = [identity(1), identity(2)];
  const file = formatIdentity({ seed: a.seed, publicKey: b.publicKey });
  expect(readIdentity(encodeUtf8(file))).toBe("seed_mismatch");
  expect(readIdentity(encodeUtf8(file.replace(b.publicKey.toBase64(), a.publicKey.toBase64())))).toBe("key_mismatch");
});

test("a refusal says what is wrong, never what the file holds", () => {
  const secret = identity(1).seed.toBase64();
  for (const text of ["", "{}", `{"private_key":"${secret}"}`, `{"private_key":"${secret}",`, `["${secret}"]`]) {
    const refuse = () => parseIdentity(encodeUtf8(text));
    expect(refuse).toThrow(EntmootError);
    expect(refuse).toThrow(/^identity file: .*restore it from a backup$/);
    expect(refuse).not.toThrow(secret.slice(0, 8));
  }
});

test("a file far larger than any identity is refused unread", () => {
  expect(readIdentity(new Uint8Array(1024 * 1024).fill(0x20))).toBe("not_json");
});

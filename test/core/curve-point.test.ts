import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as ed25519 from "@noble/ed25519";
import fc from "fast-check";
import { keyFault } from "../../src/core/curve-point.ts";
import { identity } from "../support/identity.ts";

/** What another implementation says of the same bytes. */
function otherFault(key: Uint8Array): string | undefined {
  let point: ed25519.Point;
  try {
    point = ed25519.Point.fromBytes(key);
  } catch {
    return "not_a_point";
  }
  return point.isSmallOrder() ? "small_order" : undefined;
}

describe("a key to admit", () => {
  test("is any that a seed gives", () => {
    for (let n = 0; n < 20; n++) expect(keyFault(identity(n).publicKey)).toBeUndefined();
  });

  test("is what another implementation takes for a point of large order, of any bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (key) => {
        expect(keyFault(key)).toBe(otherFault(key) as never);
      }),
      { numRuns: 300 },
    );
  });

  test("is no point of small order, however it is written", () => {
    const file = readFileSync(join(import.meta.dir, "../vectors/ed25519.json"), "utf8");
    const names = [...file.matchAll(/"name":"verify\/small-order-[^"]*".*?"public_key":"([0-9a-f]{64})"/g)];
    const keys = new Set(names.map(([, key]) => key!));
    expect(keys.size).toBeGreaterThanOrEqual(4);
    const p = 2n ** 255n - 19n;
    // y of 0 and 1 with p added, with either sign of x.
    for (const y of [0n, 1n, p - 1n, p, p + 1n]) {
      for (const sign of [0n, 1n]) {
        const bytes = Uint8Array.fromHex(((sign << 255n) | y).toString(16).padStart(64, "0")).toReversed();
        keys.add(bytes.toHex());
      }
    }
    for (const key of keys) expect([key, keyFault(Uint8Array.fromHex(key))]).toEqual([key, "small_order"]);
  });

  test("has 32 bytes", () => {
    for (const length of [0, 31, 33]) expect(keyFault(new Uint8Array(length))).toBe("not_a_point");
  });
});

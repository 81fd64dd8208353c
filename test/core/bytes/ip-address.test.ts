import { describe, expect, test } from "bun:test";
import { isIP } from "node:net";
import fc from "fast-check";
import { isIpv4, isIpv6 } from "../../../src/core/bytes/ip-address.ts";

describe("an ip address", () => {
  test("is told as the platform tells it", () => {
    const almost = fc.stringMatching(/^[0-9a-f:.]{0,24}$/);
    const text = fc.oneof(fc.ipV4(), fc.ipV6(), almost, fc.constantFrom("", "::", "1::", "::1.2.3.4", "1.2.3.4::"));
    fc.assert(
      fc.property(text, (address) => {
        expect(isIpv4(address)).toBe(isIP(address) === 4);
        expect(isIpv6(address)).toBe(isIP(address) === 6);
      }),
      { numRuns: 3000 },
    );
  });

  test("has no zone, brackets or blanks", () => {
    for (const other of ["fe80::1%eth0", "[::1]", " ::1", "::1\n", "1.2.3.4 "]) {
      expect(isIpv4(other) || isIpv6(other)).toBe(false);
    }
  });
});

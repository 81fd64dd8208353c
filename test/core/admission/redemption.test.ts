import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  challengesMax,
  type OpenInviteRecord,
  openInviteStatus,
  type Redemption,
  redeem,
  release,
} from "../../../src/core/admission/redemption.ts";

const NOW = 1_700_000_000_000;
const record = { maxUses: 2, useCount: 0, revoked: false, expiresAtMs: NOW + 1000 };

describe("redeeming an open invite", () => {
  test("never counts more uses than allowed, nor one redeemer twice, and gives back what was released", () => {
    const step = fc.record({ who: fc.nat({ max: 6 }), op: fc.constantFrom("redeem", "redeem", "release", "complete") });
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4 }), fc.array(step, { maxLength: 60 }), (maxUses, steps) => {
        let current: OpenInviteRecord = { ...record, maxUses };
        const held = new Map<number, Redemption>();
        for (const { who, op } of steps) {
          const existing = held.get(who);
          if (op === "release") {
            current = release(current, existing);
            held.delete(who);
          } else if (op === "complete") {
            if (existing) held.set(who, { result: `${who}` });
          } else {
            const outcome = redeem(current, existing, NOW);
            if (outcome.kind === "new") {
              expect(existing).toBeUndefined();
              current = outcome.record;
              held.set(who, outcome.redemption);
            } else if (outcome.kind === "replay") expect(outcome.redemption).toBe(existing!);
            else expect(maxUses > 0 && held.size === maxUses).toBe(true);
          }
          expect(current.useCount).toBe(held.size);
          if (maxUses > 0) expect(current.useCount).toBeLessThanOrEqual(maxUses);
        }
      }),
    );
  });

  test("is refused once revoked or expired, to those who redeemed before as well", () => {
    const existing = { result: "r" };
    expect(redeem({ ...record, revoked: true }, existing, NOW).kind).toBe("revoked");
    expect(redeem(record, existing, NOW + 1000).kind).toBe("expired");
    expect(redeem(record, existing, NOW + 999).kind).toBe("replay");
    expect(openInviteStatus({ ...record, revoked: true, useCount: 2 }, NOW + 1000)).toBe("revoked");
  });

  test("has between 8 and 128 challenges open at once", () => {
    fc.assert(
      fc.property(fc.nat({ max: 200 }), fc.nat({ max: 300 }), (maxUses, useCount) => {
        const most = challengesMax({ ...record, maxUses, useCount });
        expect(most >= 8 && most <= 128).toBe(true);
      }),
    );
  });
});

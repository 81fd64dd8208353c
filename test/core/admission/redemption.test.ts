import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  challengesMax,
  deadReason,
  type Redeemable,
  redeem,
  redeemableStatus,
  release,
  USES_MAX,
} from "../../../src/core/admission/redemption.ts";
import { later, unixMs } from "../../../src/core/clock.ts";

const NOW = unixMs(1_700_000_000_000);
const link = { uses: 2, used: 0, revoked: false, expires_at_ms: NOW + 1000 };
const [first, again] = [
  { repeated: false, nowMs: NOW },
  { repeated: true, nowMs: NOW },
];

describe("redeeming a link", () => {
  test("never counts more uses than allowed, nor one redeemer twice, and gives back what was released", () => {
    const step = fc.record({ who: fc.nat({ max: 6 }), op: fc.constantFrom("redeem", "redeem", "release") });
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4 }), fc.array(step, { maxLength: 60 }), (uses, steps) => {
        let current: Redeemable = { ...link, uses };
        const held = new Set<number>();
        for (const { who, op } of steps) {
          if (op === "release") {
            if (held.delete(who)) current = release(current);
          } else {
            const outcome = redeem(current, { repeated: held.has(who), nowMs: NOW });
            if (outcome.kind === "redeemed") {
              expect(outcome.repeated).toBe(held.has(who));
              current = outcome.link;
              held.add(who);
            } else expect(uses > 0 && held.size === uses && !held.has(who)).toBe(true);
          }
          expect(current.used).toBe(held.size);
          if (uses > 0) expect(current.used).toBeLessThanOrEqual(uses);
        }
      }),
    );
  });

  test("is refused once revoked or expired, to those who redeemed before as well", () => {
    expect(redeem({ ...link, revoked: true }, again)).toEqual({ kind: "refused", reason: "revoked" });
    expect(redeem(link, { ...again, nowMs: later(NOW, 1000) })).toEqual({ kind: "refused", reason: "expired" });
    expect(redeem(link, { ...again, nowMs: later(NOW, 999) })).toEqual({ kind: "redeemed", repeated: true, link });
    expect(redeemableStatus({ ...link, revoked: true, used: 2 }, later(NOW, 1000))).toBe("revoked");
    expect(redeemableStatus({ ...link, used: 2 }, later(NOW, 1000))).toBe("expired");
    expect(redeemableStatus({ ...link, used: 2 }, NOW)).toBe("used_up");
    expect(deadReason({ ...link, used: 2 }, NOW)).toBeUndefined();
  });

  test("without a limit of uses it is used up at 65,536, and then says so", () => {
    const door = { ...link, uses: 0, used: USES_MAX - 1 };
    expect(redeemableStatus(door, NOW)).toBe("active");
    const full = { ...door, used: USES_MAX };
    expect(redeem(door, first)).toEqual({ kind: "redeemed", repeated: false, link: full });
    expect(redeem(full, first)).toEqual({ kind: "refused", reason: "used_up" });
    expect(redeem(full, again)).toMatchObject({ kind: "redeemed", repeated: true });
    expect(redeemableStatus(full, NOW)).toBe("used_up");
  });

  test("what was never used has nothing to give back", () => {
    expect(release(link)).toEqual(link);
  });

  test("has between 8 and 128 challenges open at once", () => {
    fc.assert(
      fc.property(fc.nat({ max: 200 }), fc.nat({ max: 300 }), (uses, used) => {
        const most = challengesMax({ ...link, uses, used });
        expect(most >= 8 && most <= 128).toBe(true);
      }),
    );
  });
});

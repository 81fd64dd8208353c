import { expect, test } from "bun:test";
import fc from "fast-check";
import { unixMs } from "../../../src/core/clock.ts";
import { type Charging, ContentLimiter } from "../../../src/core/policy/content-limiter.ts";
import { POLICY_PRESETS } from "../../../src/core/policy/policy.ts";
import { RateLedger } from "../../../src/core/policy/rate-ledger.ts";

const START = 1_800_000_000_000;
const policy = { ...POLICY_PRESETS.standard, message_burst_per_author: 3n };

test("what is foreseen is what charging then says, and costs nothing", () => {
  const step = fc.record({
    afterMs: fc.integer({ min: 0, max: 20_000 }),
    datedMs: fc.constantFrom(0, -1_000, -3_600_000, 60_000),
    bytes: fc.constantFrom(1, 1_000, 60_000, 400_000),
    looks: fc.integer({ min: 0, max: 3 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const limiter = new ContentLimiter(policy);
      const ledger = new RateLedger(() => ({ messages: 0, bytes: 0 }));
      let now = START;
      for (const { afterMs, bytes, datedMs, looks } of steps) {
        now += afterMs;
        const message = { author: "1", bytes, timestamp: BigInt(now + datedMs), isUpdate: false };
        const charging: Charging = { now: unixMs(now), admitted: 0, dated: policy, ledger };
        const foreseen = Array.from({ length: looks + 1 }, () => limiter.foresee(message, charging));
        const charged = limiter.charge(message, charging);
        for (const each of foreseen) expect(each?.retryAtMs).toBe(charged?.retryAtMs);
      }
    }),
  );
});

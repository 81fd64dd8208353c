import { describe, expect, test } from "bun:test";
import { unixMs } from "../../../src/core/clock.ts";
import { AUTHORS_MAX, ContentLimiter, type MessageUnderPolicy } from "../../../src/core/policy/content-limiter.ts";
import { POLICY_PRESETS } from "../../../src/core/policy/policy.ts";

const NOW = unixMs(1_700_000_000_000);
const DAY = 24 * 60 * 60 * 1000;
const AT = { now: NOW, oldest: BigInt(NOW - 30 * DAY) };
const candidate = (change: Partial<MessageUnderPolicy> = {}): MessageUnderPolicy => ({
  author: "a",
  contentBytes: 10,
  timestamp: BigInt(NOW),
  isUpdate: false,
  ...change,
});

describe("the content limiter", () => {
  test("refuses too old messages at no cost to their author", () => {
    const limiter = new ContentLimiter(POLICY_PRESETS.standard);
    for (let i = 0; i < 50; i++) {
      const old = BigInt(NOW - 30 * DAY - 1);
      expect(limiter.admit(candidate({ timestamp: old }), AT)?.reason).toBe("too_old");
    }
    for (let i = 0; i < 12; i++) expect(limiter.admit(candidate({ contentBytes: 8192 }), AT)).toBeUndefined();
  });

  test("keeps what is exactly as old as retention allows, and anything while nobody knows what is too old", () => {
    const limiter = new ContentLimiter(POLICY_PRESETS.standard);
    expect(limiter.admit(candidate({ timestamp: AT.oldest }), AT)).toBeUndefined();
    expect(limiter.admit(candidate({ timestamp: -(2n ** 63n) }), { now: NOW, oldest: undefined })).toBeUndefined();
  });

  test("counts by author, and says when a refused message may be tried again", () => {
    const limiter = new ContentLimiter(POLICY_PRESETS.standard);
    for (let i = 0; i < 12; i++) expect(limiter.admit(candidate(), AT)).toBeUndefined();
    const refusal = limiter.admit(candidate(), AT);
    expect(refusal).toMatchObject({ reason: "rate_limited", retryAtMs: NOW + 10_000 });
    expect(limiter.admit(candidate({ author: "b" }), AT)).toBeUndefined();
    expect(limiter.admit(candidate(), { ...AT, now: unixMs(refusal!.retryAtMs!) })).toBeUndefined();
  });

  test("lets the founder replace a policy as often as it likes, and others tell it for ever", () => {
    const limiter = new ContentLimiter(POLICY_PRESETS.standard);
    const update = candidate({ isUpdate: true, contentBytes: 1000, timestamp: 0n });
    for (let i = 0; i < 100; i++) expect(limiter.admit(update, AT)).toBeUndefined();
    expect(limiter.admit({ ...update, isUpdate: false }, AT)?.reason).toBe("too_old");
  });

  test("takes the widest policy there is", () => {
    const most = 2n ** 63n - 1n;
    const limiter = new ContentLimiter({
      ...POLICY_PRESETS.standard,
      byte_burst_per_author: most,
      max_message_bytes: most,
      retention_days: most,
    });
    expect(
      limiter.admit(candidate({ contentBytes: 2 ** 40, timestamp: -(2n ** 63n) }), { now: NOW, oldest: undefined }),
    ).toBeUndefined();
  });

  test("is not made of an invalid policy", () => {
    expect(() => new ContentLimiter({ ...POLICY_PRESETS.standard, retention_days: 0n })).toThrow("retention_days");
  });

  test("remembers a bounded number of authors", () => {
    const limiter = new ContentLimiter(POLICY_PRESETS.standard);
    for (let i = 0; i < 12; i++) limiter.admit(candidate({ author: "first" }), AT);
    for (let i = 0; i < AUTHORS_MAX; i++) limiter.admit(candidate({ author: `${i}` }), AT);
    expect(limiter.admit(candidate({ author: "first" }), AT)).toBeUndefined();
  });
});

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { later, type UnixMs, unixMs } from "../../../src/core/clock.ts";
import {
  AUTHORS_MAX,
  type Charging,
  ContentLimiter,
  type MessageUnderPolicy,
} from "../../../src/core/policy/content-limiter.ts";
import { POLICY_PRESETS, type Policy } from "../../../src/core/policy/policy.ts";
import { RateLedger } from "../../../src/core/policy/rate-ledger.ts";

const NOW = unixMs(1_700_000_000_000);
const DAY = 24 * 60 * 60 * 1000;
const OLDEST = BigInt(NOW - 30 * DAY);
const candidate = (change: Partial<MessageUnderPolicy> = {}): MessageUnderPolicy => ({
  author: "a",
  bytes: 10,
  timestamp: BigInt(NOW),
  isUpdate: false,
  ...change,
});

/** A limiter whose store holds nothing but what it let in. */
function world(policy: Policy = POLICY_PRESETS.standard) {
  const limiter = new ContentLimiter(policy);
  const ledger = new RateLedger(() => ({ messages: 0, bytes: 0 }));
  const charge = (message: Partial<MessageUnderPolicy> = {}, charging: Partial<Charging> = {}) =>
    limiter.charge(candidate(message), { now: NOW, admitted: NOW - 365 * DAY, dated: policy, ledger, ...charging });
  const count = (messages: readonly Partial<MessageUnderPolicy>[], now: UnixMs = NOW) =>
    messages.filter((message) => charge(message, { now }) === undefined).length;
  return { limiter, charge, count };
}

describe("the content limiter", () => {
  test("keeps what is exactly as old as retention allows, and anything while nobody knows what is too old", () => {
    const { limiter } = world();
    expect(limiter.screen(candidate({ timestamp: OLDEST }), OLDEST)).toBeUndefined();
    expect(limiter.screen(candidate({ timestamp: OLDEST - 1n }), OLDEST)?.reason).toBe("too_old");
    expect(limiter.screen(candidate({ timestamp: 0n, isUpdate: true }), OLDEST)).toBeUndefined();
    expect(limiter.screen(candidate({ timestamp: -(2n ** 63n) }), undefined)).toBeUndefined();
  });

  test("counts by author, and says when a refused message may be tried again", () => {
    const { charge } = world();
    for (let i = 0; i < 12; i++) expect(charge()).toBeUndefined();
    const refusal = charge();
    expect(refusal).toMatchObject({ reason: "rate_limited", retryAtMs: NOW + 10_000 });
    expect(charge({ author: "b" })).toBeUndefined();
    expect(charge({}, { now: unixMs(refusal!.retryAtMs!) })).toBeUndefined();
  });

  test("charges what comes late by its own date, and what does not fit there now", () => {
    const { count } = world();
    const hourAgo = Array.from({ length: 500 }, () => ({ timestamp: BigInt(NOW - 2 * 3_600_000) }));
    expect(count([{}])).toBe(1);
    // What an hour gives, a burst, and what is left for now.
    expect(count(hourAgo)).toBe(6 * 60 + 12 + 11);
    expect(count([{}])).toBe(0);
  });

  test("gives nothing at dates before its author was admitted, and charges what lies ahead now", () => {
    const { charge } = world();
    const early = { timestamp: BigInt(NOW - 400 * DAY) };
    const ahead = { timestamp: BigInt(NOW + 400 * DAY) };
    for (let i = 0; i < 6; i++) expect([charge(early), charge(ahead)]).toEqual([undefined, undefined]);
    expect([charge(early), charge(ahead)]).toMatchObject([{ reason: "rate_limited" }, { reason: "rate_limited" }]);
  });

  test("lets in at once what an author wrote within its rates, whatever its size and in whatever order it comes late", () => {
    const anyWriting = fc.array(
      fc.record({
        pauseMs: fc.constantFrom(0, 0, 0, 5_000, 10_000, 60_000, 7_200_000),
        bytes: fc.nat({ max: 300_000 }),
      }),
      { maxLength: 80 },
    );
    fc.assert(
      fc.property(anyWriting, fc.infiniteStream(fc.nat()), (writing, random) => {
        // What its own node lets it write.
        const author = world();
        let at = NOW as UnixMs;
        const written: Partial<MessageUnderPolicy>[] = [];
        for (const { bytes, pauseMs } of writing) {
          at = later(at, pauseMs);
          const message = { bytes, timestamp: BigInt(at) };
          if (author.charge(message, { now: at }) === undefined) written.push(message);
        }
        const day = later(at, DAY);
        const late = written.map((message) => ({ message, rank: random.next().value })).sort((a, b) => a.rank - b.rank);
        expect(world().count(written, day)).toBe(written.length);
        expect(world().count([{ timestamp: BigInt(day) }, ...late.map(({ message }) => message)], day)).toBe(
          written.length + 1,
        );
      }),
    );
  });

  test("takes the widest policy there is", () => {
    const most = 2n ** 63n - 1n;
    const { charge } = world({
      ...POLICY_PRESETS.standard,
      byte_burst_per_author: most,
      max_message_bytes: most,
      retention_days: most,
    });
    expect(charge({ bytes: 2 ** 40, timestamp: -(2n ** 63n) })).toBeUndefined();
  });

  test("is not made of an invalid policy", () => {
    expect(() => new ContentLimiter({ ...POLICY_PRESETS.standard, retention_days: 0n })).toThrow("retention_days");
  });

  test("remembers a bounded number of authors", () => {
    const { charge } = world();
    for (let i = 0; i < 12; i++) charge({ author: "first" });
    for (let i = 0; i < AUTHORS_MAX; i++) charge({ author: `${i}` });
    expect(charge({ author: "first" })).toBeUndefined();
  });
});

import { expect, test } from "bun:test";
import { steadyMs } from "../../src/core/clock.ts";
import { MACHINE_DEFAULTS as config } from "../../src/machine/machine-config.ts";
import { RateLimit } from "../../src/machine/rate-limit.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { node } from "./group.ts";

const MIB = 1024 * 1024;
const limited = {
  ...config,
  rateLimit: {
    framesPerSecond: 100,
    framesBurst: 200,
    bytesPerSecond: MIB,
    bytesBurst: 4 * MIB,
    peersMax: 50,
  },
};

test("a burst passes, then frames pass at the rate", () => {
  const limit = new RateLimit(limited);
  for (let i = 0; i < 200; i++) expect(limit.spend(node(1), 100, steadyMs(0))).toEqual({ allowed: true });
  expect(limit.spend(node(1), 100, steadyMs(0))).toEqual({ allowed: false, retryAfterMs: 10 });
  expect(limit.spend(node(2), 100, steadyMs(0))).toEqual({ allowed: true });
  expect(limit.spend(node(1), 100, steadyMs(10))).toEqual({ allowed: true });
});

test("bytes count, and a refusal spends no frame", () => {
  const limit = new RateLimit(limited);
  expect(limit.spend(node(1), 4 * MIB, steadyMs(0))).toEqual({ allowed: true });
  for (let i = 0; i < 500; i++)
    expect(limit.spend(node(1), MIB, steadyMs(0))).toEqual({ allowed: false, retryAfterMs: 1_000 });
  expect(limit.spend(node(1), MIB, steadyMs(1_000))).toEqual({ allowed: true });
});

test("a frame larger than the burst passes once the burst is full", () => {
  const limit = new RateLimit(limited);
  expect(limit.spend(node(1), 16 * MIB, steadyMs(0))).toEqual({ allowed: true });
  expect(limit.spend(node(1), 16 * MIB, steadyMs(0))).toEqual({ allowed: false, retryAfterMs: 4_000 });
});

test("the number of peers is bounded", () => {
  const limit = new RateLimit(limited);
  for (let n = 0; n < limited.rateLimit.peersMax + 10; n++) limit.spend(node(n), 1, steadyMs(0));
  expect(limit.size).toBe(limited.rateLimit.peersMax);
});

test("a date is refused where machines want an instant for waits", () => {
  const clock = new ManualClock(1_000);
  const limit = new RateLimit(config);
  expect(limit.spend(node(1), 1, clock.steady())).toEqual({ allowed: true });
  // @ts-expect-error
  expect(limit.spend(node(1), 1, clock.unix())).toEqual({ allowed: true });
});

import { expect, test } from "bun:test";
import { ORIGINAL_PEER_LIMITS, RATE_PEERS_MAX, RateLimit } from "../../src/machine/rate-limit.ts";
import { node } from "./group.ts";

test("a burst passes, then frames pass at the rate", () => {
  const limit = new RateLimit(ORIGINAL_PEER_LIMITS);
  for (let i = 0; i < 200; i++) expect(limit.take(node(1), 100, 0)).toEqual({ allowed: true });
  expect(limit.take(node(1), 100, 0)).toEqual({ allowed: false, retryAfterMs: 10 });
  expect(limit.take(node(2), 100, 0)).toEqual({ allowed: true });
  expect(limit.take(node(1), 100, 10)).toEqual({ allowed: true });
});

test("bytes count, and a refusal takes no frame", () => {
  const limit = new RateLimit(ORIGINAL_PEER_LIMITS);
  const mib = 1024 * 1024;
  expect(limit.take(node(1), 4 * mib, 0)).toEqual({ allowed: true });
  for (let i = 0; i < 500; i++) expect(limit.take(node(1), mib, 0)).toEqual({ allowed: false, retryAfterMs: 1_000 });
  expect(limit.take(node(1), mib, 1_000)).toEqual({ allowed: true });
});

test("a frame larger than the burst passes once the burst is full", () => {
  const limit = new RateLimit(ORIGINAL_PEER_LIMITS);
  expect(limit.take(node(1), 16 * 1024 * 1024, 0)).toEqual({ allowed: true });
  expect(limit.take(node(1), 16 * 1024 * 1024, 0)).toEqual({ allowed: false, retryAfterMs: 4_000 });
});

test("the number of peers is bounded", () => {
  const limit = new RateLimit(ORIGINAL_PEER_LIMITS);
  for (let n = 0; n < RATE_PEERS_MAX + 10; n++) limit.take(node(n), 1, 0);
  expect(limit.size).toBe(RATE_PEERS_MAX);
});

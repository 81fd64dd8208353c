import { beforeEach, expect, test } from "bun:test";
import { steadyMs } from "../../src/core/clock.ts";
import type { PublicKey } from "../../src/core/ids.ts";
import type { Effect, SendEffect } from "../../src/machine/effect.ts";
import type { NetworkFailure } from "../../src/machine/event.ts";
import { MACHINE_DEFAULTS as config } from "../../src/machine/machine-config.ts";
import { SeededRandom } from "../../src/machine/random.ts";
import { RetryQueue } from "../../src/machine/retry-queue.ts";
import { acts, id, ids, members, node } from "./group.ts";

const partners = { isMember: (peer: PublicKey) => members(4).has(peer), isSmall: true };
let queue: RetryQueue;

beforeEach(() => {
  partners.isSmall = true;
  queue = new RetryQueue({ random: new SeededRandom(1), partners, config });
});

const push: SendEffect = { kind: "push", to: node(1), ids: [id(1)] };
const fail = (effect: SendEffect, nowMs: number, failure: NetworkFailure = "unreachable"): Effect[] =>
  queue.handle({ kind: "failed", effect, failure }, steadyMs(nowMs));
const wake = (nowMs: number): Effect[] => acts(queue.handle({ kind: "timer", timer: "retry" }, steadyMs(nowMs)));
const waitOf = (effects: readonly Effect[]): number => {
  const [effect] = effects;
  return effect?.kind === "schedule" ? effect.afterMs : Number.NaN;
};

test("a failed push is sent again after exactly a second, then after 1 s to 60 s, ten times in all", () => {
  let nowMs = 0;
  let effects = fail(push, nowMs);
  expect(waitOf(effects)).toBe(config.retryQueue.delayMinMs);
  for (let attempt = 2; attempt <= config.retryQueue.attemptsMax; attempt++) {
    nowMs += waitOf(effects);
    expect(wake(nowMs - 1)).toEqual([]);
    expect(wake(nowMs)).toEqual([push]);
    effects = fail(push, nowMs);
    if (attempt === config.retryQueue.attemptsMax) break;
    expect(waitOf(effects)).toBeGreaterThanOrEqual(config.retryQueue.delayMinMs);
    expect(waitOf(effects)).toBeLessThanOrEqual(config.retryQueue.delayMaxMs);
  }
  expect(effects).toEqual([{ kind: "report", report: { what: "retries_exhausted", effect: push } }]);
  expect(queue.size).toBe(0);
});

test("a refusal by the dial back-off is no attempt", () => {
  let nowMs = 0;
  fail(push, nowMs);
  for (let i = 0; i < 5 * config.retryQueue.attemptsMax; i++) {
    nowMs += config.retryQueue.delayMaxMs;
    expect(wake(nowMs)).toEqual([push]);
    fail(push, nowMs, "backoff");
  }
  expect(queue.size).toBe(1);
});

test("what a peer refuses is not sent again", () => {
  fail(push, 0, "refused");
  expect(queue.size).toBe(0);
});

test("messages due for one peer travel together", () => {
  for (let n = 1; n <= 3; n++) fail({ kind: "push", to: node(1), ids: [id(n)] }, n);
  fail({ kind: "push_roster", to: node(2) }, 3);
  expect(wake(2_000)).toEqual([
    { kind: "push", to: node(1), ids: ids(1, 3) },
    { kind: "push_roster", to: node(2) },
  ]);
});

test("in a large group a body that failed is only offered again", () => {
  partners.isSmall = false;
  fail(push, 0);
  expect(wake(1_000)).toEqual([{ kind: "ihave", to: node(1), ids: [id(1)] }]);
});

test("a send that arrived is forgotten, and so is a member that left", () => {
  fail(push, 0);
  wake(1_000);
  wake(200_000);
  expect(queue.size).toBe(0);
  fail(push, 300_000);
  queue.handle({ kind: "members", members: members(1) }, steadyMs(300_001));
  expect(queue.size).toBe(0);
});

test("the queue is bounded", () => {
  fail({ kind: "push", to: node(1), ids: ids(0, config.retryQueue.entriesMax + 100) }, 0);
  expect(queue.size).toBe(config.retryQueue.entriesMax);
});

import { expect, test } from "bun:test";
import { steadyMs } from "../../src/core/clock.ts";
import type { Invite } from "../../src/core/record/records.ts";
import { MACHINE_DEFAULTS as config } from "../../src/machine/machine-config.ts";
import { Redeem, type RedeemEffect } from "../../src/machine/redeem.ts";

const kinds = (effects: readonly RedeemEffect[]): string[] => effects.map(({ kind }) => kind);

test("the issuer is asked again and again while it is away, saying so, until it answers", () => {
  const redeem = new Redeem({ deadlineMs: steadyMs(60_000), config });
  expect(kinds(redeem.handle({ kind: "start" }, steadyMs(0)))).toEqual(["schedule", "progress", "ask_issuer"]);
  let nowMs = 0;
  for (const afterMs of [500, 1_000, 2_000, 4_000, 5_000, 5_000]) {
    const effects = redeem.handle({ kind: "unreachable", detail: "no route" }, steadyMs(nowMs));
    expect(effects).toEqual([
      expect.objectContaining({ kind: "progress", stage: "waiting" }),
      { kind: "schedule", afterMs },
    ]);
    expect(redeem.handle({ kind: "timer" }, steadyMs(nowMs + afterMs - 1))).toEqual([]);
    nowMs += afterMs;
    expect(kinds(redeem.handle({ kind: "timer" }, steadyMs(nowMs)))).toEqual(["progress", "ask_issuer"]);
  }
  const redeemed = { invite: {} as Invite, name: "council" };
  expect(redeem.handle({ kind: "redeemed", ...redeemed }, steadyMs(nowMs))).toContainEqual({
    kind: "invited",
    ...redeemed,
  });
  expect(redeem.handle({ kind: "timer" }, steadyMs(60_000))).toEqual([]);
});

test("a refusal ends it at once", () => {
  const redeem = new Redeem({ deadlineMs: steadyMs(60_000), config });
  redeem.handle({ kind: "start" }, steadyMs(0));
  const refused = { code: "expired", message: "the link has expired" } as const;
  expect(redeem.handle({ kind: "refused", ...refused }, steadyMs(10))).toEqual([{ kind: "failed", ...refused }]);
});

test("the deadline ends it, also while an answer is awaited", () => {
  const redeem = new Redeem({ deadlineMs: steadyMs(1_000), config });
  redeem.handle({ kind: "start" }, steadyMs(0));
  expect(redeem.handle({ kind: "timer" }, steadyMs(1_000))).toEqual([
    expect.objectContaining({ kind: "failed", code: "unavailable" }),
  ]);
});

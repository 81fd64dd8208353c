import { expect, test } from "bun:test";
import { steadyMs } from "../../src/core/clock.ts";
import { MACHINE_DEFAULTS } from "../../src/machine/machine-config.ts";
import { StrangerLimit } from "../../src/machine/rate-limit.ts";
import { WorkLimit } from "../../src/machine/work-limit.ts";
import { node } from "./group.ts";

const work = { ...MACHINE_DEFAULTS.work, perSecondMs: 100, burstMs: 500, allPerSecondMs: 200, allBurstMs: 1_000 };
const limited = { ...MACHINE_DEFAULTS, work: { ...work, surePerSecondMs: 1, sureBurstMs: 10 } };
const NOW = steadyMs(0);
const allowed = { allowed: true } as const;
const after = (retryAfterMs: number) => ({ allowed: false, retryAfterMs });

test("a member spends its burst, then as much as comes back; what costs more than the burst costs the burst", () => {
  const limit = new WorkLimit(limited);
  expect(limit.spend(node(1), 9_000, NOW)).toEqual(allowed);
  expect(limit.spend(node(1), 50, NOW)).toEqual(after(500));
  expect(limit.spend(node(2), 50, NOW)).toEqual(allowed);
  expect(limit.spend(node(1), 50, steadyMs(500))).toEqual(allowed);
});

test("past what all may spend a member still has its own little, and a refusal spends nothing", () => {
  const limit = new WorkLimit(limited);
  for (const n of [1, 2]) expect(limit.spend(node(n), 500, NOW)).toEqual(allowed);
  for (let n = 0; n < 100; n++) expect(limit.spend(node(3), 500, NOW)).toEqual(after(2_500));
  expect(limit.spend(node(3), 10, NOW)).toEqual(allowed);
  expect(limit.spend(node(3), 10, NOW)).toEqual(after(50));
  expect(limit.spend(node(3), 490, steadyMs(2_450))).toEqual(allowed);
});

test("a stranger has little, and all strangers together have little", () => {
  const strangers = { ...MACHINE_DEFAULTS.strangers, framesPerSecond: 1, framesBurst: 2, allFramesBurst: 3 };
  const limit = new StrangerLimit({ ...MACHINE_DEFAULTS, strangers: { ...strangers, allFramesPerSecond: 2 } });
  const spend = (n: number, atMs = 0) =>
    limit.spend({ peer: node(n), host: undefined }, { frames: 1, bytes: 100 }, steadyMs(atMs));
  expect([spend(1), spend(1), spend(1)]).toEqual([allowed, allowed, after(1_000)]);
  expect([spend(2), spend(3), spend(4)]).toEqual([allowed, after(500), after(500)]);
  // Who was refused for all spent nothing of its own.
  expect([spend(3, 500), spend(3, 1_000)]).toEqual([allowed, allowed]);
});

test("many keys of one host have the share of one host, and take nothing from who comes from elsewhere", () => {
  const limit = new StrangerLimit(MACHINE_DEFAULTS);
  const { hostFramesBurst, hostFramesPerSecond } = MACHINE_DEFAULTS.strangers;
  const spend = (n: number, host: string) => limit.spend({ peer: node(n), host }, { frames: 1, bytes: 100 }, NOW);
  const crowd = Array.from({ length: 400 }, (_, n) => spend(n, "192.0.2.1"));
  expect(crowd.filter(({ allowed }) => allowed).length).toBe(hostFramesBurst);
  expect(crowd.at(-1)).toEqual(after(1_000 / hostFramesPerSecond));
  for (let n = 0; n < 16; n++) expect(spend(1_000, "192.0.2.2")).toEqual(allowed);
});

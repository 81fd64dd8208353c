import { expect, test } from "bun:test";
import { steadyMs } from "../../src/core/clock.ts";
import { DialBackoff } from "../../src/machine/dial-backoff.ts";
import { MACHINE_DEFAULTS as config } from "../../src/machine/machine-config.ts";
import { node } from "./group.ts";

test("windows double from a second to five minutes, and contact clears them", () => {
  const backoff = new DialBackoff(config);
  expect(backoff.waitMs(node(1), steadyMs(0))).toBe(0);
  const windows = Array.from({ length: 11 }, () => {
    backoff.failed(node(1), steadyMs(0));
    return backoff.waitMs(node(1), steadyMs(0)) / 1000;
  });
  expect(windows).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
  expect(backoff.waitMs(node(1), steadyMs(300_000))).toBe(0);
  backoff.failed(node(1), steadyMs(400_000));
  expect(backoff.waitMs(node(1), steadyMs(400_000))).toBe(300_000);
  backoff.reached(node(1));
  expect(backoff.waitMs(node(1), steadyMs(400_000))).toBe(0);
  backoff.failed(node(1), steadyMs(400_000));
  expect(backoff.waitMs(node(1), steadyMs(400_000))).toBe(1_000);
});

test("the number of peers is bounded; the one that failed longest ago goes first", () => {
  const backoff = new DialBackoff(config);
  for (let n = 0; n <= config.dialBackoff.peersMax; n++) backoff.failed(node(n), steadyMs(0));
  expect(backoff.size).toBe(config.dialBackoff.peersMax);
  expect(backoff.waitMs(node(0), steadyMs(0))).toBe(0);
  expect(backoff.waitMs(node(1), steadyMs(0))).toBe(1_000);
});

import { beforeEach, expect, test } from "bun:test";
import { steadyMs } from "../../src/core/clock.ts";
import type { Effect } from "../../src/machine/effect.ts";
import { MACHINE_DEFAULTS as config } from "../../src/machine/machine-config.ts";
import { Quarantine } from "../../src/machine/quarantine.ts";
import { acts, id, members, node, TestGroup } from "./group.ts";

let group: TestGroup;
let quarantine: Quarantine;

beforeEach(() => {
  group = new TestGroup();
  quarantine = new Quarantine({ roster: group, config });
});

const canonical = new Uint8Array([1, 2, 3]);
const hold = (n: number, from: number, author: number, nowMs = 0, bytes = canonical): Effect[] =>
  quarantine.handle(
    { kind: "unknown_author", from: node(from), id: id(n), author: node(author), canonical: bytes },
    steadyMs(nowMs),
  );
const dropped = (n: number, reason: "full" | "expired"): Effect => ({
  kind: "report",
  report: { what: "quarantine_dropped", id: id(n), reason },
});

test("messages are let out when the roster names their author, and only those", () => {
  hold(1, 1, 7);
  hold(2, 1, 8);
  group.authors.add(node(7));
  expect(quarantine.handle({ kind: "members", members: members(8) }, steadyMs(1))).toEqual([
    { kind: "recheck", messages: [{ id: id(1), from: node(1), author: node(7), canonical }] },
  ]);
  expect(quarantine.size).toBe(1);
  expect(quarantine.bytes).toBe(3);
});

test("a message that came to be stored another way is let go", () => {
  hold(1, 1, 7);
  quarantine.handle({ kind: "stored", ids: [id(1)], from: node(2), via: "push" }, steadyMs(1));
  expect(quarantine.size).toBe(0);
  expect(quarantine.bytes).toBe(0);
});

test("what nobody vouches for in time is dropped with the reason", () => {
  hold(1, 1, 7, 0);
  hold(2, 1, 7, 5_000);
  expect(
    acts(quarantine.handle({ kind: "timer", timer: "quarantine" }, steadyMs(config.quarantine.heldMs - 1))),
  ).toEqual([]);
  const effects = quarantine.handle({ kind: "timer", timer: "quarantine" }, steadyMs(config.quarantine.heldMs));
  expect(effects).toContainEqual(dropped(1, "expired"));
  expect(effects).toContainEqual({ kind: "schedule", timer: "quarantine", afterMs: 5_000 });
  expect(quarantine.size).toBe(1);
});

test("one sender fills a quarter at most, losing its own oldest", () => {
  for (let n = 0; n < config.quarantine.senderCountMax; n++) expect(acts(hold(n, 1, 7))).toEqual([]);
  hold(9_999, 2, 7);
  expect(hold(config.quarantine.senderCountMax, 1, 7)).toContainEqual(dropped(0, "full"));
  expect(quarantine.size).toBe(config.quarantine.senderCountMax + 1);
});

test("count and bytes are bounded over all senders; the oldest goes", () => {
  for (let n = 0; n <= config.quarantine.countMax; n++) hold(n, n % 8, 7);
  expect(quarantine.size).toBe(config.quarantine.countMax);
  const half = new Uint8Array(config.quarantine.senderBytesMax / 2);
  for (let n = 0; n < 20; n++) hold(5_000 + n, n % 10, 7, 0, half);
  expect(quarantine.bytes).toBeLessThanOrEqual(config.quarantine.bytesMax);
});

test("senders that fill it make room, not the one that holds little", () => {
  hold(1, 1, 7);
  const { countMax, senderCountMax } = config.quarantine;
  const fill = Array.from({ length: countMax }, (_, n) => hold(10 + n, 2 + Math.floor(n / senderCountMax), 8));
  expect(fill.flat()).toContainEqual(dropped(10, "full"));
  expect(fill.flat()).not.toContainEqual(dropped(1, "full"));
  expect(quarantine.size).toBe(countMax);
});

test("a message larger than a sender's share is not held", () => {
  expect(hold(1, 1, 7, 0, new Uint8Array(config.quarantine.senderBytesMax + 1))).toEqual([dropped(1, "full")]);
  expect(quarantine.size).toBe(0);
});

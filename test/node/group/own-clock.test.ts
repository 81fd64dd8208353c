import { expect, test } from "bun:test";
import { unixMs } from "../../../src/core/clock.ts";
import type { TimeVerdict } from "../../../src/machine/agreed-time.ts";
import type { Group } from "../../../src/node/group/group.ts";
import { admittedAt } from "../../../src/node/group/ingest.ts";
import { requireNotAhead } from "../../../src/node/group/own-clock.ts";
import { identity } from "../../support/identity.ts";
import { changed, roster } from "../../support/roster.ts";

const NOW = unixMs(1_800_000_000_000);
const DAY = 86_400_000;
const [FOUNDER, ALICE, BOB] = [identity(1), identity(2), identity(3)];

const told = (time: TimeVerdict) => () => requireNotAhead({ retention: { state: { time } } } as Group, NOW);

test("a founder whose clock runs ahead, as three members say, signs nothing by it", () => {
  expect(told({ kind: "disputed", heard: 3, offsetMs: -40 * DAY })).toThrow(/40 days ahead .*timedatectl/);
  // One of two may lie, and who is behind dates nothing ahead.
  for (const [heard, offsetMs] of [
    [2, -40 * DAY],
    [3, 40 * DAY],
    [3, -60_000],
  ] as const) {
    expect(told({ kind: "disputed", heard, offsetMs })).not.toThrow();
  }
  for (const time of [{ kind: "agreed", heard: 3 }, { kind: "steady" }] as const) expect(told(time)).not.toThrow();
});

test("who was admitted by a clock that ran ahead counts from the last entry that is not ahead", () => {
  const before = changed(
    roster([FOUNDER]),
    FOUNDER,
    { op: "add", key: ALICE.publicKey, nodeId: ALICE.nodeId },
    NOW - DAY,
  );
  const add = { op: "add", key: BOB.publicKey, nodeId: BOB.nodeId } as const;
  const log = changed(before, FOUNDER, add, NOW + 365 * DAY);
  expect(admittedAt(log, ALICE.nodeId, NOW)).toBe(BigInt(NOW - DAY));
  expect(admittedAt(log, BOB.nodeId, NOW)).toBe(BigInt(NOW - DAY));
  expect(admittedAt(log, BOB.nodeId, unixMs(NOW + 366 * DAY))).toBe(BigInt(NOW + 365 * DAY));
  expect(log.believed(5n, 4n)).toBe(0n);
});

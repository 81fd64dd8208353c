import { expect, test } from "bun:test";
import { unixMs } from "../../../src/core/clock.ts";
import { PublicKey } from "../../../src/core/ids.ts";
import type { TimeVerdict } from "../../../src/machine/agreed-time.ts";
import type { Group } from "../../../src/node/group/group.ts";
import { admittedAt } from "../../../src/node/group/ingest.ts";
import { requireNotAhead } from "../../../src/node/group/own-clock.ts";
import { roster_change } from "../../../src/node/operations/moots.ts";
import { identity } from "../../support/identity.ts";
import { nodeWithRawMember } from "../../support/raw-member.ts";
import { RawPeer } from "../../support/raw-peer.ts";
import { changed, roster } from "../../support/roster.ts";
import { statusQuestion } from "../../support/status-question.ts";

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

test("members that lie about the time keep nobody from removing them", async () => {
  const { node, network, group_id, alice } = await nodeWithRawMember();
  await using _closing = node;
  const liars = [4, 5].map((n) => identity(n));
  const change = (op: "add" | "remove", { publicKey }: typeof ALICE, alone = false) =>
    node.call(roster_change, { group_id, op, entmoot_pubkey: PublicKey.fromBytes(publicKey), alone });
  for (const liar of liars) await change("add", liar);
  const now_ms = Date.now() - 40 * DAY;
  for (const liar of [alice, ...liars.map((each) => new RawPeer(network, each, FOUNDER))]) {
    await liar.say(statusQuestion(group_id, { now_ms }));
  }
  await expect(change("remove", liars[0]!)).rejects.toMatchObject({
    code: "unavailable",
    message: expect.stringContaining("-alone"),
  });
  expect(await change("remove", liars[0]!, true)).toMatchObject({ members: 3 });
  // Of two one may lie: nothing is refused for what they say.
  expect(await change("remove", liars[1]!)).toMatchObject({ members: 2 });
});

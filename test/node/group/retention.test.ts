import { expect, test } from "bun:test";
import { unixMs } from "../../../src/core/clock.ts";
import { EntmootError } from "../../../src/core/errors.ts";
import { MerkleRoot, PublicKey } from "../../../src/core/ids.ts";
import { formatPolicy, POLICY_PRESETS } from "../../../src/core/policy/policy.ts";
import { POLICY_TOPIC } from "../../../src/core/policy/policy-update.ts";
import type { Message } from "../../../src/core/record/records.ts";
import { Group } from "../../../src/node/group/group.ts";
import { POLICY_FACT } from "../../../src/node/group/group-policy.ts";
import { PRUNED_TO_FACT } from "../../../src/node/group/retention.ts";
import { MemoryGroupStore } from "../../../src/store/memory/memory-group-store.ts";
import { groupParts } from "../../support/group-parts.ts";
import { identity } from "../../support/identity.ts";
import { keptMessage } from "../../support/kept-message.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { GROUP, message } from "../../support/message.ts";
import { roster } from "../../support/roster.ts";

const [FOUNDER, ALICE, BOB] = [identity(1), identity(2), identity(3)] as const;
const [alice, bob] = [ALICE, BOB].map(({ publicKey }) => PublicKey.fromBytes(publicKey)) as [PublicKey, PublicKey];
const DAY = 86_400_000;
/** Noon, so that days end between two looks. */
const NOON = Date.UTC(2026, 10, 30, 12);
const CUTOFF = Date.UTC(2026, 9, 31);

/** The founder's copy of a group of three that keeps 30 days, with a message of 40, 31 and 0 days ago. */
function world({ policy = formatPolicy(POLICY_PRESETS.standard), store = new MemoryGroupStore(GROUP) } = {}) {
  const clock = new ManualClock(NOON);
  if (store.roster.entries().length === 0) store.roster.append(roster([FOUNDER, ALICE, BOB]).entries);
  store.setFact(POLICY_FACT, policy);
  const [older, old, fresh] = [40, 31, 0].map((days) => message({ timestamp: BigInt(NOON - days * DAY) }));
  const said = [older, old, fresh] as [Message, Message, Message];
  if (store.messages.size === 0) store.messages.putMany(said.map(keptMessage));
  const lines: string[] = [];
  const say = (line: string) => void lines.push(line);
  const group = new Group(groupParts({ store, clock, say, local: PublicKey.fromBytes(FOUNDER.publicKey) }));
  group.start();
  const compared = () => group.tell({ kind: "timer", timer: "compare" });
  const hear = (peer: PublicKey, aheadMs = 0) => group.retention.hear(peer, unixMs(clock.unix() + aheadMs));
  const held = () => said.filter(({ id }) => store.messages.has(id)).map((one) => said.indexOf(one));
  return { clock, compared, group, hear, held, lines, said, store };
}

test("right after a start nothing is removed or refused for its age, and info can say why", async () => {
  const { clock, compared, group, held, lines } = world();
  compared();
  clock.advance(DAY - 60_001);
  compared();
  expect(held()).toEqual([0, 1, 2]);
  expect(group.retention.oldest).toBeUndefined();
  expect(group.retention.state).toMatchObject({ prunedToMs: 0, time: { kind: "unproved", restMs: 60_001 } });
  const ancient = message({ by: ALICE, timestamp: 1n });
  const { stored } = await group.ingest([keptMessage(ancient).canonical], { from: alice, via: "pull" });
  expect(stored).toEqual([ancient.id]);
  expect(lines).toEqual([]);
});

test("once members agree on the time, what is past a whole day goes, with one line that says so", () => {
  const { group, hear, held, lines, said, store } = world();
  hear(alice);
  expect(held()).toEqual([2]);
  expect(store.messages.knows(said[0].id)).toBe(true);
  expect(group.retention.state).toMatchObject({ cutoffMs: CUTOFF, prunedToMs: CUTOFF, time: { kind: "agreed" } });
  expect(lines).toHaveLength(1);
  expect(lines[0]).toContain("removed 2 messages older than 2026-10-31 (retention: 30 days)");
  expect(store.getFact(PRUNED_TO_FACT)).toBe(`${CUTOFF}`);
});

test("alone, a day of steady clock does the same", () => {
  const { clock, compared, held } = world();
  compared();
  clock.advance(DAY);
  compared();
  expect(held()).toEqual([2]);
});

test("a clock 40 days ahead removes nothing beside members that see another day, and is told of", () => {
  const { clock, compared, hear, held, lines } = world();
  clock.setUnix(NOON + 40 * DAY);
  hear(alice, -40 * DAY);
  hear(bob, -40 * DAY);
  for (let minutes = 0; minutes < 3000; minutes += 1) {
    clock.advance(60_000);
    compared();
    if (minutes % 60 === 0) for (const peer of [alice, bob]) hear(peer, -40 * DAY);
  }
  expect(held()).toEqual([0, 1, 2]);
  const disputes = lines.filter((line) => line.includes("most of"));
  expect(disputes).toHaveLength(1);
  expect(disputes[0]).toContain("40 days behind");
  expect(disputes[0]).toContain("date -u");
});

test("a jump of the own clock is told, and stops what members or a steady day had allowed", () => {
  const { clock, compared, hear, held, lines } = world({
    policy: formatPolicy({ ...POLICY_PRESETS.standard, retention_days: 60n }),
  });
  hear(alice);
  clock.setUnix(NOON + 40 * DAY);
  clock.advance(60_000);
  compared();
  expect(held()).toEqual([0, 1, 2]);
  expect(lines.filter((line) => line.includes("went 40 days forward"))).toHaveLength(1);
  clock.setUnix(NOON);
  clock.advance(60_000);
  compared();
  expect(lines.filter((line) => line.includes("40 days back"))).toHaveLength(1);
  hear(alice);
  expect(held()).toEqual([0, 1, 2]);
});

test("what went under a wrong clock is wanted again once the clock is right, and is told as missing until it came", async () => {
  const { clock, compared, group, hear, held, lines, said, store } = world();
  clock.setUnix(NOON + 40 * DAY);
  compared();
  clock.advance(DAY);
  compared();
  expect(held()).toEqual([]);
  const goneTo = group.retention.prunedToMs;
  expect(goneTo).toBe(Date.UTC(2026, 11, 11));

  clock.setUnix(NOON + DAY);
  hear(alice);
  const cutoff = CUTOFF + DAY;
  expect(group.retention.wantedFromMs).toBe(cutoff);
  expect(group.question()).toMatchObject({
    pruned_to_ms: goneTo,
    shared_since_ms: cutoff,
    shared_root: MerkleRoot.zero,
  });
  expect(store.messages.unknown(said.map(({ id }) => id))).toEqual(said.map(({ id }) => id));
  // A member offers everything it has; what is past its time stays away.
  const bodies = said.map((one) => keptMessage(one).canonical);
  await group.ingest(bodies, { from: alice, via: "pull" });
  expect(held()).toEqual([2]);
  expect(store.messages.arrivedAfter(0, 9).map(({ seq }) => seq)).toEqual([3]);
  const ended = { what: "compared", peer: alice, stored: 1, missing: 0 } as const;
  group.noteCompared({ ...ended, outcome: "partial", sinceMs: cutoff });
  group.noteCompared({ ...ended, outcome: "equal", sinceMs: goneTo });
  expect(group.retention.prunedToMs).toBe(goneTo);
  group.noteCompared({ ...ended, outcome: "caught_up", sinceMs: cutoff });
  expect([group.retention.prunedToMs, store.getFact(PRUNED_TO_FACT)]).toEqual([cutoff, `${cutoff}`]);
  expect(lines.at(-1)).toContain("here again, from 2026-11-01 on");
  expect(store.messages.knows(said[0].id)).toBe(true);
});

test("how much may be gone is said before anything goes, also where there is no room to remove it", () => {
  const { clock, group, hear, held, lines, store } = world();
  let tried = 0;
  const { pruneBefore } = store.messages;
  store.messages.pruneBefore = () => {
    tried += 1;
    expect(store.getFact(PRUNED_TO_FACT)).toBe(`${CUTOFF}`);
    throw new EntmootError("disk_full", "no room");
  };
  for (let times = 0; times < 3; times++) hear(alice);
  expect([tried, held()]).toEqual([3, [0, 1, 2]]);
  expect(lines.filter((line) => line.includes("no room"))).toHaveLength(1);
  store.messages.pruneBefore = pruneBefore;
  clock.advance(60_000);
  group.tell({ kind: "timer", timer: "compare" });
  expect(held()).toEqual([2]);
});

test("many messages go in pieces, with one line for all", async () => {
  const { clock, hear, lines, store } = world();
  const many = Array.from({ length: 600 }, (_, at) => ({
    ...keptMessage(message({ timestamp: BigInt(at + 1) })),
    id: message({ timestamp: BigInt(at + 1) }).id,
  }));
  store.messages.putMany(many);
  hear(alice);
  expect(store.messages.size).toBe(603 - 256);
  while (lines.length === 0) await new Promise((resolve) => clock.after(0, () => resolve(undefined)));
  expect(store.messages.size).toBe(1);
  expect(lines).toHaveLength(1);
  expect(lines[0]).toContain("removed 602 messages");
});

test("policy updates stay, and a moot that keeps everything removes nothing", () => {
  const { hear, store } = world();
  const update = message({ timestamp: 5n, topics: [POLICY_TOPIC] });
  store.messages.putMany([keptMessage(update)]);
  hear(alice);
  expect(store.messages.has(update.id)).toBe(true);

  const keeps = world({ policy: formatPolicy({ ...POLICY_PRESETS.relaxed, retention_days: 36_500n }) });
  keeps.hear(alice);
  expect(keeps.held()).toEqual([0, 1, 2]);
  expect(keeps.group.retention.state).toMatchObject({ cutoffMs: 0, prunedToMs: 0 });
});

test("what is kept of it that is no instant is damage, and named", () => {
  const store = new MemoryGroupStore(GROUP);
  store.setFact(PRUNED_TO_FACT, "yesterday");
  expect(() => world({ store })).toThrow(/pruned_to_ms: expected Unix milliseconds, found "yesterday"/);
});

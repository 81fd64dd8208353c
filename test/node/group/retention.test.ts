import { expect, test } from "bun:test";
import { unixMs } from "../../../src/core/clock.ts";
import { EntmootError } from "../../../src/core/errors.ts";
import { MerkleRoot, PublicKey } from "../../../src/core/ids.ts";
import { formatPolicy, POLICY_PRESETS } from "../../../src/core/policy/policy.ts";
import { POLICY_TOPIC } from "../../../src/core/policy/policy-update.ts";
import { KEEP_DAYS } from "../../../src/core/policy/retention.ts";
import type { Message } from "../../../src/core/record/records.ts";
import { ClockWatch } from "../../../src/machine/clock-watch.ts";
import { MACHINE_DEFAULTS } from "../../../src/machine/machine-config.ts";
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

const KEEPS_60_DAYS = formatPolicy({ ...POLICY_PRESETS.standard, retention_days: 60n });

interface WorldParts {
  readonly policy?: string;
  readonly store?: MemoryGroupStore;
  readonly clock?: ManualClock;
  readonly watch?: ClockWatch;
  readonly lines?: string[];
}

/** The founder's copy of a group of three that keeps 30 days, with a message of 40, 31 and 0 days ago. */
function world({
  policy = formatPolicy(POLICY_PRESETS.standard),
  store = new MemoryGroupStore(GROUP),
  clock = new ManualClock(NOON),
  watch = new ClockWatch(MACHINE_DEFAULTS.time),
  lines = [],
}: WorldParts = {}) {
  if (store.roster.entries().length === 0) store.roster.append(roster([FOUNDER, ALICE, BOB]).entries);
  store.setFact(POLICY_FACT, policy);
  const [older, old, fresh] = [40, 31, 0].map((days) => message({ timestamp: BigInt(NOON - days * DAY) }));
  const said = [older, old, fresh] as [Message, Message, Message];
  if (store.messages.size === 0) store.messages.putMany(said.map(keptMessage));
  const say = (line: string) => void lines.push(line);
  const group = new Group({
    ...groupParts({ store, clock, say, local: PublicKey.fromBytes(FOUNDER.publicKey) }),
    watch,
  });
  group.start();
  const compared = () => group.tell({ kind: "timer", timer: "compare" });
  const hear = (peer: PublicKey, aheadMs = 0) => group.retention.hear(peer, unixMs(clock.unix() + aheadMs));
  const held = () => said.filter(({ id }) => store.messages.has(id)).map((one) => said.indexOf(one));
  return { clock, compared, group, hear, held, lines, said, store, watch };
}

/** Lets the event loop go round. */
async function turns(clock: ManualClock, times: number): Promise<void> {
  for (let n = 0; n < times; n++) await new Promise((resolve) => clock.after(0, () => resolve(undefined)));
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

test("once members agree on the time, what is past a whole day goes, with one line that says so", async () => {
  const { clock, group, hear, held, lines, said, store } = world();
  hear(alice);
  expect(held()).toEqual([0, 1, 2]);
  hear(bob);
  await turns(clock, 3);
  expect(held()).toEqual([2]);
  expect(store.messages.knows(said[0].id)).toBe(true);
  expect(group.retention.state).toMatchObject({ cutoffMs: CUTOFF, prunedToMs: CUTOFF, time: { kind: "agreed" } });
  expect(lines).toHaveLength(1);
  expect(lines[0]).toContain("removed 2 messages older than 2026-10-31 (retention: 30 days)");
  expect(store.getFact(PRUNED_TO_FACT)).toBe(`${CUTOFF}`);
});

test("one member of many is not enough at once: the others may see another day", () => {
  const { clock, hear, held } = world();
  hear(alice);
  clock.advance(59_999);
  hear(alice);
  expect(held()).toEqual([0, 1, 2]);
  clock.advance(1);
  hear(alice);
  expect(held()).toEqual([2]);
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
  compared();
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

test("a jump of the own clock is told once, also when another group sees it first, and nothing heard before it counts", () => {
  const { clock, group, hear, held, lines, watch } = world({ policy: KEEPS_60_DAYS });
  hear(alice);
  clock.setUnix(NOON + 40 * DAY);
  world({ clock, watch, lines });
  expect(lines.filter((line) => line.includes("went 40 days forward"))).toHaveLength(1);
  clock.advance(60_000);
  group.tell({ kind: "timer", timer: "compare" });
  expect(group.retention.state.time.kind).toBe("unproved");
  expect(held()).toEqual([0, 1, 2]);
  clock.setUnix(NOON);
  clock.advance(60_000);
  group.tell({ kind: "timer", timer: "compare" });
  expect(lines.filter((line) => line.includes("40 days back"))).toHaveLength(1);
  hear(alice);
  hear(bob);
  expect(group.retention.state.time.kind).toBe("agreed");
  expect(held()).toEqual([0, 1, 2]);
});

test("a machine that slept believes the members it hears then, not what they said before", () => {
  const { clock, group, hear } = world();
  for (const peer of [alice, bob]) hear(peer);
  clock.setUnix(clock.unix() + 8 * 3_600_000);
  for (const peer of [alice, bob]) hear(peer);
  expect(group.retention.state.time).toEqual({ kind: "agreed", heard: 2 });
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
  compared();
  for (const peer of [alice, bob]) hear(peer);
  const cutoff = CUTOFF + DAY;
  expect(group.retention.wantedFromMs).toBe(cutoff);
  // Of what is not too old the latest went today: that is how much members may rely on no more.
  const today = Date.UTC(2026, 11, 1);
  const asked = group.question(alice);
  expect(asked).toMatchObject({ pruned_to_ms: today, shared_since_ms: cutoff, shared_root: MerkleRoot.zero });
  expect(store.messages.unknown(said.map(({ id }) => id))).toEqual([said[2].id]);
  // Whoever says that it holds as little ends nothing: only what comes back does.
  hear(alice);
  expect(group.retention.prunedToMs).toBe(today);
  const bodies = said.map((one) => keptMessage(one).canonical);
  await group.ingest(bodies, { from: alice, via: "pull" });
  expect(held()).toEqual([2]);
  expect(store.messages.arrivedAfter(0, 9).map(({ seq }) => seq)).toEqual([3]);
  hear(alice);
  expect([group.retention.prunedToMs, store.getFact(PRUNED_TO_FACT)]).toEqual([cutoff, `${cutoff}`]);
  expect(lines.at(-1)).toContain("here again, from 2026-11-01 on");
  expect(store.messages.knows(said[0].id)).toBe(true);
});

test("a removal under way stops when the clock turns out wrong, and never goes past the day it began with", async () => {
  const { clock, group, hear, lines, store } = world();
  const many = Array.from({ length: 600 }, (_, at) => keptMessage(message({ timestamp: BigInt(at + 1) })));
  const fresh = Array.from({ length: 50 }, (_, at) => keptMessage(message({ timestamp: BigInt(NOON - at) })));
  store.messages.putMany([...many, ...fresh]);
  for (const peer of [alice, bob]) hear(peer);
  const left = store.messages.size;
  expect(left).toBeLessThan(653);
  clock.setUnix(NOON + 40 * DAY);
  for (const peer of [alice, bob]) hear(peer, -40 * DAY);
  await turns(clock, 20);
  expect(store.messages.size).toBe(left);
  const removals = lines.filter((line) => /removed \d+ messages/.test(line));
  expect(removals).toHaveLength(1);
  expect(removals[0]).toContain("older than 2026-10-31");
  clock.setUnix(NOON);
  clock.advance(60_000);
  for (const peer of [alice, bob]) hear(peer);
  await turns(clock, 20);
  expect(fresh.every(({ id }) => store.messages.has(id))).toBe(true);
  expect(store.messages.size).toBe(50);
  expect(group.retention.prunedToMs).toBe(CUTOFF);
});

test("what cannot be noted is not done: nothing goes while the note of it cannot be written", () => {
  const { hear, held, lines, store } = world();
  const { setFact } = store;
  store.setFact = () => {
    throw new EntmootError("unavailable", "held by another");
  };
  for (const peer of [alice, bob]) hear(peer);
  expect(held()).toEqual([0, 1, 2]);
  expect(lines.filter((line) => line.includes("held by another"))).toHaveLength(1);
  store.setFact = setFact;
  hear(alice);
  expect(held()).toEqual([2]);
});

test("a member whose clock goes to and fro is told of once an hour", () => {
  const { clock, hear, lines } = world();
  for (let times = 0; times < 100; times++) {
    for (const peer of [alice, bob]) hear(peer, times % 2 === 0 ? 5 * DAY : 0);
    clock.advance(1_000);
  }
  expect(lines.filter((line) => line.includes("most of"))).toHaveLength(1);
});

test("a policy that cannot be kept is not followed", () => {
  const { group, store } = world();
  store.setFacts = () => {
    throw new EntmootError("disk_full", "no room");
  };
  expect(() => group.policy.set(POLICY_PRESETS.relaxed)).toThrow("no room");
  expect(group.policy.current).toEqual(POLICY_PRESETS.standard);
});

test("what was removed is told also when the node ends in the middle, and then nothing is removed any more", async () => {
  const { clock, group, hear, lines, store } = world();
  const many = Array.from({ length: 600 }, (_, at) => keptMessage(message({ timestamp: BigInt(at + 1) })));
  store.messages.putMany(many);
  for (const peer of [alice, bob]) hear(peer);
  const left = store.messages.size;
  await group.close();
  expect(lines.filter((line) => line.includes(`removed ${603 - left} messages`))).toHaveLength(1);
  group.hearStatus(bob, { ...group.question(alice), now_ms: clock.unix() }, true);
  await turns(clock, 5);
  expect(store.messages.size).toBe(left);
});

test("however often members say what time it is, what is too old is looked for once a minute", async () => {
  const { clock, hear, store } = world();
  for (const peer of [alice, bob]) hear(peer);
  await turns(clock, 3);
  let asked = 0;
  const { pruneBefore } = store.messages;
  store.messages.pruneBefore = (...given) => {
    asked += 1;
    return pruneBefore.apply(store.messages, given);
  };
  for (let times = 0; times < 100; times++) hear(alice);
  expect(asked).toBe(0);
  clock.advance(60_000);
  for (let times = 0; times < 100; times++) hear(alice);
  // Nothing came, so nothing is past its time that was not a minute ago.
  expect(asked).toBe(0);
  store.messages.putMany([keptMessage(message({ by: ALICE, timestamp: 7n }))]);
  clock.advance(60_000);
  for (let times = 0; times < 100; times++) hear(alice);
  expect(asked).toBe(1);
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
  for (let times = 0; times < 3; times++) {
    for (const peer of [alice, bob]) hear(peer);
    clock.advance(60_000);
  }
  expect([tried, held()]).toEqual([3, [0, 1, 2]]);
  expect(lines.filter((line) => line.includes("no room"))).toHaveLength(1);
  store.messages.pruneBefore = pruneBefore;
  group.tell({ kind: "timer", timer: "compare" });
  expect(held()).toEqual([2]);
});

test("many messages go in pieces, with one line for all", async () => {
  const { clock, hear, lines, store } = world();
  const many = Array.from({ length: 600 }, (_, at) => keptMessage(message({ timestamp: BigInt(at + 1) })));
  store.messages.putMany(many);
  for (const peer of [alice, bob]) hear(peer);
  expect(store.messages.size).toBeGreaterThan(300);
  await turns(clock, 20);
  expect(store.messages.size).toBe(1);
  expect(lines).toHaveLength(1);
  expect(lines[0]).toContain("removed 602 messages");
});

test("policy updates of the founder stay, those of others do not, and a moot that keeps everything removes nothing", () => {
  const { hear, store } = world();
  const [update, other] = [FOUNDER, ALICE].map((by) => message({ by, timestamp: 5n, topics: [POLICY_TOPIC] }));
  store.messages.putMany([update!, other!].map(keptMessage));
  for (const peer of [alice, bob]) hear(peer);
  expect([update!, other!].map(({ id }) => store.messages.has(id))).toEqual([true, false]);

  const keeps = world({ policy: formatPolicy({ ...POLICY_PRESETS.relaxed, retention_days: 36_500n }) });
  for (const peer of [alice, bob]) keeps.hear(peer);
  expect(keeps.held()).toEqual([0, 1, 2]);
  expect(keeps.group.retention.state).toMatchObject({ cutoffMs: 0, prunedToMs: 0 });
});

test("once a moot keeps everything, what is dated before 1970 comes back as well", async () => {
  const { clock, group, hear, held, said, store } = world();
  const early = message({ timestamp: -(2n ** 62n) });
  store.messages.putMany([keptMessage(early)]);
  for (const peer of [alice, bob]) hear(peer);
  expect([held(), store.messages.size]).toEqual([[2], 1]);
  group.policy.set({ ...POLICY_PRESETS.standard, retention_days: KEEP_DAYS });
  clock.advance(60_000);
  for (const peer of [alice, bob]) hear(peer);
  // Everything is wanted, and what is told as gone is a day that can be kept.
  expect([group.retention.wantedFromMs, group.retention.prunedToMs]).toEqual([0, NOON - 31 * DAY + DAY / 2]);
  await group.ingest(
    said.map((one) => keptMessage(one).canonical),
    { from: alice, via: "pull" },
  );
  hear(alice);
  expect([held(), group.retention.prunedToMs]).toEqual([[0, 1, 2], DAY]);
  expect((await group.ingest([keptMessage(early).canonical], { from: alice, via: "pull" })).stored).toEqual([early.id]);
  hear(alice);
  expect(group.retention.prunedToMs).toBe(0);
});

test("what is kept of it that is no instant is damage, and named", () => {
  const store = new MemoryGroupStore(GROUP);
  store.setFact(PRUNED_TO_FACT, "yesterday");
  expect(() => world({ store })).toThrow(/pruned_to_ms: expected Unix milliseconds, found "yesterday"/);
});

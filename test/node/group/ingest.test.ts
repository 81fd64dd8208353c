import { expect, test } from "bun:test";
import { unixMs } from "../../../src/core/clock.ts";
import { GroupId, MessageId, PublicKey } from "../../../src/core/ids.ts";
import { formatPolicy, POLICY_PRESETS } from "../../../src/core/policy/policy.ts";
import { messageCanonical } from "../../../src/core/record/message.ts";
import type { Message } from "../../../src/core/record/records.ts";
import { createGenesis, createRosterEntry } from "../../../src/core/roster/roster-change.ts";
import { realClock } from "../../../src/host/real-clock.ts";
import { BatchWriter } from "../../../src/node/group/batch-writer.ts";
import { GroupPolicy, POLICY_FACT } from "../../../src/node/group/group-policy.ts";
import { GroupRoster } from "../../../src/node/group/group-roster.ts";
import { Ingest } from "../../../src/node/group/ingest.ts";
import { MemoryGroupStore } from "../../../src/store/memory/memory-group-store.ts";
import { identity } from "../../support/identity.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { GROUP, message } from "../../support/message.ts";

const [FOUNDER, ALICE, STRANGER] = [identity(1), identity(2), identity(3)] as const;
const REMOVED_AT_MS = 1_700_000_000_500;
const PUSHED = "push";
const PULLED = "pull";

interface WorldOptions {
  readonly isAliceGone?: boolean;
  readonly oldest?: bigint;
  readonly preset?: "standard";
}

/** A group of the founder with Alice, who was removed at `REMOVED_AT_MS` when `isAliceGone`. */
function world({ isAliceGone = false, oldest, preset }: WorldOptions = {}) {
  const store = new MemoryGroupStore(GROUP);
  store.roster.append([createGenesis({ seed: FOUNDER.seed, nowMs: unixMs(1_700_000_000_000) })]);
  const roster = new GroupRoster(store.roster);
  const change = (nowMs: number, op: "add" | "remove") => {
    const key = ALICE.publicKey;
    const entry = op === "add" ? { op, key } : { op, key, nodeId: ALICE.nodeId };
    roster.append(createRosterEntry({ log: roster.log, seed: FOUNDER.seed, nowMs: unixMs(nowMs), change: entry }));
  };
  change(1_700_000_000_100, "add");
  if (isAliceGone) change(REMOVED_AT_MS, "remove");
  if (preset !== undefined) store.setFact(POLICY_FACT, formatPolicy(POLICY_PRESETS[preset]));
  const { messages } = store;
  const clock = new ManualClock(1_700_000_001_000);
  const writer = new BatchWriter(realClock, messages, () => {});
  const policy = new GroupPolicy(store, { founder: () => FOUNDER.nodeId, unix: () => clock.unix() });
  const ingest = new Ingest({
    groupId: GROUP,
    messages,
    roster,
    policy,
    retention: { oldest, isTimeGood: true },
    writer,
    clock,
  });
  return { ingest, messages, writer, clock };
}

const forged = (good: Message): Message => ({ ...good, signature: new Uint8Array(64) });

test("a copy with a broken signature under way does not make the good one count as known", async () => {
  const { ingest, messages } = world();
  const good = message({ by: ALICE });
  const other = message({ by: ALICE, timestamp: 5n });
  // Two in a batch, so that their signatures are checked beside the event loop.
  const bad = ingest.accept([forged(good), forged(other)].map(messageCanonical), PUSHED);
  const taken = await ingest.accept([messageCanonical(good)], PUSHED);
  expect(taken.stored).toEqual([good.id]);
  expect(messages.has(good.id)).toBe(true);
  expect((await bad).refused).toEqual([good.id, other.id]);
});

test("a copy of what is being stored counts as known once it is stored, and not before", async () => {
  const { ingest, messages } = world();
  const good = message({ by: ALICE });
  const first = ingest.accept([messageCanonical(good)], PUSHED);
  const second = await ingest.accept([messageCanonical(good)], PUSHED);
  expect([second.known, messages.has(good.id)]).toEqual([[good.id], true]);
  expect((await first).stored).toEqual([good.id]);
});

test("when a message cannot be committed, nobody who brought it is told that it is known", async () => {
  const { ingest, messages } = world();
  const good = message({ by: ALICE });
  messages.putMany = () => {
    throw new Error("no room");
  };
  const first = ingest.accept([messageCanonical(good)], PUSHED);
  const second = ingest.accept([messageCanonical(good)], PUSHED);
  await expect(first).rejects.toThrow("no room");
  await expect(second).rejects.toThrow("no room");
});

test("one batch with many copies of one id is looked at once", async () => {
  const { ingest } = world();
  const good = message({ by: ALICE });
  const copies = Array.from({ length: 8 }, () => messageCanonical(good));
  expect(await ingest.accept(copies, PUSHED)).toMatchObject({ stored: [good.id], refused: [] });
});

test("a message of an unknown author is held only when the key it names has signed it", async () => {
  const { ingest } = world();
  const early = message({ by: STRANGER });
  expect(await ingest.accept([messageCanonical(forged(early))], PUSHED)).toMatchObject({
    refused: [early.id],
    unknownAuthor: [],
  });
  expect((await ingest.accept([messageCanonical(early)], PUSHED)).unknownAuthor).toMatchObject([
    { id: early.id, author: PublicKey.fromBytes(STRANGER.publicKey) },
  ]);
});

for (const via of [PUSHED, PULLED, "fetch"] as const) {
  test(`what an author signed after its removal is taken by ${via} as by any way, and only when it signed it`, async () => {
    const { ingest } = world({ isAliceGone: true });
    const late = message({ by: ALICE, timestamp: BigInt(REMOVED_AT_MS + 1) });
    const [body, bad] = [messageCanonical(late), messageCanonical(forged(late))];
    expect(await ingest.accept([bad], via)).toMatchObject({ refused: [late.id], unknownAuthor: [] });
    expect(await ingest.accept([body], via)).toMatchObject({ stored: [late.id] });
  });
}

test("a message by a key that its author gets later waits for that entry", async () => {
  const { ingest } = world();
  const early = message({ by: STRANGER, author: { ...ALICE.info, entmoot_pubkey: STRANGER.publicKey } });
  expect((await ingest.accept([messageCanonical(early)], PUSHED)).unknownAuthor).toMatchObject([{ id: early.id }]);
});

test("a message of another group is refused before anything else is asked about it", async () => {
  const { ingest } = world();
  const foreign = message({ by: ALICE, group_id: GroupId.fromBytes(new Uint8Array(32).fill(9)) });
  expect(await ingest.accept([messageCanonical(foreign)], PULLED)).toMatchObject({ refused: [foreign.id], stored: [] });
});

for (const via of [PUSHED, PULLED, "fetch"] as const) {
  test(`the rates of its author hold what comes by ${via} as by any way, and what is left waits for its turn`, async () => {
    const { clock, ingest } = world({ preset: "standard" });
    const said = Array.from({ length: 30 }, (_, i) =>
      messageCanonical(message({ by: ALICE, timestamp: BigInt(1_700_000_000_200 + i) })),
    );
    const taken = await ingest.accept(said, via);
    expect([taken.stored.length, taken.owed.length, taken.refused]).toEqual([12, 18, []]);
    expect(taken.delays[0]).toMatchObject({ author: ALICE.nodeId, takesMs: 10_000 });
    clock.advance(taken.delays[0]!.waitMs);
    expect((await ingest.accept(said, via)).stored.length).toBe(1);
    clock.advance(60_000);
    expect((await ingest.accept(said, via)).stored.length).toBe(6);
  });

  test(`who kept to its rates as it wrote comes whole by ${via}, in whatever order`, async () => {
    const { clock, ingest } = world({ preset: "standard" });
    const start = 1_700_000_000_200;
    const bursts = Array.from({ length: 40 }, (_, n) => n * 120_000);
    const said = bursts.flatMap((at) =>
      Array.from({ length: 12 }, (_, i) => messageCanonical(message({ by: ALICE, timestamp: BigInt(start + at + i) }))),
    );
    clock.advance(40 * 120_000);
    const [first, last] = [said.slice(0, 240), said.slice(240)];
    expect((await ingest.accept(first, via)).stored.length).toBe(240);
    expect((await ingest.accept(last.toReversed(), via)).stored.length).toBe(240);
  });

  test(`dates made up give no more by ${via} than the rates gave all the while`, async () => {
    const { clock, ingest } = world({ preset: "standard" });
    const hour = 3_600_000;
    clock.advance(10 * hour);
    const back = (ms: number, n: number) =>
      messageCanonical(message({ by: ALICE, timestamp: BigInt(clock.unix() - ms), content: new Uint8Array(n) }));
    // An hour of the past has room for what its rate gives and a burst, and what does not fit there is charged now.
    const hours = await ingest.accept(
      Array.from({ length: 500 }, (_, n) => back(3 * hour, n)),
      via,
    );
    expect(hours.stored.length).toBe(372 + 11);
    // Before its author was admitted, and ahead of now, there is none but what is left of today's.
    const early = await ingest.accept(
      Array.from({ length: 50 }, (_, n) => back(11 * hour, n)),
      via,
    );
    const ahead = await ingest.accept(
      Array.from({ length: 50 }, (_, n) => back(-9 * hour, n)),
      via,
    );
    expect([early.stored.length, ahead.stored.length]).toEqual([0, 0]);
  });
}

test("parents, references and topics are paid for like content", async () => {
  const { clock, ingest } = world({ preset: "standard" });
  const parents = (n: number) =>
    Array.from({ length: 64 }, (_, i) => MessageId.fromBytes(new Uint8Array(32).fill(n * 64 + i + 1)));
  const topics = Array.from({ length: 60 }, (_, i) => `${i}`.padEnd(1000, "x"));
  const said = Array.from({ length: 6 }, (_, n) =>
    messageCanonical(
      message({
        by: ALICE,
        timestamp: BigInt(clock.unix() - n),
        parents: parents(n % 3),
        topics,
        content: new Uint8Array(n),
      }),
    ),
  );
  expect(said[0]!.length).toBeGreaterThan(60_000);
  // 128 KiB at once.
  expect((await ingest.accept(said, PUSHED)).stored.length).toBe(2);
});

test("one that takes more than the burst is taken once, and paid for before anything else is", async () => {
  const { clock, ingest } = world({ preset: "standard" });
  const topics = Array.from({ length: 300 }, (_, i) => `${i}`.padEnd(1000, "x"));
  const huge = messageCanonical(message({ by: ALICE, timestamp: BigInt(clock.unix()), topics }));
  const next = messageCanonical(message({ by: ALICE, timestamp: BigInt(clock.unix()) }));
  expect((await ingest.accept([huge], PUSHED)).stored.length).toBe(1);
  const { delays } = await ingest.accept([next], PUSHED);
  // What it has beyond the burst of 128 KiB, at 64 KiB a minute.
  expect(delays[0]!.waitMs / 60_000).toBeCloseTo((huge.length + next.length - 131_072) / 65_536, 1);
});

test("a message larger than a frame of ours is refused, however valid", async () => {
  const { ingest } = world();
  const huge = message({ by: ALICE, content: new Uint8Array(800_000) });
  expect(await ingest.accept([messageCanonical(huge)], PULLED)).toMatchObject({ refused: [huge.id] });
});

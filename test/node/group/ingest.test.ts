import { expect, test } from "bun:test";
import { unixMs } from "../../../src/core/clock.ts";
import { GroupId, PublicKey } from "../../../src/core/ids.ts";
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
  const writer = new BatchWriter(realClock, messages, () => {});
  const policy = new GroupPolicy(store, () => FOUNDER.nodeId);
  const ingest = new Ingest({
    groupId: GROUP,
    messages,
    roster,
    policy,
    retention: { oldest, isTimeGood: true },
    writer,
    clock: new ManualClock(1_700_000_001_000),
  });
  return { ingest, messages, writer };
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

test("the author's budget holds what is new, and not the history a newcomer catches up with", async () => {
  const { ingest } = world({ preset: "standard" });
  const said = (from: number) =>
    Array.from({ length: 30 }, (_, i) =>
      messageCanonical(message({ by: ALICE, timestamp: BigInt(1_700_000_000_200 + from + i) })),
    );
  expect((await ingest.accept(said(0), PUSHED)).stored.length).toBe(12);
  expect((await ingest.accept(said(0), PULLED)).stored.length).toBe(18);
  expect((await ingest.accept(said(100), PULLED)).stored.length).toBe(30);
});

test("a message larger than a frame of ours is refused, however valid", async () => {
  const { ingest } = world();
  const huge = message({ by: ALICE, content: new Uint8Array(800_000) });
  expect(await ingest.accept([messageCanonical(huge)], PULLED)).toMatchObject({ refused: [huge.id] });
});

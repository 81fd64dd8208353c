import { describe, expect, test } from "bun:test";
import { PublicKey } from "../../../src/core/ids.ts";
import { messageCanonical } from "../../../src/core/record/message.ts";
import { MACHINE_DEFAULTS, type MachineConfig } from "../../../src/machine/machine-config.ts";
import { status } from "../../../src/node/operations/daemon.ts";
import { peers } from "../../../src/node/operations/moots.ts";
import { MemoryDataRoot } from "../../../src/store/memory/memory-data-root.ts";
import { encodeFrame, type Frame } from "../../../src/wire/peer/frame.ts";
import { budgetOf } from "../../support/budget.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { message } from "../../support/message.ts";
import { until } from "../../support/nodes.ts";
import { ALICE, FOUNDER, nodeWithRawMember } from "../../support/raw-member.ts";

const NOWAIT = { ...MACHINE_DEFAULTS.work, waitMaxMs: 1 };
const held = (parts: Partial<MachineConfig["held"]>): Partial<MachineConfig> => ({
  held: { ...MACHINE_DEFAULTS.held, ...parts },
});

/** A founder's node with limits of the test's own, Alice, who says what she likes, and `count` messages of hers. */
async function world(parts: Partial<MachineConfig>, count: number) {
  const root = new MemoryDataRoot();
  const it = await nodeWithRawMember({ root, parts: { config: { ...MACHINE_DEFAULTS, ...parts } } });
  const { alice, group_id, node } = it;
  const { messages } = root.openGroup(group_id)!;
  for (let at = 0; at < count; at += 500) {
    const bodies = Array.from({ length: Math.min(500, count - at) }, (_, n) =>
      messageCanonical(message({ by: ALICE, group_id, timestamp: BigInt(1_700_000_000_000 + at + n) })),
    );
    await alice.say({ kind: "push", group_id, bodies });
  }
  /** A stream on which Alice asks and reads nothing. */
  const ask = async (frame: Frame) => {
    const signal = AbortSignal.timeout(60_000);
    const stream = await alice.transport.open(PublicKey.fromBytes(FOUNDER.publicKey), { hints: [], signal });
    await stream.write(encodeFrame(frame, "entmoot/1"));
    return stream;
  };
  const row = async () => (await node.call(peers, { group_id })).peers.find(({ self }) => !self)!;
  return { ...it, ask, messages, row };
}

describe("what one member asks", () => {
  test("is made once for all its questions, in pieces, and let go when it was read", async () => {
    await using it = await world({}, 6_000);
    let made = 0;
    const steps = it.messages.idsSinceInSteps.bind(it.messages);
    it.messages.idsSinceInSteps = (since) => {
      made += 1;
      return steps(since);
    };
    const question: Frame = { kind: "range_req", group_id: it.group_id, since_millis: 0n };
    const streams = await Promise.all(Array.from({ length: 20 }, () => it.ask(question)));
    await until(() => made > 0);
    const [answer] = await it.alice.say(question);
    expect(answer?.kind === "range_resp" && answer.ids.length).toBe(6_000);
    expect(made).toBe(1);
    for (const stream of streams) stream.reset();
  });

  test("is refused past what is kept unread for it, in words, and counted under its name", async () => {
    const answers = { perPeerBytes: 100_000, totalBytes: 1_000_000, stalledMs: 60_000 };
    await using it = await world({ ...held({ answers }), work: NOWAIT }, 20_000);
    const { alice, ask, group_id, node, row } = it;
    const range = (since: number): Frame => ({ kind: "range_req", group_id, since_millis: BigInt(since) });
    // Longer than the carrier holds for who reads nothing, and larger than her part: it is all she may leave unread.
    const unread = await ask(range(0));
    await until(async () => (await alice.say(range(1)))[0]?.kind === "refused");
    const busy = { kind: "refused", of_type: 0x09, code: "rate_limited", message: expect.stringContaining("unread") };
    expect(await alice.say(range(2))).toMatchObject([busy]);
    expect(await row()).toMatchObject({ refusals: 2, refused_for: "answers" });
    expect(await node.call(status, {})).toMatchObject({ peer_refusals: 2 });
    unread.reset();
    await until(async () => (await alice.say(range(3)))[0]?.kind === "range_resp");
  });

  test("is paid before it is done: past its part of the processor it is refused, and small questions go on", async () => {
    const work = { ...NOWAIT, burstMs: 30, perSecondMs: 1 };
    await using it = await world({ work: { ...work, sureBurstMs: 10, surePerSecondMs: 10 } }, 0);
    const { alice, group_id, row } = it;
    // A page of so many ids has the price of more than all she has.
    const page: Frame = { kind: "ids_req", group_id, limit: 16_384, after: undefined };
    expect(await alice.say(page)).toMatchObject([{ kind: "ids_resp" }]);
    expect(await alice.say(page, { kind: "merkle_req", group_id })).toMatchObject([
      { kind: "refused", of_type: 0x86, code: "rate_limited" },
      { kind: "merkle_resp" },
    ]);
    expect((await row()).refused_for).toBe("work");
  });
});

test("frames that a member does not end are held up to its part, whatever its streams", async () => {
  const incoming = { perPeerBytes: 300_000, totalBytes: 1_000_000, stalledMs: 60_000 };
  await using it = await world(held({ incoming }), 0);
  const { alice, group_id, row } = it;
  const frame = encodeFrame({ kind: "push", group_id, bodies: [new Uint8Array(200_000)] }, "entmoot/1");
  const signal = AbortSignal.timeout(60_000);
  const opened = Array.from({ length: 3 }, () =>
    alice.transport.open(PublicKey.fromBytes(FOUNDER.publicKey), { hints: [], signal }),
  );
  const streams = await Promise.all(opened);
  await Promise.allSettled(streams.map((stream) => stream.write(frame.subarray(0, -1))));
  await until(async () => (await row()).refusals === 2);
  expect((await row()).refused_for).toBe("incoming");
  const ends = await Promise.allSettled(streams.map((stream) => stream.read(1, AbortSignal.timeout(100))));
  const codes = ends.map((end) => (end.status === "rejected" ? end.reason.code : "open"));
  expect(codes.toSorted()).toEqual(["timeout", "unavailable", "unavailable"]);
});

test("what a member was refused is remembered however many keys strangers make up", async () => {
  const work = { ...NOWAIT, burstMs: 1, sureBurstMs: 0, perSecondMs: 0.001, waitMaxMs: 0 };
  const strangers = { ...MACHINE_DEFAULTS.strangers, waitMaxMs: 0 };
  const budget = budgetOf(new ManualClock(), { work, strangers });
  const key = (n: number) => PublicKey.fromBytes(new Uint8Array(new Uint32Array([n, 1, 1, 1, 1, 1, 1, 1]).buffer));
  const member = key(0);
  await budget.pay(member, 1);
  await expect(budget.pay(member, 1)).rejects.toMatchObject({ code: "rate_limited" });
  let refused = 0;
  for (let n = 1; n <= 5_000; n++) {
    const come = budget.admitStranger({ peer: key(n), host: undefined }, { bytes: 1, frames: 1 });
    await come.catch(() => {
      refused += 1;
    });
  }
  expect(refused).toBeGreaterThan(4_096);
  expect(budget.refused).toBe(1 + refused);
  expect(budget.refusals(member)).toEqual({ count: 1, last: "work" });
});

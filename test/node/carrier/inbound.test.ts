import { describe, expect, test } from "bun:test";
import { GroupId, PublicKey } from "../../../src/core/ids.ts";
import { createLog } from "../../../src/host/log.ts";
import { MACHINE_DEFAULTS } from "../../../src/machine/machine-config.ts";
import { INBOUND_TIMEOUTS, Inbound, type InboundParts } from "../../../src/node/carrier/inbound.ts";
import type { MemoryManner } from "../../../src/transport/memory/memory-stream.ts";
import { MemoryNetwork } from "../../../src/transport/memory/memory-transport.ts";
import { encodeFrame } from "../../../src/wire/peer/frame.ts";
import { budgetOf } from "../../support/budget.ts";
import { identity } from "../../support/identity.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { until } from "../../support/nodes.ts";

const REDEEM = encodeFrame(
  { kind: "redeem_req", group_id: GroupId.zero, token: new Uint8Array(16), hostname: "" },
  "entmoot/1",
);

/** A stream from a peer to an `Inbound` that answers a shown token with a refusal, and its clock. */
async function streamTo(parts: Partial<InboundParts> = {}, manner: Partial<MemoryManner> = {}) {
  const clock = (parts.clock as ManualClock | undefined) ?? new ManualClock();
  const network = new MemoryNetwork(clock, manner);
  const [here, there] = [identity(1), identity(2)].map(({ publicKey }) => PublicKey.fromBytes(publicKey));
  const transport = network.join(here!);
  const inbound = new Inbound({
    group: () => undefined,
    isMemberSomewhere: () => false,
    budget: budgetOf(clock),
    rosters: { roster: async () => {}, forks: async () => {} },
    heardFrom: () => {},
    handle: async () => undefined,
    handleStranger: async () => ({
      kind: "refused",
      of_type: 0x88,
      code: "not_found",
      message: "no",
      group_id: undefined,
    }),
    clock,
    log: createLog("error"),
    ...parts,
  });
  transport.accept((stream) => inbound.accept(stream));
  const signal = AbortSignal.timeout(60_000);
  const stream = await network.join(there!).open(here!, { hints: [], signal });
  return { clock, stream, there: there!, [Symbol.asyncDispose]: () => stream[Symbol.asyncDispose]() };
}

/** What a stream gives to a reader that waits: its error, once there is one. */
function watch(reading: Promise<unknown>) {
  const seen: { error: unknown } = { error: undefined };
  reading.catch((error: unknown) => {
    seen.error = error;
  });
  return seen;
}

/** Lets time pass to just before `ms`, when nothing has happened yet, and to `ms`, when the stream is dropped. */
async function expectDroppedAfter(clock: ManualClock, ms: number, seen: { readonly error: unknown }) {
  clock.advance(ms - 1);
  for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
  expect(seen.error).toBeUndefined();
  clock.advance(1);
  await until(() => seen.error !== undefined);
  expect(seen.error).toMatchObject({ code: "unavailable" });
}

test("a peer that stops in the middle of a frame is dropped when its time is over", async () => {
  await using peer = await streamTo();
  await peer.stream.write(REDEEM.subarray(0, 9));
  await until(() => peer.clock.waiting > 0);
  await expectDroppedAfter(peer.clock, INBOUND_TIMEOUTS.firstFrameMs, watch(peer.stream.read(1024)));
});

test("a peer that asks and goes quiet gets its answer and is dropped then", async () => {
  await using peer = await streamTo();
  await peer.stream.write(REDEEM);
  expect((await peer.stream.read(1024))?.[4]).toBe(0x80);
  await until(() => peer.clock.waiting > 0);
  await expectDroppedAfter(peer.clock, INBOUND_TIMEOUTS.nextFrameMs, watch(peer.stream.read(1024)));
});

test("a peer that does not take its answer is dropped", async () => {
  const big = { kind: "refused", of_type: 1, code: "x", message: "y".repeat(1000), group_id: undefined } as const;
  let answers = 0;
  await using peer = await streamTo({
    isMemberSomewhere: () => true,
    handleStranger: async () => {
      answers += 1;
      return big;
    },
  });
  // More answers than the carrier holds for a reader that does not read.
  const flood = Buffer.concat(Array.from({ length: 1000 }, () => REDEEM));
  const flooding = (async () => {
    for (;;) await peer.stream.write(flood);
  })();
  const seen = watch(flooding);
  let before = 0;
  await until(() => {
    const stands = answers > 0 && answers === before;
    before = answers;
    return stands;
  });
  await expectDroppedAfter(peer.clock, INBOUND_TIMEOUTS.answerMs, seen);
});

const ONE = { frames: 1, bytes: 1 };

/** One frame at once, the next a millisecond later. */
const SLOW = { framesPerSecond: 1000, framesBurst: 1 };

test("a peer that sends faster than it may is read slower, and loses nothing", async () => {
  const clock = new ManualClock();
  const budget = budgetOf(clock, { rateLimit: { ...MACHINE_DEFAULTS.rateLimit, ...SLOW } });
  let handled = 0;
  const handleStranger = async () => {
    handled += 1;
    return undefined;
  };
  await using peer = await streamTo({ budget, clock, handleStranger, isMemberSomewhere: () => true });
  await peer.stream.write(Buffer.concat([REDEEM, REDEEM, REDEEM]));
  await peer.stream.finish();
  for (const so of [1, 2]) {
    await until(() => handled === so && clock.waiting > 0);
    clock.advance(1);
  }
  expect(await peer.stream.read(1024)).toBeNull();
  expect(handled).toBe(3);
});

test("a stranger's frame waits for its turn before anything of it is decoded, and is dropped when that would be long", async () => {
  const clock = new ManualClock();
  const strangers = { ...MACHINE_DEFAULTS.strangers, framesPerSecond: 1, framesBurst: 1, waitMaxMs: 1_500 };
  const budget = budgetOf(clock, { strangers });
  await using peer = await streamTo({ budget, clock });
  await peer.stream.write(REDEEM);
  expect((await peer.stream.read(1024))?.[4]).toBe(0x80);
  const [heard, key] = [watch(peer.stream.read(1024)), peer.there];
  // No frame at all: who looks at it drops the stream at once.
  await peer.stream.write(Uint8Array.of(0, 0, 0, 3, 0x88, 1, 2));
  await until(() => clock.waiting > 0);
  clock.advance(999);
  for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
  expect(heard.error).toBeUndefined();
  clock.advance(1);
  await until(() => heard.error !== undefined);
  expect(budget.refusals(key)).toBeUndefined();
  // Of two that wait for one turn, the other would have to wait for too long.
  const both = Promise.allSettled([ONE, ONE].map((one) => budget.admitStranger({ peer: key, host: undefined }, one)));
  clock.advance(1_000);
  const refused = { status: "rejected", reason: { code: "rate_limited", retryAfterMs: 1_000 } };
  expect(await both).toMatchObject([{ status: "fulfilled" }, refused]);
  expect(budget.refusals(key)).toEqual({ count: 1, last: "stranger" });
});

test("a stranger's frame is refused by its size before it is read", async () => {
  await using peer = await streamTo();
  const head = new Uint8Array(5);
  new DataView(head.buffer).setUint32(0, 64 * 1024);
  head[4] = 0x88;
  await peer.stream.write(head);
  await expect(peer.stream.read(1024)).rejects.toMatchObject({ code: "unavailable" });
});

test("over a carrier that does not prove who speaks, nobody is let in by a link", async () => {
  let shown = 0;
  const handleStranger = async () => {
    shown += 1;
    return undefined;
  };
  await using peer = await streamTo({ handleStranger }, { proof: "claim" });
  await peer.stream.write(REDEEM);
  expect((await peer.stream.read(1024))?.[4]).toBe(0x80);
  expect(shown).toBe(0);
});

describe("over a carrier that speaks the original's frames alone", () => {
  const pilot = { dialect: "pilot", proof: "claim" } as const;

  test("an extension ends the stream", async () => {
    await using peer = await streamTo({}, pilot);
    await peer.stream.write(REDEEM);
    await expect(peer.stream.read(1024)).rejects.toMatchObject({ code: "unavailable" });
  });

  test("a refusal has no words: the stream's end is the answer", async () => {
    await using peer = await streamTo({}, pilot);
    await peer.stream.write(
      encodeFrame({ kind: "roster_req", group_id: GroupId.zero, since_head: undefined }, "pilot"),
    );
    await expect(peer.stream.read(1024)).rejects.toMatchObject({ code: "unavailable" });
  });

  test("a frame to which no answer is owed is passed over where it is not for us", async () => {
    await using peer = await streamTo({}, pilot);
    await peer.stream.write(encodeFrame({ kind: "prune", group_id: GroupId.zero }, "pilot"));
    await peer.stream.finish();
    expect(await peer.stream.read(1024)).toBeNull();
  });
});

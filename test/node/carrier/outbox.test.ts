import { expect, test } from "bun:test";
import { GroupId, MessageId, PublicKey } from "../../../src/core/ids.ts";
import { realClock } from "../../../src/host/real-clock.ts";
import { MACHINE_DEFAULTS } from "../../../src/machine/machine-config.ts";
import { Outbox } from "../../../src/node/carrier/outbox.ts";
import { failureOf } from "../../../src/node/carrier/peers.ts";
import { FramedStream } from "../../../src/transport/framed-stream.ts";
import { MemoryNetwork } from "../../../src/transport/memory/memory-transport.ts";
import type { PeerStream } from "../../../src/transport/transport.ts";
import type { Dialect } from "../../../src/wire/frame/frame-types.ts";
import { type Frame, peerLanguage } from "../../../src/wire/peer/frame.ts";
import { arrivals, dial } from "../../contract/transport.contract.ts";
import { budgetOf } from "../../support/budget.ts";

const OTHER = PublicKey.fromBytes(new Uint8Array(32).fill(3));
const PEER = PublicKey.fromBytes(new Uint8Array(32).fill(2));
const group_id = GroupId.fromBytes(new Uint8Array(32).fill(7));
const ihave = (n: number): Frame => ({
  kind: "ihave",
  group_id,
  ids: [MessageId.fromBytes(new Uint8Array(32).fill(n))],
});
const push: Frame = { kind: "push", group_id, bodies: [new Uint8Array(100)] };

/** An outbox to a peer that `open` reaches, with as much room as `budget` has. */
function outboxTo(open: () => Promise<PeerStream>, budget = budgetOf(realClock), to = PEER): Outbox {
  return new Outbox({ clock: realClock, open, hold: (onLost) => budget.outgoing(to, onLost) });
}

/** An outbox to a peer over a carrier that speaks `dialect`, and what arrives there, a list a stream. */
function world(dialect: Dialect) {
  const network = new MemoryNetwork(realClock, { dialect, proof: "claim" });
  const [here, there] = [1, 2].map((n) => network.join(PublicKey.fromBytes(new Uint8Array(32).fill(n))));
  const arriving = arrivals(there!);
  const failed: [string, unknown][] = [];
  const outbox = outboxTo(() => dial(here!, there!));
  const send = (name: string, frame: Frame) => outbox.send(frame, (error) => failed.push([name, error]));
  const received = async () => {
    const stream = await arriving.next();
    await using frames = new FramedStream(stream, peerLanguage(stream.dialect));
    const kinds: string[] = [];
    for (let frame = await frames.read(); frame !== undefined; frame = await frames.read()) kinds.push(frame.kind);
    return kinds;
  };
  return { outbox, send, received, failed, network };
}

test("frames wait for the stream that carries them, and go out in its dialect and in order", async () => {
  const { outbox, send, received, failed } = world("entmoot/1");
  send("a", ihave(1));
  send("b", push);
  send("c", ihave(2));
  expect(await received()).toEqual(["ihave", "push", "ihave"]);
  await outbox.idle();
  expect(failed).toEqual([]);
});

test("a frame that the dialect cannot say is told to its sender, and the others go out", async () => {
  const { outbox, send, received, failed } = world("pilot");
  send("a", ihave(1));
  send("b", push);
  send("c", ihave(2));
  expect(await received()).toEqual(["ihave", "ihave"]);
  await outbox.idle();
  expect(failed).toEqual([["b", expect.objectContaining({ code: "unsupported" })]]);
  // The peer is there: dialling it again would change nothing.
  expect(failureOf(failed[0]![1])).toBe("refused");
});

test("with nothing left to say the stream is dropped, and the outbox goes on", async () => {
  const { outbox, send, received, failed } = world("pilot");
  send("a", push);
  await outbox.idle();
  expect(failed.map(([name]) => name)).toEqual(["a"]);
  send("b", ihave(1));
  expect(await received()).toEqual(["ihave"]);
});

test("each sender is told once when the peer cannot be reached", async () => {
  const outbox = outboxTo(() => Promise.reject(new Error("not there")));
  const failed: string[] = [];
  for (const name of ["a", "b"]) outbox.send(push, () => failed.push(name));
  await outbox.idle();
  expect(failed).toEqual(["a", "b"]);
});

test("what waits is bounded by its bytes: past 8 MiB a frame fails at once", async () => {
  const opened = Promise.withResolvers<never>();
  const outbox = outboxTo(() => opened.promise);
  const failed: number[] = [];
  const megabyte: Frame = { kind: "push", group_id, bodies: [new Uint8Array(1_000_000)] };
  for (let i = 0; i < 10; i++) outbox.send(megabyte, () => failed.push(i));
  await Promise.resolve();
  expect(failed).toEqual([8, 9]);
  opened.reject(new Error("the test is over"));
  await outbox.idle();
  expect(failed).toEqual([8, 9, 0, 1, 2, 3, 4, 5, 6, 7]);
});

test("past what all outboxes hold together, who has most waiting makes room", async () => {
  const opened = Promise.withResolvers<never>();
  const outgoing = { perPeerBytes: 4_000_000, totalBytes: 5_000_000, stalledMs: 60_000 };
  const budget = budgetOf(realClock, { held: { ...MACHINE_DEFAULTS.held, outgoing } });
  const [greedy, modest] = [PEER, OTHER].map((to) => outboxTo(() => opened.promise, budget, to));
  const failed: string[] = [];
  const megabyte: Frame = { kind: "push", group_id, bodies: [new Uint8Array(1_000_000)] };
  for (let i = 0; i < 3; i++) greedy!.send(megabyte, () => failed.push("greedy"));
  for (let i = 0; i < 2; i++) modest!.send(megabyte, () => failed.push("modest"));
  await Promise.resolve();
  expect(failed).toEqual(["greedy", "greedy", "greedy"]);
  expect(budget.refusals(PEER)).toEqual({ count: 1, last: "outgoing" });
  expect(budget.heldBytes).toBeWithin(2_000_000, 2_001_000);
  opened.reject(new Error("the test is over"));
  await modest!.idle();
  expect(budget.heldBytes).toBe(0);
});

test("a frame handed over in whatever moment the outbox falls idle goes out", async () => {
  const network = new MemoryNetwork(realClock);
  const [here, there] = [1, 2].map((n) => network.join(PublicKey.fromBytes(new Uint8Array(32).fill(n))));
  const arriving = arrivals(there!);
  const heard = async () => {
    const stream = await arriving.next();
    await using frames = new FramedStream(stream, peerLanguage(stream.dialect));
    return await frames.read();
  };
  for (let microtasks = 0; microtasks < 20; microtasks++) {
    let onFinished: (() => void) | undefined;
    const outbox = outboxTo(async () => {
      const stream = await dial(here!, there!);
      const finish = stream.finish.bind(stream);
      stream.finish = async () => {
        await finish();
        onFinished?.();
        onFinished = undefined;
      };
      return stream;
    });
    onFinished = () => afterMicrotasks(microtasks, () => outbox.send(ihave(2), () => {}));
    outbox.send(ihave(1), () => {});
    expect([await heard(), await heard()]).toEqual([ihave(1), ihave(2)]);
    await outbox.idle();
  }
});

function afterMicrotasks(count: number, work: () => void): void {
  queueMicrotask(count === 0 ? work : () => afterMicrotasks(count - 1, work));
}

test("a frame that goes to several peers is written once", async () => {
  let writings = 0;
  const frame: Frame = {
    kind: "ihave",
    group_id,
    get ids() {
      writings += 1;
      return [];
    },
  };
  const [one, other] = [world("entmoot/1"), world("entmoot/1")];
  one.send("a", frame);
  const once = writings;
  expect(once).toBeGreaterThan(0);
  other.send("a", frame);
  expect([await one.received(), await other.received()]).toEqual([["ihave"], ["ihave"]]);
  expect(writings).toBe(once);
});

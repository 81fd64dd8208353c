import { expect, test } from "bun:test";
import { unixMs } from "../../src/core/clock.ts";
import { GroupId, PublicKey } from "../../src/core/ids.ts";
import { signGossip } from "../../src/core/record/gossip.ts";
import { messageCanonical } from "../../src/core/record/message.ts";
import type { Message } from "../../src/core/record/records.ts";
import { createGenesis, createRosterEntry } from "../../src/core/roster/roster-change.ts";
import { RosterLog } from "../../src/core/roster/roster-log.ts";
import { MACHINE_DEFAULTS } from "../../src/machine/machine-config.ts";
import { status } from "../../src/node/operations/daemon.ts";
import { group_create, roster_change } from "../../src/node/operations/moots.ts";
import { FramedStream } from "../../src/transport/framed-stream.ts";
import { encodeFrame, type Frame, peerLanguage } from "../../src/wire/peer/frame.ts";
import { pageIds } from "../../src/wire/peer/id-page.ts";
import { identity } from "../support/identity.ts";
import { message } from "../support/message.ts";
import { OPEN_GROUP, until } from "../support/nodes.ts";
import { ALICE, FOUNDER, nodeWithRawMember, STRANGER } from "../support/raw-member.ts";
import { RawPeer } from "../support/raw-peer.ts";
import { statusQuestion } from "../support/status-question.ts";

/** With what Alice says, and how much of it is kept. */
async function world() {
  const { network, node, group_id, alice } = await nodeWithRawMember();
  const count = async () => (await node.call(status, {})).groups.find((group) => group.group_id === group_id)?.messages;
  const push = (...messages: Message[]) =>
    alice.say({ kind: "push", group_id, bodies: messages.map(messageCanonical) });
  const said = (fields: Parameters<typeof message>[0] = {}) => message({ by: ALICE, group_id, ...fields });
  return { network, node, group_id, alice, count, push, said };
}

test("a pushed message of a member is stored; one of another group or with a broken signature is not", async () => {
  const { node, count, push, said } = await world();
  await using _closing = node;
  const other = GroupId.fromBytes(new Uint8Array(32).fill(9));
  const good = said();
  const tampered = { ...said({ timestamp: 2n }), content: new TextEncoder().encode("other") };
  const resigned = { ...said({ timestamp: 3n }), signature: new Uint8Array(64) };
  await push(said({ group_id: other }), tampered, resigned, good);
  expect(await count()).toBe(1);
});

test("a message of another group in this group's frame is stored in neither", async () => {
  const { node, push, said } = await world();
  await using _closing = node;
  const { group_id: second } = await node.call(group_create, OPEN_GROUP);
  await push(said({ group_id: second }));
  expect((await node.call(status, {})).groups.map(({ messages }) => messages)).toEqual([0, 0]);
});

test("a message whose author is not in the roster waits until the roster names it", async () => {
  const { node, group_id, alice, count, push, said } = await world();
  await using _closing = node;
  const early = said({ by: STRANGER, author: STRANGER.info });
  await push(early);
  expect(await count()).toBe(0);
  const log = await rosterOf(alice, group_id);
  const change = { op: "add", key: STRANGER.publicKey } as const;
  const entry = createRosterEntry({ log, seed: FOUNDER.seed, nowMs: unixMs(Date.now()), change });
  await alice.say({ kind: "roster_resp", group_id, entries: [...log.entries, entry] });
  await until(async () => (await count()) === 1);
});

async function rosterOf(peer: RawPeer, group_id: GroupId): Promise<RosterLog> {
  const [answer] = await peer.say({ kind: "roster_req", group_id, since_head: undefined });
  if (answer?.kind !== "roster_resp") throw new Error("no roster");
  const { log, stopped } = RosterLog.empty.sync(answer.entries);
  expect(stopped).toBeUndefined();
  return log;
}

test("who is not a member gets nothing of a group, not even that it is there", async () => {
  const { network, node, group_id, said } = await world();
  await using _closing = node;
  const stranger = new RawPeer(network, STRANGER, FOUNDER);
  const absent = GroupId.fromBytes(new Uint8Array(32).fill(9));
  for (const group of [group_id, absent]) {
    for (const frame of [
      statusQuestion(group),
      { kind: "roster_req", group_id: group, since_head: undefined },
      { kind: "merkle_req", group_id: group },
      { kind: "fetch_req", group_id: group, id: said().id },
    ] as const) {
      expect(await stranger.say(frame)).toMatchObject([{ kind: "refused", code: "not_member" }]);
    }
  }
});

test("strangers with many keys on one host keep out nobody from elsewhere", async () => {
  const strangers = { ...MACHINE_DEFAULTS.strangers, waitMaxMs: 300 };
  await using it = await nodeWithRawMember({ parts: { config: { ...MACHINE_DEFAULTS, strangers } } });
  const { network, group_id } = it;
  const keys = Array.from({ length: 20 }, (_, n) => new RawPeer(network, identity(100 + n), FOUNDER));
  const bytes = encodeFrame(statusQuestion(group_id), "entmoot/1");
  for (const { transport } of keys) transport.host = "192.0.2.1";
  let isOver = false;
  let dropped = 0;
  const crowd = keys.flatMap((peer) =>
    Array.from({ length: 3 }, async () => {
      while (!isOver) if ((await peer.sayBytes(bytes)) === "reset") dropped += 1;
    }),
  );
  const end = async () => {
    isOver = true;
    await Promise.all(crowd);
  };
  await using _crowd = { [Symbol.asyncDispose]: end };
  await until(() => dropped > keys.length);
  const stranger = new RawPeer(network, STRANGER, FOUNDER);
  stranger.transport.host = "192.0.2.2";
  for (let n = 0; n < 16; n++) {
    expect(await stranger.say(statusQuestion(group_id))).toMatchObject([{ kind: "refused", code: "not_member" }]);
  }
});

test("a removed member gets nothing more", async () => {
  const { node, group_id, alice } = await world();
  await using _closing = node;
  expect(await alice.say(statusQuestion(group_id))).toMatchObject([{ kind: "status_resp" }]);
  const key = PublicKey.fromBytes(ALICE.publicKey);
  await node.call(roster_change, { group_id, op: "remove", entmoot_pubkey: key });
  expect(await alice.say(statusQuestion(group_id))).toMatchObject([{ kind: "refused", code: "not_member" }]);
});

test("a removed member is a stranger also on a stream that it had open", async () => {
  const { node, group_id, alice, said } = await world();
  await using _closing = node;
  const key = PublicKey.fromBytes(ALICE.publicKey);
  const signal = AbortSignal.timeout(60_000);
  const stream = await alice.transport.open(PublicKey.fromBytes(FOUNDER.publicKey), { hints: [], signal });
  await using frames = new FramedStream(stream, peerLanguage(stream.dialect));
  const large: Frame = {
    kind: "push",
    group_id,
    bodies: [messageCanonical(said({ content: new Uint8Array(60_000) }))],
  };
  const ask = async () => {
    await frames.write({ kind: "merkle_req", group_id }, signal);
    return await frames.read(signal);
  };
  await frames.write(large, signal);
  expect(await ask()).toMatchObject({ kind: "merkle_resp", message_count: 1 });
  await node.call(roster_change, { group_id, op: "remove", entmoot_pubkey: key });
  expect(await ask()).toMatchObject({ kind: "refused", code: "not_member" });
  const sent = frames.write(large, signal).then(ask);
  await expect(sent).rejects.toMatchObject({ code: "unavailable" });
});

test("what a removed member wrote is taken whatever its date, for other members may hold it", async () => {
  const { network, node, group_id, count, said } = await world();
  await using _closing = node;
  const key = PublicKey.fromBytes(ALICE.publicKey);
  await node.call(roster_change, {
    group_id,
    op: "add",
    entmoot_pubkey: PublicKey.fromBytes(STRANGER.publicKey),
  });
  await node.call(roster_change, { group_id, op: "remove", entmoot_pubkey: key });
  const third = new RawPeer(network, STRANGER, FOUNDER);
  const before = said({ timestamp: BigInt(Date.now() - 60_000) });
  const after = said({ timestamp: BigInt(Date.now() + 60_000) });
  await third.say({ kind: "push", group_id, bodies: [before, after].map(messageCanonical) });
  expect(await count()).toBe(2);
});

test("an extension we do not know is refused in words, and the stream goes on", async () => {
  const { node, group_id, alice } = await world();
  await using _closing = node;
  const unknown = Uint8Array.of(0, 0, 0, 3, 0xf0, 1, 2);
  const known = encodeFrame(statusQuestion(group_id), "entmoot/1");
  expect(await alice.sayBytes(Buffer.concat([unknown, known]))).toMatchObject([
    { kind: "refused", of_type: 0xf0, code: "unknown_frame" },
    { kind: "status_resp" },
  ]);
});

test("malformed, truncated and oversized frames end the stream and nothing else", async () => {
  const { node, group_id, alice, count, push, said } = await world();
  await using _closing = node;
  const hostile = [
    Uint8Array.of(0, 0, 0, 0),
    Uint8Array.of(0, 0, 0, 5, 0x0d, 0x7b),
    Uint8Array.of(0, 0, 0, 2, 0x0d, 0x7b),
    Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0x0d),
    Uint8Array.of(0, 0xff, 0, 0, 0x0d, 0x7b),
    Uint8Array.of(0, 0, 0, 3, 0x00, 0x7b, 0x7d),
    Uint8Array.of(0, 0, 0, 3, 0x83, 1, 2),
  ];
  for (const bytes of hostile) expect(await alice.sayBytes(bytes)).toBe("reset");
  await push(said());
  expect(await count()).toBe(1);
  expect(await alice.say(statusQuestion(group_id))).toMatchObject([{ message_count: 1 }]);
});

test("a gossip frame of the original counts when its sender signed it, and not otherwise", async () => {
  const { node, group_id, alice, count, said } = await world();
  await using _closing = node;
  const body = said();
  const frame = { group_id, ids: [body.id], timestamp: BigInt(Date.now()) };
  const forged = signGossip({ seed: STRANGER.seed, frame });
  await alice.say({ kind: "gossip", ...frame, body, signature: forged }).catch(() => {});
  expect(await count()).toBe(0);
  await alice.say({ kind: "gossip", ...frame, body, signature: signGossip({ seed: ALICE.seed, frame }) });
  expect(await count()).toBe(1);
});

test("a roster that is not this group's changes nothing", async () => {
  const { node, group_id, alice } = await world();
  await using _closing = node;
  const log = await rosterOf(alice, group_id);
  const change = { op: "add", key: STRANGER.publicKey } as const;
  const genesis = createGenesis({ seed: STRANGER.seed, nowMs: unixMs(Date.now()) });
  const entry = createRosterEntry({ log, seed: FOUNDER.seed, nowMs: unixMs(Date.now()), change });
  const edited = { ...entry, subject: { ...entry.subject, pilot_node_id: 7 } };
  for (const entries of [[], [genesis], [...log.entries, edited]]) {
    await alice.say({ kind: "roster_resp", group_id, entries });
  }
  expect((await node.call(status, {})).groups[0]?.members).toBe(2);
});

test("a member can page through ids and fetch what it lacks", async () => {
  const { node, group_id, alice, push, said } = await world();
  await using _closing = node;
  const messages = Array.from({ length: 5 }, (_, i) => said({ timestamp: BigInt(i + 1) }));
  await push(...messages);
  const ids = messages.map(({ id }) => id);
  const page = { kind: "ids_req", group_id, limit: 3 } as const;
  const [first] = await alice.say({ ...page, after: undefined });
  if (first?.kind !== "ids_resp") throw new Error("no page");
  const place = { timestamp: 3n, author_node_id: messages[2]!.author.pilot_node_id, id: ids[2]! };
  expect([first.next, pageIds(first.ids)]).toEqual([place, ids.slice(0, 3)]);
  const [second] = await alice.say({ ...page, after: place });
  if (second?.kind !== "ids_resp") throw new Error("no page");
  expect([second.next, pageIds(second.ids)]).toEqual([undefined, ids.slice(3)]);
  const [answer] = await alice.say({ kind: "fetch_many_req", group_id, ids: [...ids, said({ timestamp: 99n }).id] });
  expect(answer).toMatchObject({ outcomes: [...ids.map(() => "sent"), "unknown"] });
});

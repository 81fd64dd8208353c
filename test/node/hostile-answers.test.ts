import { expect, test } from "bun:test";
import { createInvite, formatInvite } from "../../src/core/admission/invite.ts";
import { later, unixMs } from "../../src/core/clock.ts";
import { EntmootError } from "../../src/core/errors.ts";
import { GroupId, MerkleRoot, MessageId, PublicKey, RosterEntryId } from "../../src/core/ids.ts";
import { messageCanonical } from "../../src/core/record/message.ts";
import type { Invite } from "../../src/core/record/records.ts";
import { createGenesis, createRosterEntry } from "../../src/core/roster/roster-change.ts";
import { RosterLog } from "../../src/core/roster/roster-log.ts";
import { realClock } from "../../src/host/real-clock.ts";
import { DialBackoff } from "../../src/machine/dial-backoff.ts";
import { MACHINE_DEFAULTS } from "../../src/machine/machine-config.ts";
import { Peers } from "../../src/node/carrier/peers.ts";
import { redeem } from "../../src/node/join/redeem-link.ts";
import { status } from "../../src/node/operations/daemon.ts";
import { join } from "../../src/node/operations/invites.ts";
import { publish } from "../../src/node/operations/messages.ts";
import { group_create, roster_change } from "../../src/node/operations/moots.ts";
import { MemoryDataRoot } from "../../src/store/memory/memory-data-root.ts";
import { FramedStream } from "../../src/transport/framed-stream.ts";
import { MemoryNetwork } from "../../src/transport/memory/memory-transport.ts";
import type { Transport } from "../../src/transport/transport.ts";
import { encodeFrame, type Frame, frameType, peerLanguage } from "../../src/wire/peer/frame.ts";
import { budgetOf } from "../support/budget.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { GROUP, message } from "../support/message.ts";
import { OPEN_GROUP, startNode, until } from "../support/nodes.ts";
import { ALICE, FOUNDER, nodeWithRawMember, STRANGER } from "../support/raw-member.ts";
import { statusQuestion } from "../support/status-question.ts";

const OTHER_GROUP = GroupId.fromBytes(new Uint8Array(32).fill(9));

/** A node's way to its peers, with no hints and no dial that ever failed. */
function peersOver(transport: Transport): Peers {
  const backoff = new DialBackoff(MACHINE_DEFAULTS);
  return new Peers({ transport, hints: () => [], backoff, budget: budgetOf(realClock), clock: realClock });
}

/** Asks a peer that answers everything with `answer`. */
async function askOneThatSays(answer: Frame) {
  const network = new MemoryNetwork(realClock);
  const [here, there] = [FOUNDER, ALICE].map(({ publicKey }) => PublicKey.fromBytes(publicKey));
  const transport = network.join(here!);
  network.join(there!).accept(async (stream) => {
    const signal = AbortSignal.timeout(60_000);
    await using frames = new FramedStream(stream, peerLanguage(stream.dialect));
    await frames.read(signal);
    await frames.write(answer, signal);
  });
  const peers = peersOver(transport);
  const question = { kind: "merkle_req", group_id: GROUP } as const;
  return peers.ask(there!, question, "merkle_resp", 60_000);
}

test("an answer about another group than was asked about is no answer", async () => {
  const answer = { kind: "merkle_resp", root: MerkleRoot.zero, message_count: 3 } as const;
  expect(await askOneThatSays({ ...answer, group_id: GROUP })).toMatchObject({ message_count: 3 });
  await expect(askOneThatSays({ ...answer, group_id: OTHER_GROUP })).rejects.toThrow("about another");
});

test("a member can answer with nothing larger than what was asked for may have", async () => {
  const network = new MemoryNetwork(realClock);
  const [here, there] = [FOUNDER, ALICE].map(({ publicKey }) => PublicKey.fromBytes(publicKey));
  const peers = peersOver(network.join(here!));
  let type = 0;
  let length = 0;
  network.join(there!).accept(async (stream) => {
    const head = new Uint8Array(5);
    new DataView(head.buffer).setUint32(0, length);
    head[4] = type;
    // Only its size can be the reason: not a byte of its body is sent, and the stream is not ended.
    await stream.write(head);
  });
  const asked = (expected: "merkle_resp" | "fetch_resp") => {
    const group_id = GROUP;
    const question =
      expected === "merkle_resp"
        ? ({ kind: "merkle_req", group_id } as const)
        : ({ kind: "fetch_req", group_id, id: MessageId.zero } as const);
    return peers.ask(there!, question, expected, 60_000);
  };
  // A whole roster where a root was asked for, and a message that nobody would keep.
  [type, length] = [frameType("roster_resp"), 64 * 1024 + 1];
  await expect(asked("merkle_resp")).rejects.toMatchObject({ code: "frame_too_large" });
  [type, length] = [frameType("fetch_resp"), 1024 * 1024 + 1];
  await expect(asked("fetch_resp")).rejects.toMatchObject({ code: "frame_too_large" });
});

test("answers nobody asked for change nothing, and the stream goes on", async () => {
  await using it = await nodeWithRawMember();
  const { group_id, alice } = it;
  const answers = await alice.say(
    { kind: "ids_resp", group_id, ids: new Uint8Array(32), next: undefined },
    {
      kind: "fetch_many_resp",
      group_id,
      outcomes: ["sent"],
      bodies: [messageCanonical(message({ by: ALICE, group_id }))],
    },
    statusQuestion(group_id),
  );
  expect(answers.map(({ kind }) => kind)).toEqual(["refused", "refused", "status_resp"]);
  expect(answers.at(-1)).toMatchObject({ message_count: 0 });
});

test("a member can make this node hold no frame larger than 1 MiB", async () => {
  await using it = await nodeWithRawMember();
  const { alice } = it;
  for (const type of [0x03, 0x06, 0x0a, 0x10, 0x11, 0x14]) {
    const head = new Uint8Array(5);
    new DataView(head.buffer).setUint32(0, 1024 * 1024 + 1);
    head[4] = type;
    // Only its size can be the reason: not a byte of its body has been sent, and the stream is not ended.
    const stream = await alice.transport.open(PublicKey.fromBytes(FOUNDER.publicKey), {
      hints: [],
      signal: AbortSignal.timeout(10_000),
    });
    await stream.write(head);
    await expect(stream.read(1024, AbortSignal.timeout(10_000))).rejects.toMatchObject({ code: "unavailable" });
  }
});

test("two groups founded at one instant do not share their first entry, so neither's roster holds in the other", async () => {
  const nowMs = Date.now();
  await using node = await startNode(undefined, 1, { clock: { ...realClock, unix: () => unixMs(nowMs) } });
  const root = async () => {
    const { group_id } = await node.call(group_create, OPEN_GROUP);
    const key = PublicKey.fromBytes(ALICE.publicKey);
    const { entry_id } = await node.call(roster_change, { group_id, op: "add", entmoot_pubkey: key });
    return entry_id;
  };
  expect(new Set([await root(), await root(), await root()]).size).toBe(3);
});

test("a full disk while held messages are let out ends nothing but that", async () => {
  const root = new MemoryDataRoot();
  await using it = await nodeWithRawMember({ root });
  const { node, group_id, alice } = it;
  const early = message({ by: STRANGER, group_id });
  await alice.say({ kind: "push", group_id, bodies: [messageCanonical(early)] });
  const { messages } = root.openGroup(group_id)!;
  const put = messages.putMany.bind(messages);
  let refused = 0;
  messages.putMany = () => {
    refused += 1;
    throw new EntmootError("disk_full", "no room");
  };
  const [answer] = await alice.say({ kind: "roster_req", group_id, since_head: undefined });
  if (answer?.kind !== "roster_resp") throw new Error("no roster");
  const { log } = RosterLog.empty.sync(answer.entries);
  const change = { op: "add", key: STRANGER.publicKey } as const;
  const entry = createRosterEntry({ log, seed: FOUNDER.seed, nowMs: unixMs(Date.now()), change });
  await alice.say({ kind: "roster_resp", group_id, entries: [...log.entries, entry] });
  await until(() => refused > 0);
  messages.putMany = put;
  await alice.say({ kind: "push", group_id, bodies: [messageCanonical(early)] });
  expect((await node.call(status, {})).groups[0]?.messages).toBe(1);
});

test("an issuer that ends without an answer is asked again; one that says no is not", async () => {
  const network = new MemoryNetwork(realClock);
  const transport = network.join(PublicKey.fromBytes(FOUNDER.publicKey));
  const issuer = PublicKey.fromBytes(ALICE.publicKey);
  let asked = 0;
  network.join(issuer).accept(async (stream) => {
    asked += 1;
    await using frames = new FramedStream(stream, peerLanguage(stream.dialect));
    const signal = AbortSignal.timeout(60_000);
    await frames.read(signal);
    const refused = { kind: "refused", of_type: 0x88, message: "no", group_id: undefined } as const;
    if (asked === 2) await frames.write({ ...refused, code: "internal" }, signal);
    if (asked === 3) await frames.write({ ...refused, code: "expired" }, signal);
  });
  const peers = peersOver(transport);
  const token = new Uint8Array(16);
  const link = { groupId: GROUP, issuer, hints: [], token, expiresAtMs: 0 };
  const attempt = { deadline: later(realClock.steady(), 60_000), signal: undefined, progress: () => {} };
  await expect(
    redeem({ peers, hostname: "", config: MACHINE_DEFAULTS, clock: realClock }, link, attempt),
  ).rejects.toMatchObject({
    code: "expired",
  });
  expect(asked).toBe(3);
});

test("a graft of many large messages reads no more of them at once than may wait for one peer", async () => {
  const root = new MemoryDataRoot();
  await using it = await nodeWithRawMember({ root });
  const { node, group_id, alice } = it;
  const content = new Uint8Array(700_000);
  const ids: MessageId[] = [];
  for (let i = 0; i < 24; i++) {
    ids.push((await node.call(publish, { group_id, topics: ["chat"], content })).message_id);
  }
  const { messages } = root.openGroup(group_id)!;
  const get = messages.get.bind(messages);
  let read = 0;
  messages.get = (id) => {
    read += 1;
    return get(id);
  };
  await alice.say({ kind: "graft", group_id, ids });
  await until(() => read > 0);
  expect(read).toBeLessThan(12);
});

test("grafts are paid for by what they bring up, before any of it is read", async () => {
  const root = new MemoryDataRoot();
  const work = {
    ...MACHINE_DEFAULTS.work,
    burstMs: 800,
    perSecondMs: 1,
    surePerSecondMs: 1,
    sureBurstMs: 1,
    waitingMax: 0,
  };
  await using it = await nodeWithRawMember({ root, parts: { config: { ...MACHINE_DEFAULTS, work } } });
  const { group_id, alice } = it;
  const content = new Uint8Array(700_000);
  const large = Array.from({ length: 5 }, (_, n) =>
    message({ by: ALICE, group_id, timestamp: BigInt(n + 1), content }),
  );
  for (const each of large) await alice.say({ kind: "push", group_id, bodies: [messageCanonical(each)] });
  const { messages } = root.openGroup(group_id)!;
  expect(messages.size).toBe(5);
  const get = messages.get.bind(messages);
  let read = 0;
  messages.get = (id) => {
    read += 1;
    return get(id);
  };
  const frame = { kind: "graft", group_id, ids: large.map(({ id }) => id) } as const;
  for (let n = 0; n < 10; n++) await alice.sayBytes(encodeFrame(frame, "entmoot/1"));
  expect(read).toBeGreaterThan(0);
  expect(read).toBeLessThan(20);
});

test("a member that comes and goes is asked a few times what it knows of others, and not each time", async () => {
  await using it = await nodeWithRawMember();
  const { network, group_id, alice } = it;
  const [here, there] = [FOUNDER, ALICE].map(({ publicKey }) => PublicKey.fromBytes(publicKey));
  const asked = { peer_hints_req: 0, member_profile_snapshot_req: 0 };
  alice.transport.accept(async (stream) => {
    const frames = new FramedStream(stream, peerLanguage(stream.dialect));
    const frame = await frames.read(AbortSignal.timeout(60_000)).catch(() => undefined);
    if (frame !== undefined && frame.kind in asked) asked[frame.kind as keyof typeof asked] += 1;
    stream.reset();
  });
  for (let meeting = 0; meeting < 7; meeting++) {
    network.cut(here!, there!);
    network.heal(here!, there!);
    // Its answer is behind what the node asks by itself when two meet.
    await alice.say(statusQuestion(group_id));
    await until(() => Object.values(asked).every((count) => count >= Math.min(meeting + 1, 4)));
  }
  expect(asked).toEqual({ peer_hints_req: 4, member_profile_snapshot_req: 4 });
});

/** By the founder of tests, to a group whose roster ends so. */
function inviteTo(roster_head: RosterEntryId): Invite {
  return createInvite(
    {
      merkle_root: MerkleRoot.zero,
      group_id: GROUP,
      founder: FOUNDER.info,
      issuer: FOUNDER.info,
      roster_head,
      bootstrap_peers: [],
      issued_at: BigInt(Date.now()),
      valid_until: BigInt(Date.now() + 60_000),
    },
    FOUNDER.seed,
  );
}

test("a join asks for no further page of a roster behind one that says again what was said, or is not signed", async () => {
  const network = new MemoryNetwork(realClock);
  const genesis = createGenesis({ seed: FOUNDER.seed, nowMs: unixMs(1_700_000_000_000) });
  const forged = { ...genesis, signature: new Uint8Array(64) };
  const asked: RosterEntryId[] = [];
  network.join(PublicKey.fromBytes(FOUNDER.publicKey)).accept(async (stream) => {
    const frames = new FramedStream(stream, peerLanguage(stream.dialect));
    const question = await frames.read(AbortSignal.timeout(60_000)).catch(() => undefined);
    if (question?.kind !== "roster_page_req") return;
    asked.push(question.after);
    const entries = asked.length === 1 ? [genesis, genesis] : [forged];
    await frames.write({ kind: "roster_page_resp", group_id: GROUP, entries, last: false, name: "" });
    await frames.finish();
  });
  await using alice = await startNode(network, 2);
  const input = formatInvite(inviteTo(genesis.id));
  for (const attempt of [1, 2]) {
    await expect(alice.call(join, { input, timeout_ms: 60_000 })).rejects.toMatchObject({ code: "roster_rejected" });
    expect(asked).toEqual(new Array(attempt).fill(RosterEntryId.zero));
  }
});

test("a join whose member serves the roster and then answers nothing ends in its time, joined", async () => {
  const network = new MemoryNetwork(realClock);
  const genesis = createGenesis({ seed: FOUNDER.seed, nowMs: unixMs(1_700_000_000_000) });
  const start = RosterLog.empty.sync([genesis]).log;
  const change = { op: "add", key: ALICE.publicKey } as const;
  const added = createRosterEntry({ log: start, seed: FOUNDER.seed, nowMs: unixMs(1_700_000_000_001), change });
  network.join(PublicKey.fromBytes(FOUNDER.publicKey)).accept(async (stream) => {
    const signal = AbortSignal.timeout(60_000);
    const frames = new FramedStream(stream, peerLanguage(stream.dialect));
    const asked = await frames.read(signal).catch(() => undefined);
    if (asked?.kind !== "roster_page_req") return;
    await frames.write(
      { kind: "roster_page_resp", group_id: GROUP, entries: [genesis, added], last: true, name: "" },
      signal,
    );
    await frames.finish();
  });
  const invite = inviteTo(added.id);
  const clock = new ManualClock(Date.now());
  await using alice = await startNode(network, 2, { clock });
  const comparing = Promise.withResolvers<void>();
  let isDone = false;
  const joining = alice
    .call(
      join,
      { input: formatInvite(invite), timeout_ms: 1_000 },
      { onEvent: ({ stage }) => (stage === "messages" ? comparing.resolve() : undefined) },
    )
    .finally(() => {
      isDone = true;
    });
  await comparing.promise;
  clock.advance(999);
  await new Promise((resolve) => setImmediate(resolve));
  expect(isDone).toBeFalse();
  clock.advance(1);
  expect(await joining).toMatchObject({ status: "joined", members: 2 });
});

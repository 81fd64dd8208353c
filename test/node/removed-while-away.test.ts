import { describe, expect, test } from "bun:test";
import { encodeUtf8 } from "../../src/core/bytes/utf8.ts";
import { PublicKey, RosterEntryId } from "../../src/core/ids.ts";
import type { RosterEntry } from "../../src/core/record/records.ts";
import { realClock } from "../../src/host/real-clock.ts";
import type { EntmootNode } from "../../src/node/entmoot-node.ts";
import { status } from "../../src/node/operations/daemon.ts";
import { eventsOf } from "../../src/node/operations/events.ts";
import { publish, type WatchEvent, watch } from "../../src/node/operations/messages.ts";
import { roster_change } from "../../src/node/operations/moots.ts";
import { MemoryDataRoot } from "../../src/store/memory/memory-data-root.ts";
import { FramedStream } from "../../src/transport/framed-stream.ts";
import { MemoryNetwork } from "../../src/transport/memory/memory-transport.ts";
import { peerLanguage } from "../../src/wire/peer/frame.ts";
import { FAST } from "../support/fast-config.ts";
import { identity, type TestIdentity } from "../support/identity.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { GROUP as group_id } from "../support/message.ts";
import { startNode, until } from "../support/nodes.ts";
import { ALICE, FOUNDER, nodeWithRawMember, STRANGER } from "../support/raw-member.ts";
import { RawPeer } from "../support/raw-peer.ts";
import { changed, roster } from "../support/roster.ts";

const [CAROL, DAVE] = [identity(4), identity(5)];
const keyOf = ({ publicKey }: TestIdentity) => PublicKey.fromBytes(publicKey);
const BEFORE = roster([FOUNDER, ALICE, CAROL]);
const REMOVED = changed(BEFORE, FOUNDER, { op: "remove", nodeId: CAROL.nodeId, key: CAROL.publicKey });
const LATER = changed(REMOVED, FOUNDER, { op: "add", key: DAVE.publicKey });

/** A data root that holds the moot as far as these entries. */
function rootWith(entries: readonly RosterEntry[]): MemoryDataRoot {
  const root = new MemoryDataRoot();
  root.createGroup(group_id).roster.append(entries);
  return root;
}

const mootOf = async (node: EntmootNode) => (await node.call(status, {})).groups[0]!;

describe("a member that was removed while it was away", () => {
  test("is told by any member it meets, shows the proof and publishes no more", async () => {
    const network = new MemoryNetwork(realClock);
    await using carol = await startNode(network, 4, { root: rootWith(BEFORE.entries), parts: { config: FAST } });
    const events: WatchEvent[] = [];
    const watching = (async () => {
      for await (const event of eventsOf(carol, watch, {})) events.push(event);
    })();
    expect(await mootOf(carol)).toMatchObject({ local_member: true, removal: undefined });
    // Its founder is gone; Alice knows, and somebody who came later.
    await using _alice = await startNode(network, 2, { root: rootWith(LATER.entries) });
    await until(async () => !(await mootOf(carol)).local_member);
    const removal = { entry_id: REMOVED.head, at_ms: REMOVED.entries.at(-1)!.timestamp, lost: false };
    // Nothing that came later.
    expect(await mootOf(carol)).toMatchObject({ removal, roster_head: REMOVED.head, members: 2 });
    const publishing = carol.call(publish, { topics: ["chat"], content: encodeUtf8("x") });
    await expect(publishing).rejects.toMatchObject({
      code: "not_member",
      message: expect.stringContaining(RosterEntryId.toBase64(REMOVED.head)),
    });
    await until(() => events.length > 0);
    expect(events).toMatchObject([{ kind: "peer", event: "left", self: true, entry_id: REMOVED.head }]);
    await carol.close();
    await watching.catch(() => {});
  });

  test("is told although members that refuse it as well answer nothing when they are asked why", async () => {
    const refusing = [ALICE, ...Array.from({ length: 9 }, (_, n) => identity(20 + n))];
    const before = roster([FOUNDER, CAROL, ...refusing]);
    // More than it is told unasked.
    let after = before;
    for (let n = 0; n < 100; n++) after = changed(after, FOUNDER, { op: "add", key: identity(100 + n).publicKey });
    after = changed(after, FOUNDER, { op: "remove", nodeId: CAROL.nodeId, key: CAROL.publicKey });
    const network = new MemoryNetwork(realClock);
    const asked = new Set<TestIdentity>();
    for (const one of refusing) {
      network.join(keyOf(one)).accept(async (stream) => {
        const frames = new FramedStream(stream, peerLanguage(stream.dialect));
        const frame = await frames.read().catch(() => undefined);
        if (frame?.kind === "roster_proof_req") asked.add(one);
        else if (frame?.kind === "status_req") {
          await frames.write({ kind: "refused", of_type: 0x81, code: "not_member", message: "no", group_id });
          await frames.finish();
        } else stream.reset();
      });
    }
    // So long as it takes no time, nobody is given up.
    const clock = new ManualClock(Date.now());
    await using carol = await startNode(network, 4, { root: rootWith(before.entries), clock, parts: { config: FAST } });
    const passes = async (holds: () => boolean | Promise<boolean>) => {
      for (let ms = 0; ms < 10_000 && !(await holds()); ms += 10) {
        clock.advance(10);
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    };
    await passes(() => asked.size === refusing.length);
    expect(asked.size).toBe(refusing.length);
    await using _founder = await startNode(network, 1, { root: rootWith(after.entries) });
    await passes(async () => !(await mootOf(carol)).local_member);
    expect((await mootOf(carol)).removal?.entry_id).toBe(after.head);
  });

  test("is told although it is two removals and a readmission behind", async () => {
    const back = changed(LATER, FOUNDER, { op: "add", key: CAROL.publicKey });
    const out = changed(back, FOUNDER, { op: "remove", nodeId: CAROL.nodeId, key: CAROL.publicKey });
    const network = new MemoryNetwork(realClock);
    await using carol = await startNode(network, 4, { root: rootWith(BEFORE.entries), parts: { config: FAST } });
    await using _alice = await startNode(network, 2, { root: rootWith(out.entries) });
    await until(async () => (await mootOf(carol)).removal?.entry_id === out.head);
  });
});

test("a member of the original's dialect, which ends the stream, is asked for the roster that it tells anybody", async () => {
  const network = new MemoryNetwork(realClock, { dialect: "pilot", proof: "claim" });
  const asked: string[] = [];
  network.join(keyOf(ALICE)).accept((stream) => {
    void (async () => {
      await using frames = new FramedStream(stream, peerLanguage(stream.dialect));
      const signal = AbortSignal.timeout(60_000);
      const frame = await frames.read(signal);
      asked.push(frame?.kind ?? "");
      if (frame?.kind !== "roster_req") return stream.reset();
      await frames.write({ kind: "roster_resp", group_id, entries: REMOVED.entries }, signal);
    })().catch(() => {});
  });
  await using carol = await startNode(network, 4, { root: rootWith(BEFORE.entries), parts: { config: FAST } });
  await until(async () => (await mootOf(carol)).removal?.entry_id === REMOVED.head);
  expect(asked.filter((kind) => kind === "roster_req")).toHaveLength(1);
});

describe("who is no member asks why:", () => {
  const proof = { kind: "roster_proof_req", group_id, head: BEFORE.head } as const;

  test("a former member is shown the entries up to its removal, and nothing later", async () => {
    const network = new MemoryNetwork(realClock);
    await using _node = await startNode(network, 1, { root: rootWith(LATER.entries) });
    const carol = new RawPeer(network, CAROL, FOUNDER);
    const first = BEFORE.entries[0]!.id;
    expect(await carol.say(proof, { ...proof, head: first }, { ...proof, head: LATER.head })).toMatchObject([
      { kind: "roster_proof_resp", entries: [{ id: REMOVED.head }], last: true },
      { kind: "roster_proof_resp", entries: REMOVED.entries.slice(1).map(({ id }) => ({ id })) },
      { kind: "roster_proof_resp", entries: [] },
    ]);
    // Nothing else is answered to it.
    expect(await carol.say({ kind: "roster_req", group_id, since_head: undefined })).toMatchObject([
      { kind: "refused", code: "not_member" },
    ]);
  });

  test("a stranger is told as much as of a moot that is not here", async () => {
    const network = new MemoryNetwork(realClock);
    await using _node = await startNode(network, 1, { root: rootWith(LATER.entries) });
    const stranger = new RawPeer(network, STRANGER, FOUNDER);
    const [here, nowhere] = await stranger.say(proof, { ...proof, group_id: "11".repeat(32) as never });
    expect(here).toMatchObject({ kind: "refused", code: "not_member" });
    expect({ ...here, group_id: undefined }).toEqual({ ...nowhere!, group_id: undefined } as never);
  });

  test("one that asks on and on is refused", async () => {
    const network = new MemoryNetwork(realClock);
    await using _node = await startNode(network, 1, { root: rootWith(LATER.entries) });
    const carol = new RawPeer(network, CAROL, FOUNDER);
    const answers = await carol.say(...Array.from({ length: 20 }, () => proof));
    const given = answers.filter(({ kind }) => kind === "roster_proof_resp").length;
    expect(given).toBeGreaterThanOrEqual(16);
    expect(given).toBeLessThan(20);
    expect(answers.at(-1)).toMatchObject({ kind: "refused", code: "rate_limited" });
  });
});

test("changes of members are told to who asks for them: added, another key, removed", async () => {
  await using it = await nodeWithRawMember();
  const { group_id: id, node } = it;
  const events: WatchEvent[] = [];
  const watching = (async () => {
    for await (const event of eventsOf(node, watch, { group_id: id, members: true })) events.push(event);
  })();
  await new Promise(setImmediate);
  const added = await node.call(roster_change, { group_id: id, op: "add", node_id: 77, entmoot_pubkey: keyOf(CAROL) });
  const gone = await node.call(roster_change, { group_id: id, op: "remove", entmoot_pubkey: keyOf(CAROL) });
  await until(() => events.length === 2);
  expect(events).toMatchObject([
    { event: "joined", node_id: 77, entry_id: added.entry_id },
    { event: "left", node_id: 77, entry_id: gone.entry_id },
  ]);
  await node.close();
  await watching.catch(() => {});
});

import { expect, test } from "bun:test";
import { PublicKey } from "../../../src/core/ids.ts";
import { signNote } from "../../../src/core/record/note.ts";
import { encodeLeave } from "../../../src/core/record/note-bodies.ts";
import { createLog } from "../../../src/host/log.ts";
import { moot_forget } from "../../../src/node/operations/membership.ts";
import { group_create, members, roster_change } from "../../../src/node/operations/moots.ts";
import { MemoryDataRoot } from "../../../src/store/memory/memory-data-root.ts";
import { MemoryNetwork } from "../../../src/transport/memory/memory-transport.ts";
import { identity } from "../../support/identity.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { OPEN_GROUP, startNode, until } from "../../support/nodes.ts";
import { RawPeer } from "../../support/raw-peer.ts";

const LEAVERS = 24;

/** A founder that is told at once that many members have left, and in which of its turns each was removed. */
async function founderOfLeavers() {
  let turn = 0;
  let isOver = false;
  const count = () => {
    turn += 1;
    if (!isOver) setImmediate(count);
  };
  setImmediate(count);
  const removedIn: number[] = [];
  const write = (line: string) => {
    if (line.includes("was removed")) removedIn.push(turn);
  };
  const log = createLog("info", { write, now: () => new Date(0) });
  const clock = new ManualClock();
  const root = new KeptRoot();
  const network = new MemoryNetwork(clock);
  const start = () => startNode(network, 1, { root, clock, parts: { log } });
  let node = await start();
  const { group_id } = await node.call(group_create, OPEN_GROUP);
  const who = Array.from({ length: LEAVERS }, (_, n) => identity(10 + n));
  for (const { publicKey } of who) {
    await node.call(roster_change, { group_id, op: "add", entmoot_pubkey: PublicKey.fromBytes(publicKey) });
  }
  const { members: rows } = await node.call(members, { group_id });
  const [first, ...others] = who.map(({ publicKey, seed }) => {
    const row = rows.find(({ entmoot_pubkey }) => entmoot_pubkey.toHex() === PublicKey.fromBytes(publicKey));
    return signNote({ seed, kind: "leave", groupId: group_id, version: 5n, body: encodeLeave(row!.entry_id!) });
  });
  await node.close();
  // What it was told while it might not sign.
  root.openGroup(group_id)!.notes.change({ put: others });
  node = await start();
  const teller = new RawPeer(network, who[0]!, identity(1));
  const tell = () => teller.say({ kind: "notes", group_id, notes: [first!.bytes] });
  const end = async () => {
    isOver = true;
    await node.close();
  };
  return { group_id, node, removedIn, tell, [Symbol.asyncDispose]: end };
}

/** Outlives the node that works on it. */
class KeptRoot extends MemoryDataRoot {
  override [Symbol.dispose](): void {}
}

test("a founder that comes back to many who have left removes one of them in a turn", async () => {
  await using founder = await founderOfLeavers();
  const { group_id, node, removedIn } = founder;
  expect(await founder.tell()).toEqual([]);
  await until(async () => (await node.call(members, { group_id })).members.length === 1);
  expect(removedIn).toHaveLength(LEAVERS);
  expect(new Set(removedIn).size).toBe(LEAVERS);
});

test("a moot that is forgotten meanwhile, and a node that ends, are left as they are then", async () => {
  {
    await using founder = await founderOfLeavers();
    const { group_id, node, removedIn } = founder;
    const told = founder.tell();
    await until(() => removedIn.length > 0);
    await node.call(moot_forget, { group_id, force: true, keep: false });
    const removed = removedIn.length;
    await told.catch(() => {});
    for (let n = 0; n < 100; n++) await new Promise((resolve) => setImmediate(resolve));
    expect(removedIn).toHaveLength(removed);
    expect(removed).toBeLessThan(LEAVERS);
  }
  const founder = await founderOfLeavers();
  const told = founder.tell();
  await until(() => founder.removedIn.length > 0);
  await founder[Symbol.asyncDispose]();
  const removed = founder.removedIn.length;
  await told.catch(() => {});
  for (let n = 0; n < 100; n++) await new Promise((resolve) => setImmediate(resolve));
  expect(founder.removedIn).toHaveLength(removed);
  expect(removed).toBeLessThan(LEAVERS);
});

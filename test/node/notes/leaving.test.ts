import { expect, test } from "bun:test";
import { PublicKey } from "../../../src/core/ids.ts";
import { signNote } from "../../../src/core/record/note.ts";
import { encodeLeave } from "../../../src/core/record/note-bodies.ts";
import { status } from "../../../src/node/operations/daemon.ts";
import { moot_leave, moot_update, moots } from "../../../src/node/operations/membership.ts";
import { members, peers, roster_change } from "../../../src/node/operations/moots.ts";
import { receipt_settings } from "../../../src/node/operations/receipts.ts";
import { FramedStream } from "../../../src/transport/framed-stream.ts";
import { peerLanguage } from "../../../src/wire/peer/frame.ts";
import type { TestIdentity } from "../../support/identity.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { until } from "../../support/nodes.ts";
import { NoteWorld } from "../../support/note-world.ts";
import { ALICE, nodeWithRawMember, STRANGER } from "../../support/raw-member.ts";

/** A world, and what one of its nodes lists of another. */
async function worldOf(count: number) {
  const world = await NoteWorld.of(count);
  const row = async (n: number, of: number) => {
    const { members: rows } = await world.node(n).call(members, { group_id: world.groupId });
    return rows.find(({ entmoot_pubkey }) => entmoot_pubkey.toHex() === world.key(of));
  };
  return { world, row };
}

test("who leaves is taken off the roster by its founder, and publishes no more", async () => {
  const { row, world } = await worldOf(3);
  await using _world = world;
  const left = await world.passing(world.node(2).call(moot_leave, { group_id: world.groupId }));
  expect(left.told > 0 || left.removed).toBeTrue();
  await world.until(async () => (await row(1, 2)) === undefined && (await row(3, 2)) === undefined);
  await expect(world.say(2, "still here?")).rejects.toMatchObject({ code: "not_member" });
  await world.until(async () => (await row(2, 2)) === undefined);
  expect((await world.node(2).call(moots, {})).moots).toMatchObject([
    { member: false, removed_ms: expect.any(BigInt) },
  ]);
});

test("the record of who left is passed on by a third member, while its author is away, to a founder that was", async () => {
  const { row, world } = await worldOf(3);
  await using _world = world;
  await world.stop(1);
  const { left_ms, removed, told } = await world.passing(world.node(2).call(moot_leave, { group_id: world.groupId }));
  expect({ told, removed }).toEqual({ told: 1, removed: false });
  expect((await row(3, 2))?.left_ms).toBe(left_ms);
  expect((await row(3, 3))?.left_ms).toBe(0);
  const ways = (await world.node(3).call(peers, { group_id: world.groupId })).peers;
  expect(ways.map(({ entmoot_pubkey, left_ms: left }) => [entmoot_pubkey.toHex(), left]).sort()).toEqual(
    [1, 2, 3].map((n): [string, number] => [world.key(n), n === 2 ? left_ms : 0]).sort(),
  );
  await expect(world.say(2, "one more")).rejects.toMatchObject({ code: "not_member" });
  await world.stop(2);
  // Also across a start of who has it.
  await world.stop(3);
  await world.start(3);
  expect((await row(3, 2))?.left_ms).toBe(left_ms);
  await world.start(1);
  await world.until(async () => (await row(1, 2)) === undefined);
  await world.until(async () => (await row(3, 2)) === undefined);
});

test("left without anybody to tell, a member is known to have left once it is met", async () => {
  const { row, world } = await worldOf(2);
  await using _world = world;
  await world.stop(1);
  const first = await world.passing(world.node(2).call(moot_leave, { group_id: world.groupId, wait_ms: 500 }));
  expect(first).toMatchObject({ told: 0, removed: false });
  // Said again it is the same record.
  const again = await world.passing(world.node(2).call(moot_leave, { group_id: world.groupId, wait_ms: 0 }));
  expect(again.left_ms).toBe(first.left_ms);
  await world.stop(2);
  await world.start(2);
  await expect(world.say(2, "still here?")).rejects.toMatchObject({ code: "not_member" });
  await world.start(1);
  await world.until(async () => (await row(1, 2)) === undefined);
});

test("no agent of who left is woken there any more, and it shows as listening to nobody", async () => {
  const { row, world } = await worldOf(3);
  await using _world = world;
  await world.stop(1);
  const listener = world.listen(2);
  const before = await world.say(3, "@n2 are you there?");
  await world.until(() => listener.taken.length === 1);
  expect(listener.taken).toEqual([before]);
  await world.passing(world.node(2).call(moot_leave, { group_id: world.groupId }));
  const after = await world.say(3, "@n2 and now?");
  await world.until(() => world.has(2, after));
  await world.pass(900_000);
  expect(listener.taken).toEqual([before]);
  expect((await row(3, 2))?.listening).not.toBeTrue();
});

test("heads that earlier versions do not know stand in frames of their own", async () => {
  const clock = new ManualClock();
  const it = await nodeWithRawMember({ clock });
  await using node = it.node;
  const { alice, group_id } = it;
  await node.call(receipt_settings, { group_id, moot_receipts: false });
  await node.call(moot_update, { group_id, name: "parliament" });
  const told: string[][] = [];
  alice.transport.accept(async (stream) => {
    const frames = new FramedStream(stream, peerLanguage(stream.dialect));
    for (;;) {
      const frame = await frames.read(AbortSignal.timeout(60_000));
      if (frame === undefined) return;
      if (frame.kind === "note_heads") told.push(frame.heads.map(({ kind }) => kind));
      else if (frame.kind.endsWith("_req")) return stream.reset();
    }
  });
  await alice.say({ kind: "note_heads", group_id, heads: [], greeting: true });
  // Greeted again and again, as nobody answers.
  await until(() => {
    clock.advance(6_000);
    return told.length >= 4;
  });
  expect(new Set(told.map((kinds) => kinds.join(" ")))).toEqual(new Set(["rule", "about"]));
});

test("a record of a membership that is over ends no later one, whoever brings it, and nobody signs one for another", async () => {
  const it = await nodeWithRawMember({ clock: new ManualClock() });
  await using node = it.node;
  const { alice, group_id } = it;
  const key = (by: TestIdentity) => PublicKey.fromBytes(by.publicKey);
  await node.call(roster_change, { group_id, op: "add", entmoot_pubkey: key(STRANGER) });
  const rowOf = async (by: TestIdentity) => {
    const { members: rows } = await node.call(members, { group_id });
    return rows.find(({ entmoot_pubkey }) => entmoot_pubkey.toHex() === key(by));
  };
  const leave = (by: TestIdentity, version: bigint, body: Uint8Array) =>
    signNote({ seed: by.seed, kind: "leave", groupId: group_id, version, body }).bytes;
  const tell = (bytes: Uint8Array) => alice.say({ kind: "notes", group_id, notes: [bytes] });
  const admission = encodeLeave((await rowOf(ALICE))!.entry_id!);

  // Signed by another, of another's membership, of nothing, and of no length that there is.
  const mine = leave(ALICE, 5n, admission);
  expect(await tell(mine.with(mine.length - 1, mine.at(-1)! ^ 1))).toMatchObject([{ code: "signature_invalid" }]);
  expect(await tell(leave(STRANGER, 5n, admission))).toMatchObject([{ code: "forbidden" }]);
  expect(await tell(leave(ALICE, 6n, encodeLeave((await rowOf(STRANGER))!.entry_id!)))).toEqual([]);
  expect(await tell(leave(ALICE, 7n, new Uint8Array(32)))).toEqual([]);
  expect(await tell(leave(ALICE, 8n, new Uint8Array(31)))).toMatchObject([{ code: "malformed_frame" }]);
  expect(await rowOf(ALICE)).toMatchObject({ left_ms: 0 });
  expect(await rowOf(STRANGER)).toMatchObject({ left_ms: 0 });

  expect(await tell(mine)).toEqual([]);
  await until(async () => (await rowOf(ALICE)) === undefined);
  await node.call(roster_change, { group_id, op: "add", entmoot_pubkey: key(ALICE) });
  expect(await tell(mine)).toEqual([]);
  expect(await tell(leave(ALICE, 9n, admission))).toEqual([]);
  expect(await rowOf(ALICE)).toMatchObject({ left_ms: 0 });
  const now = encodeLeave((await rowOf(ALICE))!.entry_id!);
  expect(await tell(leave(ALICE, 10n, now))).toEqual([]);
  await until(async () => (await rowOf(ALICE)) === undefined);
});

test("what a founder calls its moot is what its members call it, also who was away", async () => {
  const { world } = await worldOf(3);
  await using _world = world;
  const group_id = world.groupId;
  await world.stop(2);
  await world.passing(
    world.node(1).call(moot_update, { group_id, name: "parliament", description: "of trees", tags: ["old"] }),
  );
  const shown = async (n: number) => (await world.node(n).call(moots, { group_id })).moots[0];
  const isNew = async (n: number) => (await shown(n))?.name === "parliament";
  await world.until(() => isNew(3));
  await world.stop(1);
  await world.start(2);
  await world.until(() => isNew(2));
  expect(await shown(2)).toMatchObject({ description: "of trees", tags: ["old"], founder: false });
  expect((await world.node(2).call(status, {})).groups).toMatchObject([{ name: "parliament" }]);
  await expect(world.node(2).call(moot_update, { group_id, name: "mine" })).rejects.toMatchObject({
    code: "not_member",
  });
});

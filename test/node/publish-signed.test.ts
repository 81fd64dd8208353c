import { expect, test } from "bun:test";
import { PublicKey } from "../../src/core/ids.ts";
import { messages, publish_signed } from "../../src/node/operations/messages.ts";
import { members, roster_change } from "../../src/node/operations/moots.ts";
import { message } from "../support/message.ts";
import { ALICE, nodeWithRawMember, STRANGER } from "../support/raw-member.ts";

/** Alice's place on the roster has another key by now. */
async function rekeyed() {
  const it = await nodeWithRawMember();
  const { group_id, node } = it;
  const alice = PublicKey.fromBytes(ALICE.publicKey);
  const rows = (await node.call(members, { group_id })).members;
  const { node_id } = rows.find(({ self }) => !self)!;
  const author = { pilot_node_id: node_id, entmoot_pubkey: ALICE.publicKey };
  const before = message({ by: ALICE, author, group_id, timestamp: BigInt(Date.now()) });
  const rekey = async () => {
    await node.call(roster_change, { group_id, op: "remove", node_id: undefined, entmoot_pubkey: alice });
    const key = PublicKey.fromBytes(STRANGER.publicKey);
    await node.call(roster_change, { group_id, op: "add", node_id, entmoot_pubkey: key });
  };
  return { ...it, author, before, rekey };
}

test("a message that a former key of its author signed is refused, and not held", async () => {
  await using it = await rekeyed();
  const { author, before, group_id, node, rekey } = it;
  await rekey();
  const said = node.call(publish_signed, { message: before });
  await expect(said).rejects.toMatchObject({ code: "not_member", message: expect.stringContaining("former key") });
  expect((await node.call(messages, { group_id })).messages).toEqual([]);
  const named = { ...author, entmoot_pubkey: STRANGER.publicKey };
  const now = message({ by: STRANGER, author: named, group_id, timestamp: BigInt(Date.now()) });
  expect(await node.call(publish_signed, { message: now })).toMatchObject({ message_id: now.id });
});

test("one that was taken in while the key was current is acknowledged again", async () => {
  await using it = await rekeyed();
  const { before, node, rekey } = it;
  await node.call(publish_signed, { message: before });
  await rekey();
  expect(await node.call(publish_signed, { message: before })).toMatchObject({ message_id: before.id });
});

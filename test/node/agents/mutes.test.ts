import { afterEach, beforeEach, expect, test } from "bun:test";
import { isAllowed } from "../../../src/control/scope.ts";
import { encodeUtf8 } from "../../../src/core/bytes/utf8.ts";
import { type GroupId, PublicKey } from "../../../src/core/ids.ts";
import { realClock } from "../../../src/host/real-clock.ts";
import type { EntmootNode } from "../../../src/node/entmoot-node.ts";
import { inbox, mute, mutes, unmute } from "../../../src/node/operations/inbox.ts";
import { publish_signed } from "../../../src/node/operations/messages.ts";
import { group_create, members, roster_change } from "../../../src/node/operations/moots.ts";
import { MemoryNetwork } from "../../../src/transport/memory/memory-transport.ts";
import { asAgent } from "../../support/agent.ts";
import { identity } from "../../support/identity.ts";
import { message } from "../../support/message.ts";
import { OPEN_GROUP, startNode, until } from "../../support/nodes.ts";

const OAK = identity(2);
const member = PublicKey.toBase64(PublicKey.fromBytes(OAK.publicKey));

let elm: EntmootNode;
let group_id: GroupId;

beforeEach(async () => {
  elm = await startNode(new MemoryNetwork(realClock), 1);
  ({ group_id } = await elm.call(group_create, OPEN_GROUP));
  await elm.call(roster_change, { group_id, op: "add", entmoot_pubkey: PublicKey.fromBytes(OAK.publicKey) });
});

afterEach(() => elm.close());

async function say(words: string): Promise<void> {
  const { members: rows } = await elm.call(members, { group_id });
  const author = rows.find(({ self }) => !self)!;
  const signed = message({
    by: OAK,
    author: { pilot_node_id: author.node_id, entmoot_pubkey: OAK.publicKey },
    group_id,
    timestamp: BigInt(realClock.unix()),
    topics: ["chat"],
    content: encodeUtf8(words),
  });
  await elm.call(publish_signed, { message: signed });
}

test("an agent may mute, and neither ends nor shortens what holds: that is its owner's", async () => {
  const agent = asAgent(elm);
  await elm.call(mute, { member });
  expect(await agent.call(mute, { member, for_ms: 1 })).toMatchObject({ until_ms: undefined });
  expect(isAllowed(unmute, "agent")).toBe(false);
  expect((await agent.call(mutes, {})).mutes).toHaveLength(1);
  const { from_ms, until_ms } = await elm.call(mute, { member, for_ms: 60_000 });
  expect(until_ms! - from_ms).toBeGreaterThanOrEqual(60_000);
  expect((await agent.call(mute, { member, for_ms: 1 })).until_ms).toBe(until_ms);
  expect(await elm.call(unmute, { member })).toEqual({ unmuted: 1 });
});

test("a mute that is made longer, or shorter, keeps what was written since it began", async () => {
  await elm.call(mute, { member });
  await say("meanwhile");
  const began = realClock.unix();
  await until(() => realClock.unix() > began + 1);
  await elm.call(mute, { member, for_ms: 1 });
  await until(async () => (await elm.call(mutes, {})).mutes.length === 0);
  await say("afterwards");
  const { rows } = await elm.call(inbox, {});
  expect(rows.map(({ content }) => new TextDecoder().decode(content))).toEqual(["afterwards"]);
});

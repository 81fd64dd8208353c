import { afterEach, beforeEach, expect, test } from "bun:test";
import { encodeUtf8 } from "../../../src/core/bytes/utf8.ts";
import { type GroupId, type MessageId, PublicKey } from "../../../src/core/ids.ts";
import { realClock } from "../../../src/host/real-clock.ts";
import type { EntmootNode } from "../../../src/node/entmoot-node.ts";
import { inbox, inbox_read, reply } from "../../../src/node/operations/inbox.ts";
import { publish, publish_signed } from "../../../src/node/operations/messages.ts";
import { group_create, members, roster_change } from "../../../src/node/operations/moots.ts";
import { MemoryNetwork } from "../../../src/transport/memory/memory-transport.ts";
import { identity } from "../../support/identity.ts";
import { message } from "../../support/message.ts";
import { OPEN_GROUP, startNode } from "../../support/nodes.ts";

const OAK = identity(2);

let elm: EntmootNode;
let group_id: GroupId;
let said = 0;

beforeEach(async () => {
  elm = await startNode(new MemoryNetwork(realClock), 1);
  ({ group_id } = await elm.call(group_create, OPEN_GROUP));
  await elm.call(roster_change, { group_id, op: "add", entmoot_pubkey: PublicKey.fromBytes(OAK.publicKey) });
  await elm.call(inbox, {});
});

afterEach(() => elm.close());

async function say(references: readonly MessageId[]): Promise<MessageId> {
  const { members: rows } = await elm.call(members, { group_id });
  said += 1;
  const signed = message({
    by: OAK,
    author: { pilot_node_id: rows.find(({ self }) => !self)!.node_id, entmoot_pubkey: OAK.publicKey },
    group_id,
    timestamp: BigInt(realClock.unix()),
    topics: ["chat"],
    content: encodeUtf8(`${said}`),
    references: [...references],
  });
  await elm.call(publish_signed, { message: signed });
  return signed.id;
}

test("an answer is as far as what it answers, wherever that stands among its references", async () => {
  const others = [await say([]), await say([]), await say([]), await say([]), await say([])];
  const content = encodeUtf8("and then?");
  let asked = (await elm.call(publish, { group_id, topics: ["chat"], content })).message_id;
  const hops: number[] = [];
  for (let round = 0; round < 4; round++) {
    const message_id = await say([...others, asked]);
    hops.push((await elm.call(inbox_read, { message_id, peek: true })).row.hop);
    asked = (await elm.call(reply, { message_id, content })).message_id;
  }
  expect(hops).toEqual([2, 4, 6, 8]);
});

import { afterEach, beforeEach, expect, test } from "bun:test";
import { encodeUtf8 } from "../../../src/core/bytes/utf8.ts";
import { type GroupId, type MessageId, PublicKey } from "../../../src/core/ids.ts";
import { realClock } from "../../../src/host/real-clock.ts";
import type { EntmootNode } from "../../../src/node/entmoot-node.ts";
import { inbox, inbox_ack } from "../../../src/node/operations/inbox.ts";
import { deliveries, LISTENERS_MAX, listen } from "../../../src/node/operations/listen.ts";
import { publish_signed } from "../../../src/node/operations/messages.ts";
import { group_create, members, roster_change } from "../../../src/node/operations/moots.ts";
import { MemoryNetwork } from "../../../src/transport/memory/memory-transport.ts";
import { asAgent } from "../../support/agent.ts";
import { identity } from "../../support/identity.ts";
import { message } from "../../support/message.ts";
import { OPEN_GROUP, startNode, until } from "../../support/nodes.ts";
import { bridgeTo, TestHost } from "../../support/test-host.ts";

const [OAK, ASH] = [2, 3].map(identity) as [ReturnType<typeof identity>, ReturnType<typeof identity>];

let elm: EntmootNode;
let group_id: GroupId;
let me: string;
let said = 0;
const ends: AbortController[] = [];

beforeEach(async () => {
  elm = await startNode(new MemoryNetwork(realClock), 1);
  ({ group_id } = await elm.call(group_create, OPEN_GROUP));
  for (const { publicKey } of [OAK, ASH]) {
    await elm.call(roster_change, { group_id, op: "add", entmoot_pubkey: PublicKey.fromBytes(publicKey) });
  }
  me = `@${(await elm.call(members, { group_id })).members.find(({ self }) => self)!.node_id}`;
});

afterEach(async () => {
  for (const end of ends.splice(0)) end.abort();
  await elm.close();
});

function listens(host: TestHost, agent = "elm") {
  const { end, running } = bridgeTo(() => elm, host, { agent });
  ends.push(end);
  return running;
}

async function say(by: typeof OAK, words: string): Promise<MessageId> {
  const rows = (await elm.call(members, { group_id })).members;
  const author = rows.find(({ entmoot_pubkey }) => Buffer.from(by.publicKey).equals(Buffer.from(entmoot_pubkey)))!;
  said += 1;
  const signed = message({
    by,
    author: { pilot_node_id: author.node_id, entmoot_pubkey: by.publicKey },
    group_id,
    timestamp: BigInt(Date.now() + said),
    topics: ["chat"],
    content: encodeUtf8(`${me} ${words}`),
  });
  await elm.call(publish_signed, { message: signed });
  return signed.id;
}

const heldFor = async (id: MessageId) =>
  (await elm.call(deliveries, { limit: 500 })).waiting.find(({ message_id }) => message_id === id)?.held;

test("a thousand that are unread when an agent comes are turns of at most sixteen, and the rest waits, said why, with nothing lost", async () => {
  const ids: MessageId[] = [];
  for (let n = 0; n < 1_000; n++) ids.push(await say(OAK, `${n} ${"x".repeat(n % 7 === 0 ? 4_000 : 10)}`));
  const host = new TestHost();
  listens(host);
  await until(async () => (await heldFor(ids[499]!)) === "pair rate");
  const handed = host.turns.flatMap((turn) => turn.ids);
  expect(handed).toEqual(ids.slice(0, handed.length));
  // Ten turns a minute of one author.
  expect(handed.length).toBeLessThanOrEqual(10 * 16);
  for (const { ids: together, text } of host.turns) {
    expect(together.length).toBeLessThanOrEqual(16);
    expect(text.length).toBeLessThan(64 * 1024);
  }
  const { more, unread } = await elm.call(inbox, { asks: true });
  expect({ more, unread }).toEqual({ more: true, unread: 512 });
  // Whoever is done with them is done with all of them.
  const { acknowledged } = await elm.call(inbox_ack, { message_id: ids.at(-1)!, through: true });
  expect(acknowledged).toBe(1_000);
  await until(async () => (await elm.call(deliveries, {})).waiting.length === 0);
});

test("a member that floods mentions keeps nobody else from waking the agent", async () => {
  for (let n = 0; n < 1_100; n++) await say(OAK, `${n}`);
  const host = new TestHost();
  listens(host);
  await until(() => host.turns.length > 0);
  for (let n = 0; n < 50; n++) await say(OAK, `still ${n}`);
  const id = await say(ASH, "is anybody there?");
  await until(() => host.turns.some(({ ids }) => ids.includes(id)));
  const ofOak = host.turns.flatMap(({ ids }) => ids).length - 1;
  expect(ofOak).toBeLessThan(200);
});

test("as many listen as may, and one more is told so", async () => {
  for (let n = 0; n < LISTENERS_MAX; n++) listens(new TestHost(), `elm ${n}`);
  await until(async () => (await elm.call(deliveries, {})).listeners.length === LISTENERS_MAX);

  const one = { agent: "more", host: "test", door: "test", can_wake: true, can_look: true };
  await expect(asAgent(elm).call(listen, one)).rejects.toMatchObject({
    code: "rate_limited",
    message: `listen: at most ${LISTENERS_MAX} listeners at a time; end one`,
  });
});

import { expect, test } from "bun:test";
import { encodeUtf8 } from "../../src/core/bytes/utf8.ts";
import { PublicKey } from "../../src/core/ids.ts";
import { signGossip } from "../../src/core/record/gossip.ts";
import { messageCanonical } from "../../src/core/record/message.ts";
import type { Message } from "../../src/core/record/records.ts";
import { status } from "../../src/node/operations/daemon.ts";
import { eventsOf } from "../../src/node/operations/events.ts";
import {
  backlog,
  type MessageRow,
  message as messageNamed,
  messages,
  publish,
  watch,
} from "../../src/node/operations/messages.ts";
import { roster_change } from "../../src/node/operations/moots.ts";
import { SqliteDataRoot } from "../../src/store/sqlite/sqlite-data-root.ts";
import { FramedStream } from "../../src/transport/framed-stream.ts";
import { peerLanguage } from "../../src/wire/peer/frame.ts";
import { message } from "../support/message.ts";
import { startNode, until } from "../support/nodes.ts";
import { ALICE, FOUNDER, nodeWithRawMember, STRANGER } from "../support/raw-member.ts";
import { RawPeer } from "../support/raw-peer.ts";
import { statusQuestion } from "../support/status-question.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

/** The founder's node, from which Alice was removed, and a current member that says for her what it likes. */
async function world(options: Parameters<typeof nodeWithRawMember>[0] = {}) {
  const { network, node, group_id } = await nodeWithRawMember(options);
  const add = (by: typeof ALICE) => change("add", by);
  const change = (op: "add" | "remove", { publicKey }: typeof ALICE) =>
    node.call(roster_change, { group_id, op, entmoot_pubkey: PublicKey.fromBytes(publicKey) });
  await add(STRANGER);
  await change("remove", ALICE);
  const accomplice = new RawPeer(network, STRANGER, FOUNDER);
  const push = (...said: Message[]) => accomplice.say({ kind: "push", group_id, bodies: said.map(messageCanonical) });
  const said = (by: typeof ALICE, fields: Parameters<typeof message>[0] = {}) => message({ by, group_id, ...fields });
  const held = async () => (await node.call(status, {})).groups[0]!;
  return { network, node, group_id, add, accomplice, push, said, held };
}

const daysAgo = (days: number) => BigInt(Date.now() - days * 86_400_000);

test("what a removed member has a current one say is kept and compared, and told nobody as new", async () => {
  const { node, group_id, accomplice, push, said, held } = await world();
  await using _closing = node;
  const told: string[] = [];
  const ending = new AbortController();
  const watching = (async () => {
    const events = eventsOf(node, watch, { group_id, topic: "#", after: [] }, { signal: ending.signal });
    for await (const event of events) {
      if (event.kind !== "message") continue;
      told.push(event.message.id);
      if (event.message.topics.includes("last")) return;
    }
  })();
  const backDated = said(ALICE, { timestamp: daysAgo(3) });
  const later = said(ALICE, { timestamp: BigInt(Date.now() + 1000) });
  await push(backDated, later);
  expect(await held()).toMatchObject({ messages: 2, apart: 2 });
  const [answer] = await accomplice.say(statusQuestion(group_id));
  expect(answer).toMatchObject({ kind: "status_resp", message_count: 2 });

  const published = await node.call(publish, { group_id, topics: ["last"], content: encodeUtf8("still here") });
  await watching;
  expect(told).toEqual([published.message_id]);
  const rows: MessageRow[] = [];
  await node.call(backlog, { group_id, topic: "#", last: "all" }, { onEvent: (row) => void rows.push(row) });
  expect(rows.map(({ message }) => message.id)).toEqual([published.message_id]);
  const arrived = await node.call(messages, { group_id, by: "arrival", after: "0" });
  expect(arrived.messages.map(({ seq }) => seq)).toEqual([1]);
  expect(arrived.messages[0]!.message.parents).toEqual([]);

  const asked = await node.call(messages, { group_id, order: "asc" });
  expect(asked.messages.map(({ message, apart }) => [message.id, apart])).toEqual([
    [backDated.id, "removed"],
    [published.message_id, undefined],
    [later.id, "removed"],
  ]);
  expect(await node.call(messageNamed, { group_id, message_id: later.id })).toMatchObject({
    apart: "removed",
    place: "",
    seq: 0,
  });
  ending.abort();
});

test("it gets its place, once and for good, when another member's message names it", async () => {
  using directory = new TemporaryDirectory();
  const root = () => SqliteDataRoot.open(directory.path, "write");
  const { network, node, group_id, push, said, held } = await world({ root: root() });
  const first = said(ALICE, { timestamp: daysAgo(3) });
  const second = said(ALICE, { timestamp: daysAgo(2), parents: [first.id] });
  const alone = said(ALICE, { timestamp: daysAgo(2) });
  await push(second, first, alone);
  expect(await held()).toMatchObject({ messages: 3, apart: 3 });
  const naming = said(STRANGER, { timestamp: daysAgo(1), parents: [second.id] });
  await push(naming);
  expect(await held()).toMatchObject({ messages: 4, apart: 1 });
  const log = async (of: typeof node) =>
    (await of.call(messages, { group_id, by: "arrival", after: "0" })).messages.map(({ message }) => message.id);
  expect(await log(node)).toEqual([first.id, second.id, naming.id]);
  await node.close();
  await using again = await startNode(network, 1, { root: root() });
  expect(await log(again)).toEqual([first.id, second.id, naming.id]);
});

test("it gets its place when its author is a member again", async () => {
  const { node, group_id, add, push, said, held } = await world();
  await using _closing = node;
  const said100 = Array.from({ length: 100 }, (_, i) => said(ALICE, { timestamp: daysAgo(3) + BigInt(i) }));
  await push(...said100);
  expect(await held()).toMatchObject({ messages: 100, apart: 100 });
  await add(ALICE);
  await until(async () => (await held()).apart === undefined);
  const { messages: rows } = await node.call(messages, { group_id, by: "arrival", after: "0", limit: 1000 });
  expect(rows.map(({ message }) => message.id)).toEqual(said100.map(({ id }) => id));
});

test("what a current member announces for it and has fetched is no other", async () => {
  const { node, group_id, accomplice, said, held } = await world();
  await using _closing = node;
  const late = said(ALICE, { timestamp: daysAgo(3) });
  accomplice.transport.accept(async (stream) => {
    const signal = AbortSignal.timeout(60_000);
    await using frames = new FramedStream(stream, peerLanguage(stream.dialect));
    const question = await frames.read(signal);
    if (question?.kind !== "fetch_many_req") return;
    await frames.write(
      { kind: "fetch_many_resp", group_id, outcomes: ["sent"], bodies: [messageCanonical(late)] },
      signal,
    );
  });
  const frame = { group_id, ids: [late.id], timestamp: BigInt(Date.now()) };
  const signature = signGossip({ seed: STRANGER.seed, frame });
  await accomplice.say({ kind: "gossip", ...frame, body: undefined, signature });
  await until(async () => (await held()).messages === 1);
  expect(await held()).toMatchObject({ apart: 1 });
});

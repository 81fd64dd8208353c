import { expect, test } from "bun:test";
import { MessageId, PublicKey } from "../../../src/core/ids.ts";
import { realClock } from "../../../src/host/real-clock.ts";
import { consumer_advance, consumer_lease, consumer_list } from "../../../src/node/operations/consumers.ts";
import { context, history, search, stats } from "../../../src/node/operations/find.ts";
import { inbox, message_find, mutes, thread } from "../../../src/node/operations/inbox.ts";
import { mailbox_ack, mailbox_cursor, mailbox_forget, mailbox_pull } from "../../../src/node/operations/mailbox.ts";
import { moot_summaries, roster_history } from "../../../src/node/operations/membership.ts";
import { message, messages, publish, watch } from "../../../src/node/operations/messages.ts";
import { members, topics } from "../../../src/node/operations/moots.ts";
import type { Operations } from "../../../src/node/operations/operation.ts";
import { receipts } from "../../../src/node/operations/receipts.ts";
import type { READ_OPERATIONS } from "../../../src/node/operations/table.ts";
import { LocalReader } from "../../../src/node/read/local-reader.ts";
import { MemoryDataRoot } from "../../../src/store/memory/memory-data-root.ts";
import { SqliteDataRoot } from "../../../src/store/sqlite/sqlite-data-root.ts";
import { identity } from "../../support/identity.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";
import { AUTHORS, backlogOf, type HeldMoot, newMoot, nodeWithMoot, pagesOf } from "./held.ts";

interface Held {
  readonly first: HeldMoot;
  readonly second: HeldMoot;
  /** The place of each message of the first moot. */
  readonly places: readonly string[];
  readonly id: MessageId;
}

/** What each operation that needs no node is asked. An operation without questions does not compile. */
const QUESTIONS: {
  readonly [Name in keyof typeof READ_OPERATIONS]: readonly ((node: Operations, held: Held) => Promise<unknown>)[];
} = {
  message: [
    (node, { first, id }) => node.call(message, { group_id: first.group_id, message_id: id }),
    (node, { first }) => node.call(message, { group_id: first.group_id, message_id: MessageId.zero }),
    (node, { id }) => node.call(message, { message_id: id }),
  ],
  messages: [
    (node, { first }) => node.call(messages, { group_id: first.group_id }),
    (node, { first }) => pagesOf(node, { group_id: first.group_id, limit: 2, order: "asc", topic: "chat/#" }),
    (node, { first }) => node.call(messages, { group_id: first.group_id, limit: 1, author: AUTHORS[1].nodeId }),
    (node, { first }) => node.call(messages, { group_id: first.group_id, by: "arrival", since: 2n }),
    (node, { places }) => node.call(messages, { by: "arrival", after: places[1], limit: 1 }),
    (node, { places }) => node.call(messages, { by: "arrival", after: places.at(-1) }),
    (node, { places, second }) => node.call(messages, { by: "arrival", group_id: second.group_id, after: places[0] }),
    (node, { first }) => node.call(messages, { group_id: first.group_id, by: "arrival", after: "99" }),
    (node) => node.call(messages, {}),
  ],
  backlog: [
    (node) => backlogOf(node, { topic: "#", last: "all" }),
    (node) => backlogOf(node, { topic: "chat/#", last: 2 }),
    (node, { second }) => backlogOf(node, { group_id: second.group_id, topic: "#", last: 0 }),
  ],
  members: [
    (node, { first }) => node.call(members, { group_id: first.group_id }),
    (node, { second }) => node.call(members, { group_id: second.group_id }),
  ],
  moot_summaries: [
    (node) => node.call(moot_summaries, {}),
    (node, { second }) => node.call(moot_summaries, { group_id: second.group_id }),
  ],
  history: [
    (node, { first }) => node.call(history, { group_id: first.group_id, limit: 2 }),
    (node, { first }) => node.call(history, { group_id: first.group_id, topic: "chat/a" }),
    (node) => node.call(history, {}),
  ],
  roster_history: [
    (node, { first }) => node.call(roster_history, { group_id: first.group_id }),
    (node, { first }) => node.call(roster_history, { group_id: first.group_id, before: 2, limit: 1 }),
    (node, { first }) => node.call(roster_history, { group_id: first.group_id, limit: 0 }),
  ],
  topics: [
    (node, { first }) => node.call(topics, { group_id: first.group_id }),
    (node, { first }) => node.call(topics, { group_id: first.group_id, limit: 1 }),
    (node, { first }) => node.call(topics, { group_id: first.group_id, limit: 0 }),
  ],
  search: [
    (node, { first }) => node.call(search, { group_id: first.group_id, query: "message", reserved: true }),
    (node, { first }) => node.call(search, { group_id: first.group_id, query: "b", topic: "chat/general" }),
    (node, { second }) => node.call(search, { group_id: second.group_id, query: "1", limit: 1 }),
    (node) => node.call(search, { query: "a" }),
  ],
  context: [
    (node, { first, id }) => node.call(context, { group_id: first.group_id, message_id: id, older: 1, newer: 1 }),
    (node, { first }) => node.call(context, { group_id: first.group_id, message_id: MessageId.zero }),
  ],
  stats: [
    (node, { first }) => node.call(stats, { group_id: first.group_id }),
    (node, { second }) => node.call(stats, { group_id: second.group_id, reserved: true, limit: 1 }),
  ],
  inbox: [
    (node) => node.call(inbox, {}),
    (node, { second }) => node.call(inbox, { group_id: second.group_id, asks: true }),
    (node, { places }) => node.call(inbox, { after: [places[1]!], limit: 1 }),
  ],
  receipts: [
    (node) => node.call(receipts, {}),
    (node, { first }) => node.call(receipts, { group_id: first.group_id, limit: 1 }),
    (node, { id }) => node.call(receipts, { message_id: id }),
  ],
  thread: [
    (node, { id }) => node.call(thread, { message_id: id }),
    (node) => node.call(thread, { message_id: MessageId.zero }),
  ],
  message_find: [
    (node, { id }) => node.call(message_find, { start: MessageId.toBase64(id).slice(0, 8) }),
    (node) => node.call(message_find, { start: "short" }),
  ],
  mutes: [(node) => node.call(mutes, {})],
  consumer_list: [(node, { first }) => node.call(consumer_list, { group_id: first.group_id })],
  mailbox_pull: [
    (node, { first }) => node.call(mailbox_pull, { group_id: first.group_id, client_id: "a", limit: 3 }),
    (node, { first }) => node.call(mailbox_pull, { group_id: first.group_id, client_id: "b", topic: "chat/#" }),
    (node, { first }) => node.call(mailbox_pull, { group_id: first.group_id, client_id: "b", mentions: true }),
    (node, { places }) => node.call(mailbox_pull, { client_id: "b", after: places[5]! }),
    (node) => node.call(mailbox_pull, { client_id: "b" }),
  ],
  mailbox_ack: [
    (node, { first, id }) => node.call(mailbox_ack, { group_id: first.group_id, client_id: "a", message_id: id }),
    (node, { places }) => node.call(mailbox_ack, { client_id: "a", through: places[1]! }),
    (node, { id }) => node.call(mailbox_ack, { client_id: "a", message_id: id }),
    (node, { first }) =>
      node.call(mailbox_ack, { group_id: first.group_id, client_id: "a", message_id: MessageId.zero }),
  ],
  mailbox_cursor: [
    (node, { first }) => node.call(mailbox_cursor, { group_id: first.group_id, client_id: "a" }),
    (node, { first }) => node.call(mailbox_cursor, { group_id: first.group_id, client_id: "b" }),
  ],
  mailbox_forget: [(node, { first }) => node.call(mailbox_forget, { group_id: first.group_id, client_id: "c" })],
};

/** As the node that the tests here start. */
const LOOKING = { clock: realClock, local: () => PublicKey.fromBytes(identity(1).publicKey) };

/** What was answered, or how it was refused. */
async function outcome(asked: Promise<unknown>): Promise<unknown> {
  return asked.catch(({ code, message: words }) => ({ code, words }));
}

test("what is read beside a node, and without one, is what the node answers", async () => {
  using directory = new TemporaryDirectory();
  const first = await nodeWithMoot({ root: SqliteDataRoot.open(directory.path, "write") });
  const { group_id, node } = first;
  const second = await newMoot(node);
  // Of more than two the order they were founded in is hardly that of the data root.
  for (let more = 0; more < 6; more++) await (await newMoot(node)).put(6);
  await first.put(5, { topics: ["chat/a"] });
  await first.put(1, { by: 1 });
  await first.put(3, { topics: ["other", "chat/b"], by: 1 });
  await first.put(2, { topics: [] });
  await second.put(4);
  await first.put(Date.now(), {
    text: `@${(await node.call(members, { group_id })).members.find(({ self }) => self)!.node_id} you`,
  });
  const { messages: rows } = await node.call(messages, { group_id, by: "arrival" });
  const places = rows.map(({ place }) => place);
  await node.call(consumer_advance, { group_id, consumer: "reader", place: places[1]! });
  await node.call(consumer_lease, { group_id, consumer: "push", owner: "a", ttl_ms: 60_000 });
  const held = { first, second, places, id: rows[2]!.message.id };
  await node.call(mailbox_ack, { group_id, client_id: "a", message_id: held.id });
  const answers = (of: Operations) =>
    Promise.all(
      Object.values(QUESTIONS)
        .flat()
        .map((ask) => outcome(ask(of, held))),
    );
  const reader = () => new LocalReader(SqliteDataRoot.open(directory.path, "read"), LOOKING);
  const fromNode = await answers(node);
  {
    await using beside = reader();
    expect(await answers(beside)).toEqual(fromNode);
  }
  await node.close();
  await using without = reader();
  expect(await answers(without)).toEqual(fromNode);
});

test("what a reader sees of a running node is what is there when it asks", async () => {
  using directory = new TemporaryDirectory();
  await using it = await nodeWithMoot({ root: SqliteDataRoot.open(directory.path, "write") });
  await using reader = new LocalReader(SqliteDataRoot.open(directory.path, "read"), LOOKING);
  await it.put(1);
  const { messages: seen, place } = await reader.call(messages, { by: "arrival" });
  expect(seen.map(({ seq }) => seq)).toEqual([1]);
  await it.put(2);
  const { messages: later } = await reader.call(messages, { by: "arrival", after: place });
  expect(later.map(({ seq }) => seq)).toEqual([2]);
});

test("a reader does not wait for what cannot come, and does nothing that takes a node", async () => {
  await using reader = new LocalReader(new MemoryDataRoot(), LOOKING);
  await expect(reader.call(messages, {})).rejects.toThrow("no joined groups");
  expect(await backlogOf(reader, { topic: "#", last: "all" })).toEqual({ rows: [], places: [] });
  for (const asked of [
    () => reader.call(publish, { topics: ["a"], content: new Uint8Array(0) }),
    () => reader.call(watch, { topic: "#" }),
  ]) {
    await expect(asked()).rejects.toMatchObject({ code: "unknown_frame" });
  }
  using directory = new TemporaryDirectory();
  await (await nodeWithMoot({ root: SqliteDataRoot.open(directory.path, "write") })).node.close();
  await using held = new LocalReader(SqliteDataRoot.open(directory.path, "read"), LOOKING);
  expect(await held.call(messages, { by: "arrival", wait_ms: 60_000 })).toMatchObject({ messages: [], more: false });
});

test("a reader without an identity does not say which member it is", async () => {
  using directory = new TemporaryDirectory();
  const { group_id, node } = await nodeWithMoot({ root: SqliteDataRoot.open(directory.path, "write") });
  const [own] = (await node.call(members, { group_id })).members.filter(({ self }) => self);
  await node.close();
  const selfOf = async (local: () => PublicKey | undefined) => {
    const root = SqliteDataRoot.open(directory.path, "read");
    await using reader = new LocalReader(root, { clock: realClock, local });
    const { members: rows } = await reader.call(members, { group_id });
    return rows.find(({ node_id }) => node_id === own!.node_id)!.self;
  };
  expect(await selfOf(LOOKING.local)).toBeTrue();
  expect(await selfOf(() => PublicKey.fromBytes(identity(9).publicKey))).toBeFalse();
  expect(await selfOf(() => undefined)).toBeUndefined();
});

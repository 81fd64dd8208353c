import { expect } from "bun:test";
import { encodeUtf8 } from "../../src/core/bytes/utf8.ts";
import { MessageId, PublicKey } from "../../src/core/ids.ts";
import type { Message } from "../../src/core/record/records.ts";
import {
  deliver_rule,
  type INBOX_OPERATIONS,
  inbox,
  inbox_ack,
  inbox_read,
  mute,
  reply,
} from "../../src/node/operations/inbox.ts";
import {
  messages as messageList,
  message as messageOperation,
  publish_signed,
} from "../../src/node/operations/messages.ts";
import { members, roster_change } from "../../src/node/operations/moots.ts";
import { identity } from "../support/identity.ts";
import { message } from "../support/message.ts";
import type { CasesOf } from "./operations.contract.ts";
import { HOUR_MS, STRICT_CLOCK, type Stage, UNKNOWN } from "./operations-stage.ts";

const OTHER = identity(2);
const OTHER_KEY = PublicKey.toBase64(PublicKey.fromBytes(OTHER.publicKey));
const MISSING = MessageId.fromBytes(new Uint8Array(32).fill(1));
const notFound = { fails: { code: "group_not_found" } } as const;
const missing = { fails: { code: "not_found" } } as const;

/** What another member says, in the order said. */
async function said(
  { group_id, node }: Stage,
  ...texts: (string | { text: string; about: Message })[]
): Promise<Message[]> {
  const { members: rows } = await node.call(members, { group_id });
  if (rows.length === 1) {
    const entmoot_pubkey = PublicKey.fromBytes(OTHER.publicKey);
    await node.call(roster_change, { group_id, op: "add", entmoot_pubkey });
  }
  const { members: now } = await node.call(members, { group_id });
  const author = now.find(({ self }) => !self)!;
  const messages: Message[] = [];
  for (const each of texts) {
    const { about, text } = typeof each === "string" ? { text: each, about: undefined } : each;
    const signed = message({
      by: OTHER,
      author: { pilot_node_id: author.node_id, entmoot_pubkey: OTHER.publicKey },
      group_id,
      timestamp: BigInt(STRICT_CLOCK.unix()),
      topics: ["chat"],
      content: encodeUtf8(text),
      references: about === undefined ? [] : [about.id],
    });
    await node.call(publish_signed, { message: signed });
    messages.push(signed);
  }
  return messages;
}

/** `@` and the node's id in the moot. */
async function own({ group_id, node }: Stage): Promise<string> {
  return `@${(await node.call(members, { group_id })).members.find(({ self }) => self)!.node_id}`;
}

const textsOf = (rows: readonly { readonly content: Uint8Array }[]) =>
  rows.map(({ content }) => new TextDecoder().decode(content));
const unreadOf = async ({ asked }: Stage) => textsOf((await asked.call(inbox, {})).rows);

export const INBOX_CASES: CasesOf<typeof INBOX_OPERATIONS> = {
  inbox: {
    malformed: { request: '{"limit":"many"}', names: "limit" },
    cases: [
      {
        title: "shows what others wrote, newest last, and what of it asks",
        async request(stage) {
          await stage.publish("my own");
          await said(stage, "a", `${await own(stage)} b`);
          return {};
        },
        answers({ asks, more, rows, unread }, { group_id }) {
          expect(textsOf(rows)).toEqual(["a", expect.stringMatching(/^@\d+ b$/)]);
          expect(rows.map((row) => row.asks)).toEqual([false, true]);
          expect(rows[0]).toMatchObject({
            group_id,
            unread: true,
            self: false,
            content_bytes: 1,
            topics: ["chat"],
            hop: 1,
          });
          expect({ asks, more, unread }).toEqual({ asks: 1, more: false, unread: 2 });
        },
      },
      {
        title: "shows only what asks: by name, and by a reference to what this node wrote",
        async request(stage) {
          const [mine] = await stage.publish("my own");
          await said(stage, "a", `hello ${await own(stage)}`, { text: "an answer", about: mine!.message });
          return { asks: true };
        },
        answers({ rows, unread }) {
          expect(textsOf(rows)).toEqual([expect.stringContaining("hello"), "an answer"]);
          expect(unread).toBe(2);
        },
      },
      {
        title: "goes on behind the places it names",
        async request(stage) {
          await said(stage, "a", "b", "c");
          const { more, places, rows } = await stage.asked.call(inbox, { limit: 2 });
          expect({ more, texts: textsOf(rows) }).toEqual({ more: true, texts: ["a", "b"] });
          return { after: places };
        },
        answers: ({ more, rows }) => expect({ more, texts: textsOf(rows) }).toEqual({ more: false, texts: ["c"] }),
      },
      {
        title: "waits for what is not there yet",
        async request(stage) {
          await said(stage);
          queueMicrotask(() => void said(stage, "late"));
          return { wait_ms: 60_000 };
        },
        answers: ({ rows }) => expect(textsOf(rows)).toEqual(["late"]),
      },
      {
        title: "is not asked for with a limit past its rows",
        request: () => ({ limit: 201 }),
        fails: { code: "invalid_argument", message: "limit: expected 1 to 200, found 201" },
      },
      { title: "of an unknown moot", request: () => ({ group_id: UNKNOWN }), ...notFound },
    ],
  },
  inbox_read: {
    malformed: { request: "{}", names: "message_id" },
    cases: [
      {
        title: "gives all of a message and who signed it; it is read then",
        request: async (stage) => ({ message_id: (await said(stage, "x".repeat(10_000), "b"))[0]!.id }),
        async answers({ member, message: whole, row, verified }, stage) {
          expect(whole.content).toHaveLength(10_000);
          expect(row.content).toHaveLength(4096);
          expect(row).toMatchObject({ content_bytes: 10_000, unread: false, state: "read" });
          expect({ member, verified }).toEqual({ member: true, verified: "signature" });
          expect(await unreadOf(stage)).toEqual(["b"]);
        },
      },
      {
        title: "leaves it unread where it is only peeked at",
        request: async (stage) => ({ message_id: (await said(stage, "a"))[0]!.id, peek: true }),
        async answers({ row }, stage) {
          expect(row.unread).toBeTrue();
          expect(await unreadOf(stage)).toEqual(["a"]);
        },
      },
      {
        title: "of a message of its own marks nothing",
        request: async ({ publish }) => ({ message_id: (await publish("mine"))[0]!.message.id }),
        answers: ({ row }) => expect(row).toMatchObject({ self: true, unread: false, state: undefined }),
      },
      { title: "of a message that is not held", request: () => ({ message_id: MISSING }), ...missing },
    ],
  },
  answer_wait: {
    malformed: { request: "{}", names: "group_id" },
    cases: [
      {
        title: "gives the answer of the member that was asked, which is read then",
        async request(stage) {
          const [question] = await stage.publish("why?");
          await said(
            stage,
            "aside",
            { text: "because", about: question!.message },
            { text: "or", about: question!.message },
          );
          const { group_id } = stage;
          return { group_id, message_id: question!.message.id, author_key: OTHER.publicKey, wait_ms: 60_000 };
        },
        async answers({ row }, stage) {
          expect(textsOf([row!])).toEqual(["because"]);
          expect(row).toMatchObject({ state: "read", unread: false });
          expect(await unreadOf(stage)).toEqual(["aside", "or"]);
        },
      },
      {
        title: "gives none where none came in time",
        async request({ group_id, publish }) {
          const [question] = await publish("why?");
          return { group_id, message_id: question!.message.id, author_key: OTHER.publicKey, wait_ms: 0 };
        },
        answers: ({ row }) => expect(row).toBeUndefined(),
      },
      {
        title: "to a message that is not held",
        request: ({ group_id }) => ({ group_id, message_id: MISSING, author_key: OTHER.publicKey, wait_ms: 0 }),
        ...missing,
      },
      {
        title: "in an unknown moot",
        request: () => ({ group_id: UNKNOWN, message_id: MISSING, author_key: OTHER.publicKey, wait_ms: 0 }),
        ...notFound,
      },
    ],
  },
  inbox_ack: {
    malformed: { request: '{"message_id":7}', names: "message_id" },
    cases: [
      {
        title: "is done with one message",
        request: async (stage) => ({ message_id: (await said(stage, "a", "b"))[1]!.id }),
        async answers({ acknowledged, group_id }, stage) {
          expect({ acknowledged, group_id }).toEqual({ acknowledged: 1, group_id: stage.group_id });
          expect(await unreadOf(stage)).toEqual(["a"]);
        },
      },
      {
        title: "is done with everything up to one",
        async request(stage) {
          const [, second] = await said(stage, "a", "b", "c");
          return { message_id: second!.id, through: true };
        },
        async answers({ acknowledged, group_id, place }, stage) {
          expect(acknowledged).toBe(2);
          const [row] = (await stage.asked.call(inbox, {})).rows;
          expect(new TextDecoder().decode(row!.content)).toBe("c");
          expect(place).toBe(
            (
              await stage.asked.call(messageOperation, {
                group_id,
                message_id: row!.references[0] ?? (await stage.publish())[1]!.message.id,
              })
            ).place,
          );
        },
      },
      {
        title: "up to a place, which names its moot",
        async request(stage) {
          await said(stage, "a", "b");
          return { place: (await stage.asked.call(inbox, {})).places[0]! };
        },
        async answers({ acknowledged }, stage) {
          expect(acknowledged).toBe(2);
          expect(await unreadOf(stage)).toEqual([]);
        },
      },
      {
        title: "of what is done already is no failure",
        async request(stage) {
          const [first] = await said(stage, "a");
          await stage.asked.call(inbox_ack, { message_id: first!.id });
          return { message_id: first!.id };
        },
        answers: ({ acknowledged }) => expect(acknowledged).toBe(0),
      },
      {
        title: "of what was read says that no answer comes",
        async request(stage) {
          const [first] = await said(stage, "a");
          await stage.asked.call(inbox_read, { message_id: first!.id });
          return { message_id: first!.id };
        },
        async answers({ acknowledged }, stage) {
          expect(acknowledged).toBe(0);
          const { messages } = await stage.node.call(messageList, { group_id: stage.group_id });
          const { row } = await stage.asked.call(inbox_read, { message_id: messages.at(-1)!.message.id, peek: true });
          expect(row.state).toBe("acked");
        },
      },
      {
        title: "of nothing is refused",
        request: () => ({}),
        fails: { code: "invalid_argument", message: "acknowledgement: expected one of message_id and place" },
      },
      { title: "of a message that is not held", request: () => ({ message_id: MISSING }), ...missing },
    ],
  },
  thread: {
    malformed: { request: '{"group_id":1}', names: "group_id" },
    cases: [
      {
        title: "is what a message answers and what answers it, oldest first",
        async request(stage) {
          const [question, aside] = await said(stage, "why?", "aside");
          const { message_id } = await stage.asked.call(reply, {
            message_id: question!.id,
            content: encodeUtf8("because"),
          });
          const { message: mine } = await stage.node.call(messageOperation, { message_id });
          await said(stage, { text: "thanks", about: mine });
          expect(aside).toBeDefined();
          return { message_id };
        },
        answers({ group_id, more, rows }, stage) {
          expect({ group_id, more }).toEqual({ group_id: stage.group_id, more: false });
          expect(textsOf(rows)).toEqual(["why?", "because", "thanks"]);
          expect(rows.map(({ hop, self, state }) => ({ hop, self, state }))).toMatchObject([
            { hop: 1, self: false, state: "answered" },
            { hop: 2, self: true },
            { hop: 3, self: false },
          ]);
        },
      },
      { title: "of a message that is not held", request: () => ({ message_id: MISSING }), ...missing },
    ],
  },
  message_find: {
    malformed: { request: "{}", names: "start" },
    cases: [
      {
        title: "finds by the first characters of an id",
        async request({ publish }) {
          const [, second] = await publish("a", "b");
          return { start: MessageId.toBase64(second!.message.id).slice(0, 8) };
        },
        async answers({ found }, { group_id, publish }) {
          expect(found).toEqual([{ group_id, message_id: (await publish())[1]!.message.id }]);
        },
      },
      {
        title: "finds nothing where nothing begins so",
        request: () => ({ start: "AAAAAAAAAAAA" }),
        answers: ({ found }) => expect(found).toEqual([]),
      },
      {
        title: "needs eight characters",
        request: () => ({ start: "AAAAAAA" }),
        fails: { code: "invalid_argument", message: expect.stringContaining("its first 8 characters or more") },
      },
      { title: "in an unknown moot", request: () => ({ start: "AAAAAAAA", group_id: UNKNOWN }), ...notFound },
    ],
  },
  reply: {
    malformed: { request: "{}", names: "message_id" },
    cases: [
      {
        title: "publishes under the same topics, names the message and marks it answered",
        request: async (stage) => ({
          message_id: (await said(stage, "why?", "b"))[0]!.id,
          content: encodeUtf8("because"),
        }),
        async answers({ message_id }, stage) {
          const { message: mine } = await stage.node.call(messageOperation, { message_id });
          expect(mine.topics).toEqual(["chat"]);
          expect(mine.references).toHaveLength(1);
          expect(await unreadOf(stage)).toEqual(["b"]);
          const { row } = await stage.asked.call(inbox_read, { message_id: mine.references[0]!, peek: true });
          expect(row).toMatchObject({ state: "answered", unread: false });
        },
      },
      {
        title: "under one token is published once, however often it is tried",
        async request(stage) {
          const [question] = await said(stage, "why?");
          const request = { message_id: question!.id, content: encodeUtf8("because"), token: new Uint8Array(16) };
          await stage.asked.call(reply, request);
          return request;
        },
        async answers({ duplicate }, stage) {
          expect(duplicate).toBeTrue();
          expect(await stage.publish()).toHaveLength(2);
        },
      },
      {
        title: "that looks as if it held a secret is refused",
        request: async (stage) => ({
          message_id: (await said(stage, "key?"))[0]!.id,
          content: encodeUtf8(`take ghp_${"a1".repeat(18)}`),
        }),
        fails: { code: "forbidden", message: expect.stringContaining("a secret (a GitHub token, at character 6)") },
      },
      {
        title: "that holds one is published where that is said",
        request: async (stage) => ({
          message_id: (await said(stage, "key?"))[0]!.id,
          content: encodeUtf8(`take ghp_${"a1".repeat(18)}`),
          force: true,
          topics: ["elsewhere"],
        }),
        async answers({ message_id }, { node }) {
          expect((await node.call(messageOperation, { message_id })).message.topics).toEqual(["elsewhere"]);
        },
      },
      {
        title: "without content is refused",
        request: async (stage) => ({ message_id: (await said(stage, "why?"))[0]!.id, content: new Uint8Array(0) }),
        fails: { code: "invalid_argument", message: expect.stringContaining("content is empty") },
      },
      {
        title: "to a message that is not held",
        request: () => ({ message_id: MISSING, content: encodeUtf8("x") }),
        ...missing,
      },
    ],
  },
  mute: {
    malformed: { request: "{}", names: "member" },
    cases: [
      {
        title: "keeps a member's words out of the inbox",
        async request(stage) {
          await said(stage, "before");
          return { member: OTHER_KEY };
        },
        async answers(row, stage) {
          expect(row).toMatchObject({ member: OTHER.publicKey, group_id: undefined, until_ms: undefined });
          await said(stage, `meanwhile ${await own(stage)}`);
          expect(await unreadOf(stage)).toEqual([]);
          expect((await stage.asked.call(inbox, { asks: true })).unread).toBe(0);
        },
      },
      {
        title: "in one moot, for a while",
        async request(stage) {
          await said(stage);
          return { member: OTHER_KEY, group_id: stage.group_id, for_ms: HOUR_MS };
        },
        answers({ from_ms, group_id, until_ms }, stage) {
          expect({ group_id, forMs: until_ms! - from_ms }).toEqual({ group_id: stage.group_id, forMs: HOUR_MS });
        },
      },
      { title: "of somebody who is no member", request: () => ({ member: "nobody" }), ...missing },
      {
        title: "for no time is refused",
        request: () => ({ member: "1", for_ms: 0 }),
        fails: { code: "invalid_argument" },
      },
    ],
  },
  unmute: {
    malformed: { request: "{}", names: "member" },
    cases: [
      {
        title: "lets it be heard again; what it wrote meanwhile stays done",
        async request(stage) {
          await said(stage, "before");
          await stage.asked.call(mute, { member: OTHER_KEY });
          await said(stage, "meanwhile");
          return { member: OTHER_KEY };
        },
        async answers(answer, stage) {
          expect(answer).toEqual({ unmuted: 1 });
          expect(await unreadOf(stage)).toEqual(["before"]);
        },
      },
      {
        title: "of somebody who is not muted does nothing",
        async request(stage) {
          await said(stage);
          return { member: OTHER_KEY };
        },
        answers: (answer) => expect(answer).toEqual({ unmuted: 0 }),
      },
    ],
  },
  mutes: {
    malformed: { request: "[]", names: "object" },
    cases: [
      {
        title: "are those that hold",
        async request(stage) {
          await said(stage);
          await stage.asked.call(mute, { member: OTHER_KEY });
          return {};
        },
        answers: (answer) =>
          expect(answer.mutes).toEqual([
            {
              member: OTHER.publicKey,
              hostname: "",
              group_id: undefined,
              from_ms: expect.any(Number),
              until_ms: undefined,
            },
          ]),
      },
      { title: "are none at first", request: () => ({}), answers: (answer) => expect(answer).toEqual({ mutes: [] }) },
    ],
  },
  deliver_rule: {
    malformed: { request: "{}", names: "group_id" },
    cases: [
      {
        title: "tells what wakes, which is what asks",
        request: ({ group_id }) => ({ group_id }),
        answers: (answer, { group_id }) => expect(answer).toEqual({ group_id, deliver: "mentions", from: [] }),
      },
      {
        title: "lets everything wake, or what some say",
        async request(stage) {
          await said(stage);
          await stage.node.call(deliver_rule, { group_id: stage.group_id, deliver: "all" });
          await said(stage, "anything");
          expect((await stage.node.call(inbox, { asks: true })).unread).toBe(1);
          return { group_id: stage.group_id, deliver: "allow-list", from: [OTHER_KEY] };
        },
        async answers(answer, stage) {
          expect(answer).toEqual({ group_id: stage.group_id, deliver: "allow-list", from: [OTHER.publicKey] });
          expect((await stage.node.call(inbox, { asks: true })).unread).toBe(1);
        },
      },
      {
        title: "of an allow list without members is refused",
        request: ({ group_id }) => ({ group_id, deliver: "allow-list" }),
        fails: { code: "invalid_argument", message: expect.stringContaining("found none") },
      },
      { title: "of an unknown moot", request: () => ({ group_id: UNKNOWN }), ...notFound },
    ],
  },
};

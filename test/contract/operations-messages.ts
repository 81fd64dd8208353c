import { expect } from "bun:test";
import { encodeUtf8 } from "../../src/core/bytes/utf8.ts";
import { MessageId } from "../../src/core/ids.ts";
import { type MESSAGE_OPERATIONS, messages } from "../../src/node/operations/messages.ts";
import type { CasesOf } from "./operations.contract.ts";
import { contentsOf, type Stage, UNKNOWN } from "./operations-stage.ts";

const MISSING = MessageId.fromBytes(new Uint8Array(32).fill(1));
const notFound = { fails: { code: "group_not_found" } } as const;
const content = encodeUtf8("hi");

/** The place after the message with this number, of three. */
const afterOf = async ({ publish }: Stage, seq: number) => (await publish("a", "b", "c"))[seq - 1]!.place;

/** A place of a log that was never here. */
const elsewhere = async (stage: Stage) => {
  const other = await stage.other();
  const { place } = await other.node.call(messages, { by: "arrival" });
  return place!;
};

export const MESSAGE_CASES: CasesOf<typeof MESSAGE_OPERATIONS> = {
  publish: {
    malformed: { request: '{"topics":["a"],"content":"","token":"AAAA"}', names: "token" },
    cases: [
      {
        title: "signs and keeps a message",
        request: ({ group_id }) => ({ group_id, topics: ["chat"], content }),
        async answers({ group_id, message_id }, stage) {
          const [row] = await stage.publish();
          expect(row).toMatchObject({ seq: 1, group_id, message: { id: message_id, topics: ["chat"], content } });
        },
      },
      {
        title: "needs no moot named where there is one",
        request: () => ({ topics: ["chat"], content, token: new Uint8Array(16) }),
        answers: (answer, { group_id }) => expect(answer.group_id).toBe(group_id),
      },
      {
        title: "without a topic is refused",
        request: () => ({ topics: [], content }),
        fails: { code: "invalid_argument", message: "no topics supplied" },
      },
      {
        title: "without content is refused",
        request: () => ({ topics: ["a"], content: new Uint8Array(0) }),
        fails: { code: "invalid_argument", message: expect.stringContaining("content is empty") },
      },
      {
        title: "with white space around its topics is published without",
        request: () => ({ topics: [" chat\u0085", "chat"], content }),
        answers: async (_, stage) => expect((await stage.publish())[0]!.message.topics).toEqual(["chat"]),
      },
      { title: "to an unknown moot", request: () => ({ group_id: UNKNOWN, topics: ["a"], content }), ...notFound },
    ],
  },
  publish_signed: {
    malformed: { request: '{"message":{"id":7}}', names: "message.id" },
    cases: [
      {
        title: "answers alike for one held already",
        request: async ({ publish }) => ({ message: (await publish("x"))[0]!.message }),
        async answers({ message_id }, { publish }) {
          expect((await publish()).map(({ message }) => message.id)).toEqual([message_id]);
        },
      },
      {
        title: "of a message that was changed is refused",
        async request({ publish }) {
          const [row] = await publish("x");
          return { message: { ...row!.message, content } };
        },
        fails: { code: "signature_invalid" },
      },
    ],
  },
  message: {
    malformed: { request: "{}", names: "message_id" },
    cases: [
      {
        title: "is given by its id, with its place",
        request: async ({ publish }) => ({ message_id: (await publish("x", "y"))[1]!.message.id }),
        async answers(answer, { publish }) {
          expect(answer).toEqual((await publish())[1]!);
          expect(answer.seq).toBe(2);
        },
      },
      {
        title: "that is not held is told apart",
        request: ({ group_id }) => ({ group_id, message_id: MISSING }),
        fails: { code: "not_found" },
      },
    ],
  },
  messages: {
    malformed: { request: '{"by":"size"}', names: "by" },
    cases: [
      {
        title: "come latest first, a page at a time",
        async request({ publish }) {
          await publish("a", "b", "c");
          return { limit: 2 };
        },
        answers(answer) {
          expect(contentsOf(answer.messages)).toEqual(["c", "b"]);
          expect(answer).toMatchObject({ more: true, next: expect.any(String) });
        },
      },
      {
        title: "come as they arrived after a place",
        request: async (stage) => ({ by: "arrival", after: await afterOf(stage, 1) }),
        answers(answer) {
          expect(contentsOf(answer.messages)).toEqual(["b", "c"]);
          expect(answer).toMatchObject({ more: false, place: answer.messages[1]!.place });
        },
      },
      {
        title: "are waited for while there are none",
        async request(stage) {
          const after = await afterOf(stage, 3);
          queueMicrotask(() => void stage.publish("d"));
          return { by: "arrival", after, wait_ms: 60_000 };
        },
        answers: (answer) => expect(contentsOf(answer.messages)).toEqual(["d"]),
      },
      {
        title: "are not asked for with a limit past a page",
        request: () => ({ limit: 1001 }),
        fails: { code: "invalid_argument", message: "limit: expected 1 to 1000, found 1001" },
      },
      {
        title: "after a place of a moot that is not here are refused",
        request: async (stage) => ({ by: "arrival", after: await elsewhere(stage) }),
        ...notFound,
      },
      {
        title: "after more than there are is a place lost",
        request: ({ group_id }) => ({ group_id, by: "arrival", after: "7" }),
        fails: { code: "place_lost" },
      },
    ],
  },
  backlog: {
    malformed: { request: '{"topic":"#","last":"some"}', names: "last" },
    cases: [
      {
        title: "gives the latest, oldest first, and where to go on",
        async request({ publish }) {
          await publish("a", "b", "c");
          return { topic: "#", last: 2 };
        },
        async answers({ places }, { publish }, events) {
          expect(contentsOf(events)).toEqual(["b", "c"]);
          expect(places).toEqual([(await publish())[2]!.place]);
        },
      },
      {
        title: "gives all of it",
        async request({ group_id, publish }) {
          await publish("a", "b", "c");
          return { group_id, topic: "chat", last: "all" };
        },
        answers: (_, __, events) => expect(contentsOf(events)).toEqual(["a", "b", "c"]),
      },
      {
        title: "gives what arrived after a place",
        request: async (stage) => ({ topic: "#", last: 0, after: [await afterOf(stage, 1)] }),
        answers: (_, __, events) => expect(contentsOf(events)).toEqual(["b", "c"]),
      },
      {
        title: "after a place this log does not have",
        request: async (stage) => ({ topic: "#", last: 0, after: [await elsewhere(stage)] }),
        fails: { code: "group_not_found" },
      },
      {
        title: "after a place and the latest at once",
        request: async (stage) => ({ topic: "#", last: 1, after: [await afterOf(stage, 1)] }),
        fails: { code: "invalid_argument" },
      },
      { title: "of an unknown moot", request: () => ({ group_id: UNKNOWN, topic: "#", last: 0 }), ...notFound },
    ],
  },
  watch: {
    malformed: { request: '{"topic":"#","after":"x"}', names: "after" },
    cases: [
      {
        title: "tells each message from a place on, once, until its caller leaves",
        request: async (stage) => ({ topic: "#", after: [await afterOf(stage, 1)] }),
        endsAfter: 2,
        answers(answer, _, events) {
          expect(answer).toEqual({});
          const told = events.flatMap((event) => (event.kind === "message" ? [event] : []));
          expect(contentsOf(told)).toEqual(["b", "c"]);
        },
      },
      {
        title: "of a bad pattern is refused",
        request: () => ({ topic: "a//b" }),
        fails: { code: "invalid_argument", message: "invalid topic pattern: topic: empty segment in pattern" },
      },
      { title: "of an unknown moot", request: () => ({ group_id: UNKNOWN, topic: "#" }), ...notFound },
    ],
  },
};

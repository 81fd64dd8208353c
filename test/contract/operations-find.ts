import { expect } from "bun:test";
import { encodeUtf8 } from "../../src/core/bytes/utf8.ts";
import { MessageId } from "../../src/core/ids.ts";
import { type FIND_OPERATIONS, history, search, stats } from "../../src/node/operations/find.ts";
import { messages, publish } from "../../src/node/operations/messages.ts";
import type { CasesOf } from "./operations.contract.ts";
import { contentsOf, HOUR_MS, UNKNOWN } from "./operations-stage.ts";

const MISSING = MessageId.fromBytes(new Uint8Array(32).fill(1));
const notFound = { fails: { code: "group_not_found" } } as const;
const words = (results: readonly { readonly message: { readonly content: Uint8Array } }[]) => contentsOf(results);

export const FIND_CASES: CasesOf<typeof FIND_OPERATIONS> = {
  search: {
    malformed: { request: '{"query":7}', names: "query" },
    cases: [
      {
        title: "gives the messages that have all the words, newest first, and what of each",
        async request({ publish }) {
          await publish("the policy limits", "limits of Policies", "LIMITS, the policy");
          return { query: " Policy, limits policy!" };
        },
        answers(answer) {
          expect(words(answer.results)).toEqual(["LIMITS, the policy", "the policy limits"]);
          expect(answer.results.map(({ snippet }) => snippet)).toEqual([
            "[LIMITS], the [policy]",
            "the [policy] [limits]",
          ]);
          expect(answer).toMatchObject({ query: "policy limits", more: false });
        },
      },
      {
        title: "gives them a page at a time, each once",
        async request({ node, publish }) {
          await publish("one x", "two x", "three x", "four");
          const { next } = await node.call(search, { query: "x", limit: 2 });
          await publish("five x");
          return { query: "x", limit: 2, page: next };
        },
        answers: (answer) => expect([words(answer.results), answer.more]).toEqual([["one x"], false]),
      },
      {
        title: "with a topic gives those that have exactly it, also a reserved one",
        async request({ group_id, node, publish: say }) {
          await say("a word");
          for (const topics of [["chat/word"], ["_entmoot/word"], ["other", "chat"]]) {
            await node.call(publish, { group_id, topics, content: encodeUtf8(`word ${topics[0]}`) });
          }
          expect(words((await node.call(search, { query: "word" })).results)).toHaveLength(3);
          expect(words((await node.call(search, { query: "word", reserved: true })).results)).toHaveLength(4);
          expect(words((await node.call(search, { query: "word", topic: " chat " })).results)).toEqual([
            "word other",
            "a word",
          ]);
          return { query: "word", topic: "_entmoot/word" };
        },
        answers: ({ results }) => expect(words(results)).toEqual(["word _entmoot/word"]),
      },
      {
        title: "from and until a time, and of one author",
        async request({ group_id, publish }) {
          const [a, b, c] = await publish("x 1", "x 2", "x 3");
          return {
            group_id,
            query: "x",
            since: b!.message.timestamp,
            until: c!.message.timestamp,
            author: a!.message.author.pilot_node_id,
          };
        },
        answers: ({ results }) => expect(words(results)).toEqual(["x 2"]),
      },
      {
        title: "of another author",
        request: async ({ publish }) => ({
          query: "x",
          author: ((await publish("x"))[0]!.message.author.pilot_node_id ^ 1) >>> 0,
        }),
        answers: ({ results }) => expect(results).toEqual([]),
      },
      {
        title: "for nothing",
        request: () => ({ query: " …" }),
        fails: { code: "invalid_argument", message: expect.stringContaining("query contains no searchable terms") },
      },
      {
        title: "for too much",
        request: () => ({ query: "x".repeat(257) }),
        fails: { code: "invalid_argument", message: expect.stringContaining("query exceeds 256 characters") },
      },
      {
        title: "goes on in the same search only",
        async request({ node, publish }) {
          await publish("x", "x y");
          return { query: "y", page: (await node.call(search, { query: "x", limit: 1 })).next };
        },
        fails: { code: "invalid_argument", message: expect.stringContaining("does not match requested") },
      },
      {
        title: "with too high a limit",
        request: () => ({ query: "x", limit: 201 }),
        fails: { code: "invalid_argument", message: "limit: expected 1 to 200, found 201" },
      },
      { title: "in an unknown moot", request: () => ({ group_id: UNKNOWN, query: "x" }), ...notFound },
    ],
  },
  context: {
    malformed: { request: "{}", names: "message_id" },
    cases: [
      {
        title: "is what was said before and after, oldest first, with where it goes on",
        async request({ publish }) {
          const rows = await publish("a", "b", "c", "d", "e", "f");
          return { message_id: rows[2]!.message.id, older: 1, newer: 2 };
        },
        async answers(answer, { asked, group_id }) {
          expect(contentsOf(answer.messages)).toEqual(["b", "c", "d", "e"]);
          const older = await asked.call(messages, { group_id, order: "desc", page: answer.older_page });
          const newer = await asked.call(messages, { group_id, order: "asc", page: answer.newer_page });
          expect([older, newer].map((page) => contentsOf(page.messages))).toEqual([["a"], ["f"]]);
        },
      },
      {
        title: "of the only message is that message",
        request: async ({ publish }) => ({ message_id: (await publish("a"))[0]!.message.id }),
        answers(answer) {
          expect(contentsOf(answer.messages)).toEqual(["a"]);
          expect([answer.older_page, answer.newer_page]).toEqual([undefined, undefined]);
        },
      },
      {
        title: "without either side goes on from the message",
        request: async ({ publish }) => ({
          message_id: (await publish("a", "b", "c"))[1]!.message.id,
          older: 0,
          newer: 0,
        }),
        async answers(answer, { asked, group_id }) {
          expect(contentsOf(answer.messages)).toEqual(["b"]);
          const older = await asked.call(messages, { group_id, order: "desc", page: answer.older_page });
          expect(contentsOf(older.messages)).toEqual(["a"]);
        },
      },
      {
        title: "in a topic that the message has not",
        request: async ({ publish }) => ({ message_id: (await publish("a"))[0]!.message.id, topic: "other" }),
        fails: { code: "not_found" },
      },
      {
        title: "with too many on a side",
        request: async ({ publish }) => ({ message_id: (await publish("a"))[0]!.message.id, older: 101 }),
        fails: { code: "invalid_argument", message: "older: expected 0 to 100, found 101" },
      },
      {
        title: "of a message that is not held",
        request: () => ({ message_id: MISSING }),
        fails: { code: "not_found" },
      },
      { title: "in an unknown moot", request: () => ({ group_id: UNKNOWN, message_id: MISSING }), ...notFound },
    ],
  },
  history: {
    malformed: { request: '{"before":7}', names: "before" },
    cases: [
      {
        title: "goes from the newest back, a page at a time, each message once",
        async request({ node, publish }) {
          await publish("one", "two", "three");
          const { messages: newest, next } = await node.call(history, { limit: 2 });
          expect(words(newest)).toEqual(["two", "three"]);
          await publish("four");
          return { limit: 2, before: next };
        },
        answers: (answer) => expect([words(answer.messages), answer.next]).toEqual([["one"], undefined]),
      },
      {
        title: "with a topic gives those that have exactly it, also one that no pattern covers",
        async request({ group_id, node }) {
          for (const topics of [["c++"], ["chat/c++"], ["_entmoot/x", "c++"], ["chat"]]) {
            await node.call(publish, { group_id, topics, content: encodeUtf8(topics[0]!) });
          }
          expect(words((await node.call(history, { topic: "chat" })).messages)).toEqual(["chat"]);
          expect(words((await node.call(history, {})).messages)).toHaveLength(4);
          return { topic: "c++" };
        },
        answers: (answer) => expect(words(answer.messages)).toEqual(["c++", "_entmoot/x"]),
      },
      {
        title: "with no limit",
        request: () => ({ limit: 0 }),
        fails: { code: "invalid_argument", message: "limit: expected 1 to 200, found 0" },
      },
      { title: "of an unknown moot", request: () => ({ group_id: UNKNOWN }), ...notFound },
    ],
  },
  stats: {
    malformed: { request: '{"since":"x"}', names: "since" },
    cases: [
      {
        title: "count messages and bytes by author, topic and time",
        async request({ group_id, node, publish: say }) {
          await say("a", "b");
          await node.call(publish, { group_id, topics: ["chat", "news"], content: encodeUtf8("c") });
          await node.call(publish, { group_id, topics: ["_entmoot/x"], content: encodeUtf8("d") });
          return { group_id, step_ms: HOUR_MS };
        },
        async answers(answer, { publish: say }) {
          const rows = await say();
          expect(answer).toMatchObject({ messages: 4, members: 1, more: false, step_ms: HOUR_MS });
          expect(answer.authors).toEqual([
            { node_id: rows[0]!.message.author.pilot_node_id, messages: 4, bytes: answer.bytes },
          ]);
          expect(answer.bytes).toBeGreaterThan(4 * 200);
          expect(answer.topics).toMatchObject([
            { topic: "chat", messages: 3 },
            { topic: "news", messages: 1 },
          ]);
          expect(answer.steps.reduce((sum, { messages }) => sum + messages, 0)).toBe(4);
          expect(answer.steps[0]!.start_ms).toBe(answer.since_ms);
          expect(Number(answer.until_ms - answer.since_ms) % HOUR_MS).toBe(0);
        },
      },
      {
        title: "of a time in which nothing was said, and of as many rows as are asked for",
        async request({ node, publish }) {
          await publish("a");
          const found = await node.call(stats, { reserved: true, limit: 1 });
          expect(found).toMatchObject({ messages: 1, topics: [{ topic: "chat" }] });
          return { since: 0n, until: 1n };
        },
        answers: (answer) =>
          expect(answer).toMatchObject({
            messages: 0,
            bytes: 0,
            authors: [],
            steps: [],
            since_ms: 0n,
            until_ms: BigInt(HOUR_MS),
          }),
      },
      {
        title: "of an empty moot",
        request: ({ group_id }) => ({ group_id }),
        answers: (answer) => expect(answer).toMatchObject({ messages: 0, topics: [] }),
      },
      {
        title: "in steps that are no hours",
        request: () => ({ step_ms: 1000 }),
        fails: { code: "invalid_argument", message: expect.stringContaining("whole hours") },
      },
      {
        title: "with no limit",
        request: () => ({ limit: 0 }),
        fails: { code: "invalid_argument", message: "limit: expected 1 to 1000, found 0" },
      },
      { title: "of an unknown moot", request: () => ({ group_id: UNKNOWN }), ...notFound },
    ],
  },
};

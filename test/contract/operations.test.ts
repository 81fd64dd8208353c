import { describe, expect, test } from "bun:test";
import { encodeUtf8 } from "../../src/core/bytes/utf8.ts";
import { schemaOf } from "../../src/core/json/json-codec.ts";
import { consumer_advance, consumer_list } from "../../src/node/operations/consumers.ts";
import { invite_mint } from "../../src/node/operations/invites.ts";
import { messages, publish, watch } from "../../src/node/operations/messages.ts";
import { BODY_MAX, methodsOf } from "../../src/node/operations/operation.ts";
import { OPERATIONS, READ_OPERATIONS } from "../../src/node/operations/table.ts";
import { type CasesOf, operationsContract, refusalsContract } from "./operations.contract.ts";
import { AGENT_SETUP_CASES } from "./operations-agent-setup.ts";
import { CARE_CASES } from "./operations-care.ts";
import { CONSUMER_CASES } from "./operations-consumers.ts";
import { DAEMON_CASES } from "./operations-daemon.ts";
import { DEFAULT_MOOT_CASES } from "./operations-default-moot.ts";
import { DIAGNOSIS_CASES } from "./operations-diagnosis.ts";
import { FIND_CASES } from "./operations-find.ts";
import { INBOX_CASES } from "./operations-inbox.ts";
import { INVITE_CASES } from "./operations-invites.ts";
import { LISTEN_CASES, WAKE_CASES } from "./operations-listen.ts";
import { MAILBOX_CASES } from "./operations-mailbox.ts";
import { MEMBERSHIP_CASES } from "./operations-membership.ts";
import { MESSAGE_CASES } from "./operations-messages.ts";
import { MOOT_CASES } from "./operations-moots.ts";
import { POLICY_CASES } from "./operations-policy.ts";
import { PUBLIC_CASES } from "./operations-public.ts";
import { RECEIPT_CASES } from "./operations-receipts.ts";
import { AGENTS_SOCKET, IN_PROCESS, OWNERS_SOCKET, openStage } from "./operations-stage.ts";
import { VOICE_CASES } from "./operations-voices.ts";

const CASES: CasesOf<typeof OPERATIONS> = {
  ...DAEMON_CASES,
  ...MOOT_CASES,
  ...POLICY_CASES,
  ...MEMBERSHIP_CASES,
  ...DIAGNOSIS_CASES,
  ...INVITE_CASES,
  ...PUBLIC_CASES,
  ...AGENT_SETUP_CASES,
  ...DEFAULT_MOOT_CASES,
  ...MESSAGE_CASES,
  ...FIND_CASES,
  ...CONSUMER_CASES,
  ...VOICE_CASES,
  ...LISTEN_CASES,
  ...WAKE_CASES,
  ...MAILBOX_CASES,
  ...INBOX_CASES,
  ...RECEIPT_CASES,
  ...CARE_CASES,
};

for (const driver of [IN_PROCESS, OWNERS_SOCKET, AGENTS_SOCKET]) operationsContract(driver, OPERATIONS, CASES);
for (const driver of [IN_PROCESS, OWNERS_SOCKET, AGENTS_SOCKET]) refusalsContract(driver, OPERATIONS, CASES);

describe("the table of operations", () => {
  test("names each by its key, as it can stand on the wire", () => {
    for (const [key, { name }] of Object.entries(OPERATIONS)) {
      expect(name).toBe(key);
      expect(name).toMatch(/^[a-z][a-z0-9_]{0,31}$/);
    }
  });

  test("has no case for what it does not have", () => {
    expect(Object.keys(CASES).toSorted()).toEqual(Object.keys(OPERATIONS).toSorted());
  });

  test("has caps that a frame can hold, a sentence and a shape for each", () => {
    for (const { answer, answerMax, event, eventMax, request, requestMax, summary } of Object.values(OPERATIONS)) {
      for (const max of [answerMax, eventMax, requestMax]) expect(max).toBeWithin(1, BODY_MAX + 1);
      expect(summary).toMatch(/^[A-Z].*[^.]$/);
      for (const codec of [request, answer, ...(event === undefined ? [] : [event])]) {
        expect(schemaOf(codec as never)).toMatchObject({ type: "object" });
      }
    }
  });

  test("lets agents read all that can be read without a daemon", () => {
    for (const { scope } of Object.values(READ_OPERATIONS)) expect(scope).toBe("agent");
  });

  test("gives a program one method for each", async () => {
    await using stage = await openStage(OWNERS_SOCKET);
    const node = methodsOf(stage.asked, OPERATIONS);
    expect(Object.keys(node)).toEqual(Object.keys(OPERATIONS));
    const { message_id } = await node.publish({ topics: ["a"], content: encodeUtf8("x") });
    expect((await node.messages({})).messages).toMatchObject([{ message: { id: message_id } }]);
  });
});

describe.each([IN_PROCESS, OWNERS_SOCKET])("asked by $name", (driver) => {
  test("a value that its type allows and its schema does not is refused with one code", async () => {
    await using stage = await openStage(driver);
    const { asked, group_id } = stage;
    const content = encodeUtf8("x");
    const refused = [
      [() => asked.call(publish, { topics: ["a"], content, token: new Uint8Array(1) }), "token"],
      [() => asked.call(publish, { topics: new Array(65_537).fill("a"), content }), "topics"],
      [() => asked.call(messages, { by: "nonsense" as never }), "by"],
      [() => asked.call(messages, { limit: -1 }), "limit"],
      [() => asked.call(messages, { author: 2 ** 32 }), "author"],
      [() => asked.call(messages, { since: 2n ** 63n }), "since"],
      [() => asked.call(invite_mint, { group_id, valid_for_ms: Number.POSITIVE_INFINITY }), "valid_for_ms"],
      [() => asked.call(invite_mint, { group_id, valid_for_ms: 0.5 }), "valid_for_ms"],
      [() => asked.call(watch, { topic: "a".repeat(100_000) }), "topic"],
    ] as const;
    for (const [call, names] of refused) {
      await expect(call()).rejects.toMatchObject({ code: "invalid_argument", message: expect.stringContaining(names) });
    }
    expect((await stage.node.call(messages, {})).messages).toEqual([]);
  });
});

describe("over the agents' socket", () => {
  test("what nodes and founders say to nodes is not published", async () => {
    await using stage = await openStage(AGENTS_SOCKET);
    for (const topic of ["_entmoot", "_entmoot/policy"]) {
      const asked = stage.asked.call(publish, { topics: ["chat", topic], content: encodeUtf8("x") });
      await expect(asked).rejects.toMatchObject({
        code: "forbidden",
        message: `topic ${JSON.stringify(topic)}: reserved; an agent publishes to any other`,
      });
    }
    await stage.asked.call(publish, { topics: ["_entmoots"], content: encodeUtf8("x") });
    expect(await stage.publish()).toHaveLength(1);
  });

  test("how members come, go and are reached is not told", async () => {
    await using stage = await openStage(AGENTS_SOCKET);
    await expect(stage.asked.call(watch, { topic: "#", peers: true })).rejects.toMatchObject({
      code: "forbidden",
      message: "watch: peers: not for agents, whom how members are reached is not told; leave it out",
    });
  });

  test("consumers of its own only are seen and moved", async () => {
    await using stage = await openStage(AGENTS_SOCKET);
    const { asked, group_id, node } = stage;
    const [first, second] = await stage.publish("a", "b");
    await node.call(consumer_advance, { group_id, consumer: "bot", place: second!.place });
    expect((await asked.call(consumer_list, { group_id })).consumers).toEqual([]);
    await asked.call(consumer_advance, { group_id, consumer: "bot", place: first!.place });
    expect((await asked.call(consumer_list, { group_id })).consumers).toMatchObject([
      { consumer: "bot", place: first!.place },
    ]);
    expect((await node.call(consumer_list, { group_id })).consumers).toMatchObject([
      { consumer: "agent/bot", place: first!.place },
      { consumer: "bot", place: second!.place },
    ]);
  });
});

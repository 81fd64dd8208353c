import { expect, test } from "bun:test";
import { encodeUtf8 } from "../../src/core/bytes/utf8.ts";
import { type Clock, later } from "../../src/core/clock.ts";
import { formatPolicy, POLICY_PRESETS } from "../../src/core/policy/policy.ts";
import { realClock } from "../../src/host/real-clock.ts";
import { status } from "../../src/node/operations/daemon.ts";
import { join, link_create } from "../../src/node/operations/invites.ts";
import { publish } from "../../src/node/operations/messages.ts";
import { group_create } from "../../src/node/operations/moots.ts";
import type { Operations } from "../../src/node/operations/operation.ts";
import { MemoryDataRoot } from "../../src/store/memory/memory-data-root.ts";
import { MemoryNetwork } from "../../src/transport/memory/memory-transport.ts";
import { asAgent } from "../support/agent.ts";
import { OPEN_GROUP, startNode, until } from "../support/nodes.ts";

const STANDARD = { ...OPEN_GROUP, policy_source: "preset:standard", policy: formatPolicy(POLICY_PRESETS.standard) };

test("a publish over the rate is refused and says when it may be tried again", async () => {
  await using node = await startNode(undefined, 1);
  await node.call(group_create, STANDARD);
  const say = () => node.call(publish, { topics: ["chat"], content: encodeUtf8("x") });
  for (let i = 0; i < 12; i++) await say();
  await expect(say()).rejects.toMatchObject({
    code: "rate_limited",
    message: expect.stringMatching(/try again in [\d.]+ s, at \d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ$/),
    retryAfterMs: expect.any(Number),
  });
});

test("a rate that is used up is so after a restart too, and what filled it long ago is not", async () => {
  const root = new MemoryDataRoot();
  let at = realClock.unix();
  const clock: Clock = {
    unix: () => at,
    steady: () => realClock.steady(),
    after: (ms, work, options) => realClock.after(ms, work, options),
  };
  const node = await startNode(undefined, 1, { root, clock });
  await node.call(group_create, STANDARD);
  const say = (on: Operations) => on.call(publish, { topics: ["chat"], content: encodeUtf8("x") });
  for (let i = 0; i < 12; i++) await say(node);
  await node.close();
  const next = await startNode(undefined, 1, { root, clock });
  await expect(say(next)).rejects.toMatchObject({ code: "rate_limited" });
  await next.close();
  at = later(at, 120_000);
  await using last = await startNode(undefined, 1, { root, clock });
  for (let i = 0; i < 12; i++) await say(last);
  await expect(say(last)).rejects.toMatchObject({ code: "rate_limited" });
});

test("a publish over the size of the policy is refused for good", async () => {
  await using node = await startNode(undefined, 1);
  await node.call(group_create, STANDARD);
  const published = node.call(publish, { topics: ["chat"], content: new Uint8Array(8193) });
  await expect(published).rejects.toMatchObject({
    code: "invalid_argument",
    message: expect.stringContaining("8,192 bytes"),
  });
});

test("a message that fits no frame between peers is refused before it is stored", async () => {
  await using node = await startNode(undefined, 1);
  await node.call(group_create, OPEN_GROUP);
  const published = node.call(publish, { topics: ["chat"], content: new Uint8Array(800_000) });
  await expect(published).rejects.toMatchObject({ code: "invalid_argument" });
  expect((await node.call(status, {})).groups[0]?.messages).toBe(0);
});

test("who joins holds itself to the founder's policy, and everything sent before that still arrives", async () => {
  const network = new MemoryNetwork(realClock);
  await using founder = await startNode(network, 1);
  await using alice = await startNode(network, 2);
  const { group_id } = await founder.call(group_create, STANDARD);
  const { link } = await founder.call(link_create, { group_id, uses: 1, valid_for_ms: 60_000 });
  await alice.call(join, { input: link, timeout_ms: 60_000 });
  const say = () => alice.call(publish, { group_id, topics: ["chat"], content: encodeUtf8("x") });
  for (let i = 0; i < 12; i++) await say();
  await expect(say()).rejects.toMatchObject({ code: "rate_limited" });
  await until(async () => (await founder.call(status, {})).groups[0]?.messages === 12);
});

test("the same token publishes once", async () => {
  await using node = await startNode(undefined, 1);
  await node.call(group_create, OPEN_GROUP);
  const token = new Uint8Array(16).fill(7);
  const request = { topics: ["chat"], content: encodeUtf8("x"), token };
  const [first, second] = await Promise.all([node.call(publish, request), node.call(publish, request)]);
  const third = await node.call(publish, request);
  expect([second, third]).toEqual([1, 2].map(() => ({ ...first, duplicate: true })));
  expect((await node.call(status, {})).groups[0]?.messages).toBe(1);
});

test("a publish without topics, with an empty one or to no group is refused", async () => {
  await using node = await startNode(undefined, 1);
  const say = (topics: string[]) => node.call(publish, { topics, content: encodeUtf8("x") });
  await expect(say(["chat"])).rejects.toMatchObject({ code: "group_not_found", message: "no active groups" });
  await node.call(group_create, OPEN_GROUP);
  await expect(say([])).rejects.toMatchObject({ code: "invalid_argument", message: "no topics supplied" });
  for (const pattern of ["#", "+", "a/+/b", "a/#"]) {
    await expect(say(["chat", pattern])).rejects.toMatchObject({
      code: "invalid_argument",
      message: expect.stringContaining("as a whole segment is for patterns"),
    });
  }
  for (const odd of ["c++", "issues/#42", "a//b", "/chat"]) await say([odd]);
  await expect(say(["a", ""])).rejects.toMatchObject({ code: "invalid_argument", message: "empty topic" });
  await node.call(group_create, OPEN_GROUP);
  await expect(say(["chat"])).rejects.toThrow("group_id is required when multiple groups are active");
});

test("an agent publishes anywhere but where nodes and founders speak to nodes", async () => {
  await using node = await startNode(undefined, 1);
  await node.call(group_create, OPEN_GROUP);
  const say = (as: Operations, topics: string[]) => as.call(publish, { topics, content: encodeUtf8(topics.join()) });
  const agent = asAgent(node);
  for (const topics of [["_entmoot"], ["_entmoot/"], ["_entmoot/policy"], ["chat", "_entmoot/live/x"]]) {
    await expect(say(agent, topics)).rejects.toMatchObject({ code: "forbidden" });
  }
  expect((await node.call(status, {})).groups[0]?.messages).toBe(0);
  for (const topics of [["_entmoots"], ["chat/_entmoot"], ["chat"]]) await say(agent, topics);
  await say(node, ["_entmoot/policy"]);
  expect((await node.call(status, {})).groups[0]?.messages).toBe(4);
});

import { expect, test } from "bun:test";
import { sha256 } from "../../src/core/bytes/sha256.ts";
import { encodeUtf8 } from "../../src/core/bytes/utf8.ts";
import { GroupId } from "../../src/core/ids.ts";
import type { Group } from "../../src/node/group/group.ts";
import { messages, type Published, publish } from "../../src/node/operations/messages.ts";
import { group_create } from "../../src/node/operations/moots.ts";
import type { Operations } from "../../src/node/operations/operation.ts";
import { notePublishing, TOKENS_KEPT, tokenOf, type WordsHash } from "../../src/node/publish-tokens.ts";
import { MemoryDataRoot } from "../../src/store/memory/memory-data-root.ts";
import { MemoryGroupStore } from "../../src/store/memory/memory-group-store.ts";
import { asAgent } from "../support/agent.ts";
import { message } from "../support/message.ts";
import { OPEN_GROUP, startNode } from "../support/nodes.ts";

const token = new Uint8Array(16).fill(7);

const say = (node: Operations, group_id: GroupId, text: string) =>
  node.call(publish, { group_id, topics: ["chat"], content: encodeUtf8(text), token });

async function heldOf(node: Operations, group_id: GroupId): Promise<string[]> {
  const { messages: rows } = await node.call(messages, { group_id, by: "arrival" });
  return rows.map(({ message }) => Buffer.from(message.content ?? []).toString());
}

/** The same node started again on what it kept. */
const again = (root: MemoryDataRoot) => startNode(undefined, 1, { root });

test("a token counts in its moot alone, in this process and the next", async () => {
  const root = new MemoryDataRoot();
  const node = await again(root);
  const a = (await node.call(group_create, OPEN_GROUP)).group_id;
  const b = (await node.call(group_create, OPEN_GROUP)).group_id;
  const inA = await say(node, a, "to a");
  const inB = await say(node, b, "to b");
  expect([inA.group_id, inB.group_id]).toEqual([a, b]);
  const repeats: [Published, Published] = [
    { ...inA, duplicate: true },
    { ...inB, duplicate: true },
  ];
  expect(await Promise.all([say(node, a, "to a"), say(node, b, "to b")])).toEqual(repeats);
  await expect(say(node, a, "other words")).rejects.toMatchObject({ code: "conflict" });
  await node.close();
  const next = await again(root);
  expect(await Promise.all([say(next, a, "to a"), say(next, b, "to b")])).toEqual(repeats);
  for (const [group_id, topics] of [
    [a, ["chat"]],
    [b, ["elsewhere"]],
  ] as const) {
    const other = next.call(publish, { group_id, topics, content: encodeUtf8("to b"), token });
    await expect(other).rejects.toMatchObject({ code: "conflict" });
  }
  expect([await heldOf(next, a), await heldOf(next, b)]).toEqual([["to a"], ["to b"]]);
  await next.close();
});

test("a token of an agent is another than the owner's, in this process and the next", async () => {
  const root = new MemoryDataRoot();
  const node = await again(root);
  const { group_id } = await node.call(group_create, OPEN_GROUP);
  const byAgent = await say(asAgent(node), group_id, "the agent's");
  const byOwner = await say(node, group_id, "the owner's");
  expect(byOwner.message_id).not.toBe(byAgent.message_id);
  await node.close();
  const next = await again(root);
  expect(await say(asAgent(next), group_id, "the agent's")).toEqual({ ...byAgent, duplicate: true });
  expect(await say(next, group_id, "the owner's")).toEqual({ ...byOwner, duplicate: true });
  expect(await heldOf(next, group_id)).toEqual(["the agent's", "the owner's"]);
  await next.close();
});

test("two calls at once under one token publish once", async () => {
  await using node = await again(new MemoryDataRoot());
  const { group_id } = await node.call(group_create, OPEN_GROUP);
  const [one, same] = await Promise.all([say(node, group_id, "one"), say(node, group_id, "one")]);
  expect(same!).toEqual({ ...one!, duplicate: true });
  expect(await heldOf(node, group_id)).toEqual(["one"]);
});

test("of two calls at once with other words under one token the later is refused", async () => {
  await using node = await again(new MemoryDataRoot());
  const { group_id } = await node.call(group_create, OPEN_GROUP);
  const first = say(node, group_id, "one");
  await expect(say(node, group_id, "other")).rejects.toMatchObject({ code: "conflict" });
  await first;
  expect(await heldOf(node, group_id)).toEqual(["one"]);
});

/** Two tokens that fell on one place of those by hash that notes of before had. */
const SAME_PLACE = samePlace();

function samePlace(): [Uint8Array, Uint8Array] {
  const first = new Map<number, Uint8Array>();
  for (let at = 0; ; at++) {
    const bytes = encodeUtf8(`a token, number ${at}`);
    const place = oldPlaceOf(bytes);
    const other = first.get(place);
    if (other !== undefined) return [other, bytes];
    first.set(place, bytes);
  }
}

function oldPlaceOf(bytes: Uint8Array): number {
  const [high, low] = sha256(encodeUtf8(bytes.toHex()));
  return ((high! << 8) | low!) % 4096;
}

test("of many tokens each is known after a restart, also where their hashes begin alike", async () => {
  const root = new MemoryDataRoot();
  const node = await again(root);
  const { group_id } = await node.call(group_create, OPEN_GROUP);
  const with_ = (to: Operations, bytes: Uint8Array, text: string) =>
    to.call(publish, { group_id, topics: ["chat"], content: encodeUtf8(text), token: bytes });
  const [a, b] = SAME_PLACE;
  const first = [await with_(node, a, "a"), await with_(node, b, "b")];
  await node.close();
  await using next = await again(root);
  await expect(with_(next, a, "other words")).rejects.toMatchObject({ code: "conflict" });
  expect([await with_(next, a, "a"), await with_(next, b, "b")]).toEqual(
    first.map((published) => ({ ...published, duplicate: true as const })),
  );
  expect(await heldOf(next, group_id)).toEqual(["a", "b"]);
});

test("the oldest note goes once there are too many, and one renewed meanwhile stays", () => {
  const store = new MemoryGroupStore(GroupId.fromBytes(new Uint8Array(32)));
  const group = { store } as unknown as Group;
  const said = message();
  const nth = (at: number) => tokenOf("owner", encodeUtf8(`token ${at}`));
  const note = (at: number) => notePublishing(group, { token: nth(at), words: "w" as WordsHash }, said);
  const isKept = (at: number) => store.getFact(`published_as/${nth(at)}`) !== undefined;
  for (let at = 0; at < TOKENS_KEPT; at++) note(at);
  expect(isKept(0)).toBe(true);
  note(1); // As after a failed write: noted again.
  expect([isKept(0), isKept(1), isKept(2)]).toEqual([false, true, true]);
  note(TOKENS_KEPT);
  note(TOKENS_KEPT + 1);
  expect([isKept(1), isKept(2), isKept(3), isKept(TOKENS_KEPT + 1)]).toEqual([true, false, true, true]);
  notePublishing(group, { token: tokenOf("agent", encodeUtf8("token 3")), words: "w" as WordsHash }, said);
  expect(isKept(3)).toBe(true);
});

test("a note of before, which lies in its place by hash and holds no words, is compared with the message", async () => {
  const root = new MemoryDataRoot();
  const node = await again(root);
  const { group_id } = await node.call(group_create, OPEN_GROUP);
  const first = await say(node, group_id, "one");
  await node.close();
  const facts = root.openGroup(group_id)!;
  const name = `published_as/${token.toHex()}`;
  const old = facts.getFact(name)!.split(" ").slice(0, 3).join(" ");
  facts.setFacts([
    [name, undefined],
    [`publish_token/${oldPlaceOf(token)}`, old],
  ]);
  await using next = await again(root);
  expect(await say(next, group_id, "one")).toEqual({ ...first, duplicate: true });
  await expect(say(next, group_id, "other")).rejects.toMatchObject({ code: "conflict" });
});

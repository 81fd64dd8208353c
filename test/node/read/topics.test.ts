import { expect, test } from "bun:test";
import { decodeJson, encodeWire } from "../../../src/core/json/json-codec.ts";
import { topics } from "../../../src/node/operations/moots.ts";
import { nodeWithMoot } from "./held.ts";

test("a topic of a member that is longer than a pattern may be is told cut off, and hides no other", async () => {
  await using it = await nodeWithMoot();
  await it.put(1, { topics: ["é".repeat(4000), "chat"] });
  const answer = await it.node.call(topics, { group_id: it.group_id });
  const { topics: rows } = decodeJson(topics.answer, encodeWire(topics.answer, answer));
  expect(rows.map(({ topic }) => topic).toSorted()).toEqual(["chat", "é".repeat(2048)]);
});

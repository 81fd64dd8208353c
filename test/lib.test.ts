import { expect, test } from "bun:test";
import * as lib from "../src/lib.ts";
import { identity } from "./support/identity.ts";
import { message } from "./support/message.ts";
import { roster } from "./support/roster.ts";

test("the library builds, proves and orders what it says it does", () => {
  const [founder, alice] = [identity(1), identity(2)];
  const { log, stopped } = lib.applyRoster(roster([founder, alice]).entries);
  expect([log.members.length, stopped]).toEqual([2, undefined]);

  const first = message({ by: alice });
  const second = message({ by: alice, timestamp: first.timestamp - 5n, parents: [first.id] });
  expect(lib.verifyMessage(first, alice.publicKey)).toBeTrue();
  expect(lib.verifyMessage({ ...first, topics: ["other"] }, alice.publicKey)).toBeFalse();
  expect(lib.messageId(first)).toBe(first.id);

  const nodes = [second, first].map(({ author, id, parents, timestamp }) => ({
    id,
    parents,
    timestamp,
    author: author.pilot_node_id,
  }));
  const order = lib.topologicalOrder(nodes);
  expect(order).toEqual([first.id, second.id]);
  const proof = lib.merkleProve(order, second.id);
  expect(lib.merkleVerify(lib.merkleRoot(order), second.id, proof)).toBeTrue();
  expect(lib.merkleVerify(lib.merkleRoot(order), first.id, proof)).toBeFalse();
});

test("the library speaks frames and canonical JSON", async () => {
  const bytes = lib.encodeFrame({ kind: "prune", group_id: lib.GroupId.zero }, "pilot");
  expect(lib.decodeFrame(bytes[4]!, bytes.subarray(5), "pilot")).toEqual({ kind: "prune", group_id: lib.GroupId.zero });
  expect(new TextDecoder().decode(lib.canonicalBytes('{ "b": 1.0, "a": "\\u003c" }'))).toBe('{"a":"<","b":1.0}');
  expect(lib.matchTopic("a/#", "a")).toBeTrue();
  await expect(lib.connectDaemon("/nonexistent")).resolves.toBeUndefined();
  await expect(lib.connectSocket("/nonexistent/agent.sock")).resolves.toBeUndefined();
});

import { expect, test } from "bun:test";
import { Conversation, type ConversationParts } from "../../../src/cli/talk/conversation.ts";
import { decodeUtf8 } from "../../../src/core/bytes/utf8.ts";
import { status } from "../../../src/node/operations/daemon.ts";
import { publish } from "../../../src/node/operations/messages.ts";
import { group_create } from "../../../src/node/operations/moots.ts";
import { MemoryNodeStore } from "../../../src/store/memory/memory-node-store.ts";
import { OPEN_GROUP, startNode } from "../../support/nodes.ts";

test("a question that is open is not answered by what is typed after a paste", async () => {
  await using node = await startNode(undefined, 1);
  await node.call(group_create, OPEN_GROUP);
  const moots = (await node.call(status, {})).groups;
  const published: string[] = [];
  const notes: string[] = [];
  const call = node.call.bind(node);
  node.call = ((operation: never, request: never, options: never) => {
    if (operation === publish) published.push(decodeUtf8((request as { content: Uint8Array }).content));
    return call(operation, request, options);
  }) as typeof node.call;
  const listener = { note: (line: string) => void notes.push(line), pause() {}, resume() {}, prompt: "" };
  const parts: ConversationParts = {
    node,
    settings: new MemoryNodeStore(),
    listener,
    moots,
    moot: moots[0]!,
    onQuit() {},
  };
  const conversation = new Conversation(parts);
  for (const [line, isPasted] of [
    ["/passwd hunter2", false],
    ["pasted text", true],
    ["y", false],
  ] as const) {
    conversation.hear(line, isPasted);
    await conversation.settled();
  }
  expect(published).toEqual(["pasted text", "y"]);
  expect(notes).toContain("not published; arrow up brings it back");
});

import { expect, test } from "bun:test";
import { Conversation, type ConversationParts } from "../../../src/cli/talk/conversation.ts";
import { History } from "../../../src/cli/talk/history.ts";
import { decodeUtf8 } from "../../../src/core/bytes/utf8.ts";
import { status } from "../../../src/node/operations/daemon.ts";
import { publish } from "../../../src/node/operations/messages.ts";
import { group_create } from "../../../src/node/operations/moots.ts";
import { MemoryNodeStore } from "../../../src/store/memory/memory-node-store.ts";
import { OPEN_GROUP, startNode } from "../../support/nodes.ts";

/** What comes of lines in a moot of one's own. */
async function hearing(lines: readonly (readonly [line: string, isPasted: boolean])[]) {
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
  const history = new History();
  const listener = {
    note: (line: string) => void notes.push(line),
    remember: (line: string) => history.add(line),
    forget: (line: string) => history.forget(line),
    pause() {},
    resume() {},
    prompt: "",
  };
  const parts: ConversationParts = {
    node,
    settings: new MemoryNodeStore(),
    listener,
    moots,
    moot: moots[0]!,
    onQuit() {},
  };
  const conversation = new Conversation(parts);
  for (const [line, isPasted] of lines) {
    history.add(line);
    conversation.hear(line, isPasted);
    await conversation.settled();
  }
  return { published, notes, history, unpublished: conversation.unpublished };
}

test("a question that is open is not answered by what is typed after a paste", async () => {
  const { notes, published } = await hearing([
    ["/passwd hunter2", false],
    ["pasted text", true],
    ["y", false],
  ]);
  expect(published).toEqual(["pasted text", "y"]);
  expect(notes).toContain("not published; arrow up brings it back");
});

test("what is no answer is asked about again, and arrow up brings back what was asked about", async () => {
  const typed = (...lines: string[]) => hearing(lines.map((line) => [line, false] as const));
  for (const answer of ["n", "no", " N ", ""]) {
    const { history, notes, published } = await typed("before", "/tmp/a", answer);
    expect(published).toEqual(["before"]);
    expect(notes).toContain("not published; arrow up brings it back");
    expect([history.older(""), history.older("")]).toEqual(["/tmp/a", "before"]);
  }
  const asked = await typed("/tmp/a", "nope");
  expect([asked.published, asked.unpublished]).toEqual([[], ["/tmp/a"]]);
  expect(asked.notes.at(-1)).toBe('not published: "nope", which is no answer; publish "/tmp/a"? y or n');
  expect([asked.history.older(""), asked.history.older("")]).toEqual(["/tmp/a", "nope"]);
  expect((await typed("/tmp/a", "nope", "/tmp/b", "y", "after")).published).toEqual(["/tmp/a", "after"]);
  // A command is none either, and is meant.
  const helped = await typed("/tmp/a", "/help", "after");
  expect(helped.published).toEqual(["after"]);
  expect(helped.notes.join()).toContain("/who");
});

import { expect, test } from "bun:test";
import { encodeUtf8 } from "../../src/core/bytes/utf8.ts";
import { GroupId } from "../../src/core/ids.ts";
import { publish } from "../../src/node/operations/messages.ts";
import { group_create } from "../../src/node/operations/moots.ts";
import { liveDaemon } from "../support/live-daemon.ts";
import { OPEN_GROUP } from "../support/nodes.ts";

/** A daemon with moots called so, and a message in each. */
async function mootsCalled(...names: string[]) {
  const it = await liveDaemon();
  const groups: string[] = [];
  for (const name of names) {
    const { group_id } = await it.node.call(group_create, { ...OPEN_GROUP, name });
    await it.node.call(publish, { group_id, topics: ["chat"], content: encodeUtf8(name) });
    groups.push(GroupId.toBase64(group_id));
  }
  return { ...it, groups, [Symbol.asyncDispose]: () => it[Symbol.asyncDispose]() };
}

test("-group takes the name of a moot where exactly one here has it, with and without a daemon", async () => {
  await using it = await mootsCalled("council", "two words", "twice", "twice");
  const [council, words, ...twice] = it.groups;
  const published = await it.run("publish", "-group", "council", "-topic", "chat", "-content", "x");
  expect(published.json()).toMatchObject([{ group_id: council }]);
  const query = async () => {
    const found = await it.run("query", "-group", "two words");
    expect(found.json()).toMatchObject([{ group_id: words, content: "two words" }]);
  };
  await query();
  const list = `"council" (${council}), "twice" (`;
  const both = await it.run("query", "-group", "twice");
  expect([both.exit, both.stdout]).toEqual([5, ""]);
  expect(both.stderr).toContain('query: 2 moots here are called "twice"; give the id: ');
  for (const id of twice) expect(both.stderr).toContain(id);
  const none = await it.run("peers", "-group", "counsel");
  expect(none.exit).toBe(3);
  expect(none.stderr).toContain("group id: ");
  expect(none.stderr).toContain(`no moot here has that name either: here are ${list}`);
  expect((await it.run("tail", "-group", "council", "-n", "1", "-count", "1")).json()).toMatchObject([
    { content: "x" },
  ]);
  expect((await it.run("invite", "list", "-group", "council")).json()).toMatchObject([{ group_id: council }]);
  await it.restart(query);
});

test("where a moot has to be named, the flag is, and the moots are listed", async () => {
  await using it = await mootsCalled("council", "other");
  const [council, other] = it.groups;
  for (const args of [["publish", "-topic", "chat", "-content", "x"], ["query"]]) {
    const { exit, stderr } = await it.run(...args);
    expect(exit).toBe(5);
    expect(stderr).toContain(
      `${args[0]}: 2 moots are here; name one with -group: "council" (${council}), "other" (${other})`,
    );
  }
});

import { expect, test } from "bun:test";
import { encodeUtf8 } from "../../src/core/bytes/utf8.ts";
import { GroupId, PublicKey } from "../../src/core/ids.ts";
import { publish } from "../../src/node/operations/messages.ts";
import { group_create } from "../../src/node/operations/moots.ts";
import { identity } from "../support/identity.ts";
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

const KEY = PublicKey.toBase64(PublicKey.fromBytes(identity(7).publicKey));
/** Every command that is about one moot. */
const ABOUT_ONE = [
  ["publish", "-topic", "chat", "-content", "x"],
  ["query"],
  ["peers", "-json"],
  ["invite", "create"],
  ["invite", "link"],
  ["invite", "list"],
  ["invite", "revoke", "-id", "0123456789abcdef"],
  ["roster", "add", "-pubkey", KEY],
  ["roster", "remove", "-pubkey", KEY],
];

test("where a moot has to be named, the flag is, and the moots are listed", async () => {
  await using it = await mootsCalled("council", "other");
  const [council, other] = it.groups;
  for (const args of ABOUT_ONE) {
    const { exit, stderr } = await it.run(...args);
    expect({ args, exit }).toEqual({ args, exit: 5 });
    expect(stderr).toContain(": 2 moots are here; name one with -group: ");
    expect(stderr).toContain(`"council" (${council}), "other" (${other})`);
    const empty = await it.run(...args, "-group", "");
    expect({ args, exit: empty.exit, stderr: empty.stderr }).toMatchObject({
      args,
      exit: 5,
      stderr: expect.stringContaining("empty group id"),
    });
  }
});

test("where one moot is here it is meant by every command, and where none is they all say how to get one", async () => {
  await using one = await mootsCalled("council");
  for (const args of ABOUT_ONE) {
    const { exit, stderr } = await one.run(...args);
    const isRevoke = args[1] === "revoke";
    expect({ args, exit }).toEqual({ args, exit: isRevoke ? 5 : 0 });
    if (isRevoke) expect(stderr).toContain(`invite list -group ${one.groups[0]}"`);
  }
  const [{ link }] = (await one.run("invite", "link")).json() as [{ link: string }];
  await using none = await mootsCalled();
  for (const args of ABOUT_ONE) {
    const { exit, stderr } = await none.run(...args);
    expect({ args, exit }).toEqual({ args, exit: 3 });
    expect(stderr).toContain("no moot here yet; make one with");
  }
  // A link says which moot it is of.
  const { json } = await one.run("invite", "revoke", "-link", JSON.stringify({ link }));
  expect(json()).toMatchObject([{ status: "revoked" }]);
});

test("a second moot of a name is made with a note, on stderr and in the answer, and names are compared without blanks around them", async () => {
  await using it = await mootsCalled("council");
  const again = await it.run("group", "create", "-name", " council ");
  expect(again.json()).toMatchObject([{ name: "council", same_name: 1 }]);
  expect(again.stderr).toContain("group create: another moot here has that name; tell them apart by id, with -group ");
  const other = await it.run("group", "create", "-name", "other");
  expect([other.json()[0]?.same_name, other.stderr]).toEqual([undefined, ""]);
  expect((await it.run("query", "-group", " other")).exit).toBe(0);
  const third = await it.node.call(group_create, { ...OPEN_GROUP, name: "council\t" });
  expect(third.same_name).toBe(2);
});

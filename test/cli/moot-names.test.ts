import { expect, test } from "bun:test";
import { join } from "node:path";
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
  expect(none.stderr).toContain('peers: no moot here is called "counsel"; did you mean council? here are ');
  expect(none.stderr).toContain(`here are ${list}`);
  expect((await it.run("tail", "-group", "council", "-n", "1", "-count", "1")).json()).toMatchObject([
    { content: "x" },
  ]);
  expect((await it.run("invite", "list", "-group", "council")).json()).toMatchObject([{ group_id: council }]);
  await it.restart(query);
});

test("a command without arguments of its own takes the moot as its word, and one with a word for it takes -group", async () => {
  await using it = await mootsCalled("agora", "square");
  const [agora] = it.groups;
  for (const line of ["peers -json", "roster list -json", "topics -json", "group policy status -json", "invite list"]) {
    const named = await it.run(...line.split(" "), "-group", "agora");
    const word = await it.run(...line.split(" "), "agora");
    expect({ line, ...word }).toMatchObject({ line, exit: 0, stdout: named.stdout });
  }
  for (const how of [["agora"], ["-group", "agora"]]) {
    expect((await it.run("verify", ...how)).json()).toMatchObject([{ group_id: agora, sound: true }]);
    expect((await it.run("prune", ...how, "-before", "2020-01-01", "-dry-run")).json()).toMatchObject([
      { event: "would_prune", group_id: agora },
    ]);
  }
  expect((await it.run("publish", "agora", "-topic", "chat", "-content", "x")).json()).toMatchObject([
    { group_id: agora },
  ]);
  const file = join(it.dataDir, "agora.entmoot");
  expect((await it.run("export", "-group", "agora", file)).json()).toMatchObject([{ group_id: agora, file }]);
  for (const [line, said] of [
    [["export", "-group", "agora", "agora", `${file}2`], "expected MOOT or -group, not both"],
    [["peers", "agora", "-group", "agora"], 'unexpected argument "agora"'],
    [["tail", "agora"], 'unexpected argument "agora"; did you mean -topic?'],
    [["publish", "-topic", "chat", "-content", "to", "agora"], "put the whole value in quotes"],
  ] as const) {
    const { exit, stderr, stdout } = await it.run(...line);
    expect({ line, exit, stdout, stderr }).toMatchObject({
      line,
      exit: 5,
      stdout: "",
      stderr: expect.stringContaining(said),
    });
  }
});

test("the first eight characters of an id name a moot, a message and an author, where nothing else is called so", async () => {
  await using it = await mootsCalled("council", "senate");
  const [council, senate] = it.groups as [string, string];
  const start = council.slice(0, 8);
  const [{ message_id, author }] = (await it.run("query", "-group", start)).json() as [Record<string, string>];
  expect((await it.run("query", "-group", start.replaceAll("+", "-").replaceAll("/", "_"))).json()).toMatchObject([
    { group_id: council },
  ]);
  expect(await it.run("query", "-group", council.slice(0, 7))).toMatchObject({ exit: 3, stdout: "" });
  const pulled = await it.run("mailbox", "pull", "-client", "a", "-group", start);
  expect(pulled.exit).toBe(0);
  const acked = await it.run("mailbox", "ack", "-client", "a", "-group", start, "-message", message_id!.slice(0, 8));
  expect(acked.exit).toBe(0);
  const wrong = await it.run("mailbox", "ack", "-client", "a", "-group", start, "-message", "zz");
  expect(wrong).toMatchObject({
    exit: 5,
    stderr: expect.stringContaining("-message takes an id, or its first 8 characters or more"),
  });
  const rows = (await it.run("roster", "list", "-group", start, "-json")).json();
  const key = String(rows[0]!.entmoot_pubkey);
  for (const named of [String(author), key, key.slice(0, 8)]) {
    expect((await it.run("query", "-group", start, "-author", named)).json()).toMatchObject([{ message_id }]);
    expect((await it.run("search", "council", "-group", start, "-json", "-author", named)).json()).toHaveLength(1);
  }
  for (const command of [["query"], ["search", "council"]]) {
    const nobody = await it.run(...command, "-group", start, "-author", "nobody");
    expect(nobody).toMatchObject({ exit: 5, stdout: "" });
    expect(nobody.stderr).toContain('-author: no member is called "nobody" here');
  }
  // Who founds a moot chooses what it is called.
  await it.node.call(group_create, { ...OPEN_GROUP, name: senate.slice(0, 8) });
  const both = await it.run("query", "-group", senate.slice(0, 8));
  expect(both).toMatchObject({ exit: 5, stdout: "" });
  expect(both.stderr).toContain("2 moots here are called");
  expect(both.stderr).toContain(senate);
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

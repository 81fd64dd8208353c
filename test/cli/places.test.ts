import { expect, test } from "bun:test";
import { encodeUtf8 } from "../../src/core/bytes/utf8.ts";
import { GroupId } from "../../src/core/ids.ts";
import { PLACE_LENGTH } from "../../src/core/place.ts";
import { publish } from "../../src/node/operations/messages.ts";
import { group_create } from "../../src/node/operations/moots.ts";
import { SqliteDataRoot } from "../../src/store/sqlite/sqlite-data-root.ts";
import { linesOf } from "../support/cli.ts";
import { liveDaemon } from "../support/live-daemon.ts";
import { OPEN_GROUP } from "../support/nodes.ts";

interface Line {
  readonly content: string;
  readonly group_id: string;
  readonly place: string;
  readonly seq: number;
}

/** A daemon with two moots, three messages in each. */
async function twoMoots() {
  const it = await liveDaemon();
  const moots: { readonly id: GroupId; readonly group: string; readonly name: string }[] = [];
  for (const name of ["a", "b"]) {
    const { group_id: id } = await it.node.call(group_create, OPEN_GROUP);
    moots.push({ id, group: GroupId.toBase64(id), name });
  }
  const say = (moot: 0 | 1, text: string) =>
    it.node.call(publish, { group_id: moots[moot]!.id, topics: ["chat"], content: encodeUtf8(text) });
  for (const moot of [0, 1] as const) for (const n of [1, 2, 3]) await say(moot, `${moots[moot]!.name}${n}`);
  const query = async (...args: string[]) => (await it.run("query", ...args)).json() as unknown as Line[];
  const [a, b] = [moots[0]!.group, moots[1]!.group];
  return { ...it, say, query, a, b, [Symbol.asyncDispose]: () => it[Symbol.asyncDispose]() };
}

const contents = (lines: readonly Line[]) => lines.map(({ content }) => content);

test("a line names its number and its place, with and without a daemon alike", async () => {
  await using it = await twoMoots();
  const args = ["-group", it.a, "-after", "0"];
  const lines = await it.query(...args);
  expect(lines.map(({ content, seq }) => [content, seq])).toEqual([
    ["a1", 1],
    ["a2", 2],
    ["a3", 3],
  ]);
  expect(lines.every(({ place }) => place.length === PLACE_LENGTH)).toBeTrue();
  const byTime = await it.query("-group", it.a, "-order", "asc");
  expect(byTime.toSorted((one, other) => one.seq - other.seq)).toEqual(lines);
  let without: Line[] = [];
  await it.restart(async () => {
    without = await it.query(...args);
  });
  expect(without).toEqual(lines);
});

test("query goes on after a place, which names its moot, after several, and after a number in the moot named", async () => {
  await using it = await twoMoots();
  const [first, second] = await it.query("-group", it.a, "-after", "0");
  const [other] = await it.query("-group", it.b, "-after", "0");
  expect(contents(await it.query("-after", first!.place))).toEqual(["a2", "a3"]);
  expect(contents(await it.query("-group", it.a, "-after", second!.place))).toEqual(["a3"]);
  expect(contents(await it.query("-group", it.a, "-after", "2"))).toEqual(["a3"]);
  const both = ["-after", second!.place, "-after", other!.place];
  expect(contents(await it.query(...both))).toEqual(["a3", "b2", "b3"]);
  expect(contents(await it.query(...both, "-limit", "2"))).toEqual(["a3", "b2"]);
  expect(contents(await it.query("-after", first!.place, "-topic", "nothing"))).toEqual([]);
});

test("tail goes on after places, prints the rest of those moots and follows all", async () => {
  await using it = await twoMoots();
  const [first] = await it.query("-group", it.a, "-after", "0");
  const [, other] = await it.query("-group", it.b, "-after", "0");
  const tail = it.start("tail", "-after", first!.place, "-after", other!.place);
  const lines = linesOf(tail.stdout);
  const next = async () => JSON.parse((await lines.next()).value as string) as Line;
  const held = [await next(), await next(), await next()];
  expect(contents(held).toSorted()).toEqual(["a2", "a3", "b3"]);
  await it.say(1, "b4");
  const last = await next();
  expect(last).toMatchObject({ content: "b4", seq: 4, group_id: it.b });
  tail.kill("SIGTERM");
  expect(await tail.exited).toBe(0);
  const again = it.start("tail", "-group", it.a, "-after", "2");
  expect(JSON.parse((await linesOf(again.stdout).next()).value as string)).toMatchObject({ content: "a3", seq: 3 });
  again.kill("SIGTERM");
  expect(await again.exited).toBe(0);
});

test("tail after the place of one moot shows another from now on", async () => {
  await using it = await twoMoots();
  const [, second] = await it.query("-group", it.a, "-after", "0");
  const tail = it.start("tail", "-after", second!.place);
  const lines = linesOf(tail.stdout);
  const next = async () => JSON.parse((await lines.next()).value as string).content;
  expect(await next()).toBe("a3");
  await it.say(1, "b4");
  expect(await next()).toBe("b4");
  tail.kill("SIGTERM");
  expect(await tail.exited).toBe(0);
});

test("without a daemon tail prints what is held behind the places, and then says that nobody tells of more", async () => {
  await using it = await twoMoots();
  const [first] = await it.query("-group", it.a, "-after", "0");
  const [, second] = await it.query("-group", it.b, "-after", "0");
  await it.restart(async () => {
    const ended = await it.run("tail", "-after", first!.place, "-after", second!.place);
    const lines = ended.stdout.trim().split("\n");
    expect(contents(lines.map((line) => JSON.parse(line)))).toEqual(["a2", "a3", "b3"]);
    expect(ended.exit).toBe(6);
    const lost = await it.run("tail", "-group", it.a, "-after", "9");
    expect(lost).toMatchObject({ stdout: "", exit: 5 });
  });
});

test("a place that is none, that says too little or too much, or that is lost is refused before anything is printed", async () => {
  await using it = await twoMoots();
  const [first, second] = await it.query("-group", it.a, "-after", "0");
  const place = first!.place;
  const slip = (place[0] === "A" ? "B" : "A") + place.slice(1);
  const cases: [string[], string][] = [
    [["-after", "here"], "-after: place: expected"],
    [["-after", slip], "-after: place: expected"],
    [["-after", "2"], "a seq is of one group: name it with -group"],
    [["-group", it.a, "-after", "1", "-after", "2"], "a seq is of one group"],
    [["-after", place, "-after", second!.place], "two places of one group"],
    [["-group", it.b, "-after", place], "found one of another"],
    [["-group", it.a, "-after", "9"], "ends at message 3"],
  ];
  for (const [args, words] of cases) {
    for (const command of ["query", "tail"]) {
      const refused = await it.run(command, ...args);
      expect(refused.stderr).toContain(`entmootd: ${command}: `);
      expect(refused.stderr).toContain(words);
      expect(refused).toMatchObject({ stdout: "", exit: 5 });
    }
  }
  expect((await it.run("tail", "-after", place, "-n", "3")).stderr).toContain("give one of them");
  expect((await it.run("query", "-after", place, "-order", "desc")).stderr).toContain("-order desc");
  expect(contents(await it.query("-after", place, "-order", "asc"))).toEqual(["a2", "a3"]);
});

test("a place of a log that is another by now ends with its code, and where to go on", async () => {
  await using it = await twoMoots();
  const [first] = await it.query("-group", it.a, "-after", "0");
  const [other] = await it.query("-group", it.b, "-after", "0");
  {
    using root = SqliteDataRoot.open(it.dataDir, "write");
    for (const id of [it.a, it.b]) root.openGroup(GroupId.fromBytes(Uint8Array.fromBase64(id)))!.messages.drawLog();
  }
  const both = await it.run("-json-errors", "tail", "-after", first!.place, "-after", other!.place);
  const places = { place: expect.any(String), after_all: expect.any(String), after_new: expect.any(String) };
  const lost = [
    { ...places, group_id: it.a, place: first!.place },
    { ...places, group_id: it.b, place: other!.place },
  ];
  expect(JSON.parse(both.stderr).error).toEqual({ code: "place_lost", message: expect.any(String), lost });
  for (const command of ["query", "tail"]) {
    const refused = await it.run("-json-errors", command, "-after", first!.place);
    const { error } = JSON.parse(refused.stderr);
    expect(error.code).toBe("place_lost");
    expect(error.message).toStartWith(`${command}: group ${it.a}: place ${first!.place}: this is another log`);
    expect(refused).toMatchObject({ stdout: "", exit: 5 });
    const [, fromStart] = error.message.match(/go on from ([A-Za-z0-9_-]{40})/);
    expect(fromStart).toBe(error.after_all);
    expect(error.group_id).toBe(it.a);
    expect(contents(await it.query("-after", error.after_all))).toEqual(["a1", "a2", "a3"]);
    expect(await it.query("-after", error.after_new)).toEqual([]);
  }
});

test("query and tail refuse a moot nobody knows alike, with and without a daemon", async () => {
  await using it = await twoMoots();
  const stranger = new Uint8Array(32).fill(7).toBase64();
  const refusals = new Set<string>();
  const ask = async () => {
    for (const command of ["query", "tail"]) {
      const refused = await it.run(command, "-group", stranger);
      expect(refused).toMatchObject({ stdout: "", exit: 3 });
      refusals.add(refused.stderr.replace(command, "COMMAND"));
    }
  };
  await ask();
  await it.restart(ask);
  expect([...refusals]).toEqual([`entmootd: COMMAND: group ${stranger} not joined\n`]);
});

test("what is held of moots that -after does not name is told to be passed over, and :0 begins at the first message", async () => {
  await using it = await twoMoots();
  const [first] = await it.query("-group", it.a, "-after", "0");
  const place = first!.place;
  for (const args of [["query"], ["tail", "-count", "2"]]) {
    const one = await it.run(...args, "-after", place);
    expect(contents(one.json() as unknown as Line[])).toEqual(["a2", "a3"]);
    expect(one.stderr).toContain(`-after names no place in "test" (${it.b}); what is held there is passed over`);
    const json = await it.run("-json-errors", ...args, "-after", place);
    expect(JSON.parse(json.stderr)).toEqual({ note: expect.any(String), group_ids: [it.b] });
  }
  for (const args of [["query"], ["tail", "-count", "5"]]) {
    const all = await it.run(...args, "-after", "all:0", "-after", place);
    expect(contents(all.json() as unknown as Line[])).toEqual(["a2", "a3", "b1", "b2", "b3"]);
    expect(all.stderr).toBe("");
  }
  expect(contents(await it.query("-after", `${it.b}:0`))).toEqual(["b1", "b2", "b3"]);
  expect((await it.query("-after", "all:0")).map(({ content }) => content).toSorted()).toHaveLength(6);
  const stranger = new Uint8Array(32).fill(7).toBase64();
  expect(await it.run("query", "-after", `${stranger}:0`)).toMatchObject({ exit: 3, stdout: "" });
  expect(await it.run("tail", "-group", it.a, "-after", "all:0")).toMatchObject({ exit: 5, stdout: "" });
});

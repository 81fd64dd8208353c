import { expect, test } from "bun:test";
import { join } from "node:path";
import { GroupId } from "../../src/core/ids.ts";
import { link_create } from "../../src/node/operations/invites.ts";
import { publish } from "../../src/node/operations/messages.ts";
import { group_create } from "../../src/node/operations/moots.ts";
import { cli, linesOf } from "../support/cli.ts";
import { liveDaemon } from "../support/live-daemon.ts";
import { OPEN_GROUP, startNode, until } from "../support/nodes.ts";

/** Within one millisecond the order of messages is that of their ids. */
async function clockPast(timestampMs: bigint): Promise<void> {
  while (BigInt(Date.now()) <= timestampMs) await new Promise((resolve) => setImmediate(resolve));
}

const text = (words: string) => new TextEncoder().encode(words);

test("publish prints what was published, from a flag, a file and stdin", async () => {
  await using it = await liveDaemon();
  const { group_id } = await it.node.call(group_create, OPEN_GROUP);
  const published = await it.run("publish", "--topic", "a, b", "-content", "hi <&>");
  const [row] = published.json();
  expect(published.exit).toBe(0);
  expect(Object.keys(row!)).toEqual(["author", "group_id", "message_id", "timestamp_ms", "topic"]);
  expect(row).toMatchObject({ group_id: GroupId.toBase64(group_id), topic: ["a", "b"] });
  await Bun.write(join(it.home, "note.txt"), "from a file");
  await it.run("publish", "-topic", "a", "-file", join(it.home, "note.txt"));
  await cli(it.home, ["publish", "-topic", "a", "-file", "-"], { stdin: "from stdin" });
  const queried = await it.run("query", "-order", "asc");
  expect(queried.json().map(({ content }) => content)).toEqual(["hi <&>", "from a file", "from stdin"]);
  expect(queried.stdout).toContain("hi \\u003c\\u0026\\u003e");
  const empty = await cli(it.home, ["publish", "-topic", "a", "-file", "-"], { stdin: "" });
  expect(empty.stderr).toContain("publish: file content is empty");
  expect(empty.exit).toBe(5);
});

test("publish with a token again prints the first answer", async () => {
  await using it = await liveDaemon();
  await it.node.call(group_create, OPEN_GROUP);
  const args = ["publish", "-topic", "a", "-content", "once", "-token", "0123456789abcdef"];
  const first = await it.run(...args);
  expect((await it.run(...args)).json()).toEqual([{ ...first.json()[0], duplicate: true }]);
  expect((await it.run("query")).json()).toHaveLength(1);
});

test("a refusal of the daemon is printed with its code and ends with its exit status", async () => {
  await using it = await liveDaemon();
  const none = await it.run("publish", "-topic", "a", "-content", "x");
  expect(none).toMatchObject({ stderr: expect.stringContaining("publish: there is no moot here yet"), exit: 3 });
  await it.node.call(group_create, OPEN_GROUP);
  await it.node.call(group_create, OPEN_GROUP);
  const two = await it.run("publish", "-topic", "a", "-content", "x");
  expect(two.stderr).toContain("publish: 2 moots are here; name one with -group: ");
  expect(two.exit).toBe(5);
});

test("a refused rate says when to try again", async () => {
  await using it = await liveDaemon();
  const policy = await import("../../src/core/policy/policy.ts");
  const json = policy.formatPolicy({ ...policy.POLICY_PRESETS.standard, message_burst_per_author: 1n });
  await it.node.call(group_create, { ...OPEN_GROUP, policy: json });
  await it.run("publish", "-topic", "a", "-content", "x");
  const refused = await it.run("publish", "-topic", "a", "-content", "y");
  expect(refused.stderr).toMatch(/publish: group policy: author \S+ is rate limited for now; try again in \d/);
  expect(refused.exit).toBe(7);
});

test("query filters by author, topic, time and limit, newest first", async () => {
  await using it = await liveDaemon();
  const { group_id } = await it.node.call(group_create, OPEN_GROUP);
  const times: bigint[] = [];
  for (const topic of ["chat", "chat/a", "other", "chat/a/b"]) {
    const { timestamp_ms } = await it.node.call(publish, {
      group_id,
      topics: [topic],
      content: new Uint8Array([0xff, topic.length]),
    });
    times.push(timestamp_ms);
    await clockPast(timestamp_ms);
  }
  const topics = async (...args: string[]) =>
    (await it.run("query", ...args)).json().map(({ topic }) => (topic as string[])[0]);
  expect(await topics()).toEqual(["chat/a/b", "other", "chat/a", "chat"]);
  expect(await topics("-topic", "chat/#", "-order", "asc")).toEqual(["chat", "chat/a", "chat/a/b"]);
  expect(await topics("-topic", "chat/+")).toEqual(["chat/a"]);
  expect(await topics("-since", String(times[1]), "-until", String(times[3]))).toEqual(["other", "chat/a"]);
  expect(await topics("-limit", "1")).toEqual(["chat/a/b"]);
  expect(await topics("-limit", "0", "-since", "0", "-until", "0")).toHaveLength(4);
  expect(await topics("-author", "1")).toEqual([]);
  const [row] = (await it.run("query", "-limit", "1")).json();
  expect(row).toMatchObject({ content_b64: "/wg=" });
});

test("info names the running daemon", async () => {
  await using it = await liveDaemon();
  const { group_id } = await it.node.call(group_create, { ...OPEN_GROUP, name: "council" });
  const [info] = (await it.run("info")).json();
  expect(info).toMatchObject({ running: true, pid: process.pid, version: "test", data_dir: it.dataDir });
  expect(info!.groups).toMatchObject([
    { group_id: GroupId.toBase64(group_id), name: "council", merkle_root: expect.any(String) },
  ]);
});

test("serve and up beside a running daemon end with 6, its process and the next step", async () => {
  await using it = await liveDaemon();
  for (const command of ["serve", "up"]) {
    const refused = await it.run(command);
    expect(refused.stdout).toBe("");
    expect(refused.stderr).toContain(
      `${command}: another entmoot daemon is already running at ${join(it.dataDir, "control.sock")} (process ${process.pid})`,
    );
    expect(refused.stderr).toContain("entmootd tail");
    expect(refused.stderr).toContain("entmootd stop");
    expect(refused.exit).toBe(6);
  }
});

test("join by a running daemon prints progress, then one line for each input", async () => {
  await using it = await liveDaemon();
  await using founder = await startNode(it.network, 2);
  const links: string[] = [];
  for (let at = 0; at < 2; at++) {
    const { group_id } = await founder.call(group_create, OPEN_GROUP);
    links.push((await founder.call(link_create, { group_id, uses: 0, valid_for_ms: 0 })).link);
  }
  const joined = await it.run("join", ...links, "-timeout", "10s");
  expect(joined.exit).toBe(0);
  expect(joined.json()).toMatchObject([
    { event: "joined", status: "joined", members: 2 },
    { event: "joined", status: "joined", members: 4 },
  ]);
  expect(joined.stderr).toContain("join (1 of 2): redeemed: ");
  const again = await it.run("join", links[0]!);
  expect(again.json()).toMatchObject([{ status: "already_joined" }]);
  const [row] = joined.json();
  expect(row!.next_command).toBe(`entmootd -data ${shellWord(it.dataDir)} doctor -group ${row!.group_id} -probe`);
});

function shellWord(path: string): string {
  return `'${path}'`;
}

test("tail prints the last of what is held, then every message once across a restart, whatever stdin does", async () => {
  await using it = await liveDaemon();
  const { group_id } = await it.node.call(group_create, OPEN_GROUP);
  const say = (words: string) => it.node.call(publish, { group_id, topics: ["chat"], content: text(words) });
  for (const words of ["one", "two", "three"]) await clockPast((await say(words)).timestamp_ms);
  const tail = it.start("tail", "-n", "2", "-topic", "chat/#");
  const lines = linesOf(tail.stdout);
  const next = async () => JSON.parse((await lines.next()).value as string).content;
  expect([await next(), await next()]).toEqual(["two", "three"]);
  await it.node.call(publish, { group_id, topics: ["other"], content: text("not for us") });
  await say("four");
  expect(await next()).toBe("four");
  await it.restart(async () => {
    await say("while away");
  });
  expect(await next()).toBe("while away");
  await say("five");
  expect(await next()).toBe("five");
  tail.kill("SIGTERM");
  expect(await tail.exited).toBe(0);
  const stderr = await new Response(tail.stderr).text();
  expect(stderr).toContain("tail: the daemon has gone; waiting for it to come back");
  expect(stderr).toContain("tail: the daemon is back; going on where it stopped");
});

/** Says something again and again until `lines` has one: who has printed follows, whatever it was before it connected. */
async function printsOnce(lines: AsyncIterator<string>, say: () => Promise<unknown>): Promise<void> {
  let hasPrinted = false;
  const heard = lines.next().then(() => {
    hasPrinted = true;
  });
  await until(async () => {
    await say();
    return hasPrinted;
  });
  await heard;
}

test("tail goes on when a moot it followed could not be opened after a restart", async () => {
  await using it = await liveDaemon();
  await using next = await startNode(undefined, 2);
  const { group_id: gone } = await it.node.call(group_create, OPEN_GROUP);
  const { group_id: there } = await next.call(group_create, OPEN_GROUP);
  const tail = it.start("tail");
  const lines = linesOf(tail.stdout);
  await printsOnce(lines, () => it.node.call(publish, { group_id: gone, topics: ["a"], content: text("before") }));
  await it.restart(() => Promise.resolve(), next);
  await next.call(publish, { group_id: there, topics: ["a"], content: text("after") });
  let line = JSON.parse((await lines.next()).value as string);
  while (line.content === "before") line = JSON.parse((await lines.next()).value as string);
  expect(line).toMatchObject({ content: "after" });
  tail.kill("SIGINT");
  expect(await tail.exited).toBe(0);
});

test("tail of a group that joins later shows it from its first message", async () => {
  await using it = await liveDaemon();
  const { group_id: first } = await it.node.call(group_create, OPEN_GROUP);
  const tail = it.start("tail");
  const lines = linesOf(tail.stdout);
  await printsOnce(lines, () => it.node.call(publish, { group_id: first, topics: ["a"], content: text("early") }));
  const { group_id } = await it.node.call(group_create, OPEN_GROUP);
  await it.node.call(publish, { group_id, topics: ["a"], content: text("first") });
  const isOfNew = async () => {
    const line = JSON.parse((await lines.next()).value as string);
    return line.group_id === GroupId.toBase64(group_id) ? line : undefined;
  };
  let line = await isOfNew();
  while (line === undefined) line = await isOfNew();
  expect(line).toMatchObject({ content: "first", seq: 1 });
  tail.kill("SIGINT");
  expect(await tail.exited).toBe(0);
});

test("deliver shows what wakes, and changes it in a daemon that runs", async () => {
  await using it = await liveDaemon();
  const { group_id } = await it.node.call(group_create, { ...OPEN_GROUP, name: "council" });
  const rule = { deliver: "mentions", from: [], group_id: GroupId.toBase64(group_id), name: "council" };
  const limits = { agent_per_hour: 30, hops: 6, pair_per_minute: 10, quiet: "off" };
  expect((await it.run("deliver", "-json")).json()).toEqual([{ ...limits, rules: [rule] }]);
  const args = ["-rule", "all", "-quiet", "22:00-07:00", "-hops", "3", "-pair-per-minute", "2", "-agent-per-hour", "5"];
  const changed = { agent_per_hour: 5, hops: 3, pair_per_minute: 2, quiet: "22:00-07:00" };
  expect((await it.run("deliver", "-json", ...args)).json()).toEqual([
    { ...changed, rules: [{ ...rule, deliver: "all" }] },
  ]);
  const told = await it.run("deliver");
  expect(told.stdout).toContain("council: all (every message)\nquiet hours: 22:00-07:00\nat most 3 hops");
  expect((await it.run("deliver", "-rule", "some")).stderr).toContain("expected mentions, all, allow-list, none");
  expect(await it.run("deliver", "-rule", "allow-list")).toMatchObject({ exit: 5, stdout: "" });
  expect(await it.run("deliver", "-hops", "33")).toMatchObject({ exit: 5, stdout: "" });
  expect(await it.run("deliver", "-quiet", "7-8")).toMatchObject({ exit: 5, stdout: "" });
  expect(await it.run("deliver", "-as", "nobody")).toMatchObject({ exit: 5, stdout: "" });
  await it.node.call(group_create, { ...OPEN_GROUP, name: "another" });
  const two = await it.run("deliver", "-rule", "none");
  expect(two).toMatchObject({ exit: 5, stderr: expect.stringContaining("expected -group beside them") });
});

test("publish names what it refers to, which answers it", async () => {
  await using it = await liveDaemon();
  await it.node.call(group_create, OPEN_GROUP);
  const [first] = (await it.run("publish", "-topic", "a", "-content", "one")).json();
  const [second] = (await it.run("publish", "-topic", "a", "-content", "two")).json();
  const about = ["-reference", `${first!.message_id},${(second!.message_id as string).slice(0, 12)}`];
  const [both] = (await it.run("publish", "-topic", "a", "-content", "both", ...about)).json();
  const [read] = (await it.run("read", both!.message_id as string, "-json")).json();
  expect(read!.references).toEqual([first!.message_id, second!.message_id]);
  const unknown = await it.run("publish", "-topic", "a", "-content", "x", "-reference", "AAAAAAAAAAAA");
  expect(unknown).toMatchObject({ exit: 5, stdout: "", stderr: expect.stringContaining("-reference") });
});

test("a mention of nobody, or of several, is said to its sender", async () => {
  await using it = await liveDaemon();
  await it.node.call(group_create, OPEN_GROUP);
  const none = await it.run("publish", "-topic", "a", "-content", "@nobody, and @7: `@code` and bob@oak are none");
  const unmet = [
    { members: 0, mention: "7", node_ids: [] },
    { members: 0, mention: "nobody", node_ids: [] },
  ];
  expect(none.json()[0]).toMatchObject({ unmet_mentions: unmet });
  expect(none.stderr).toContain("publish: note: @nobody names no member of this moot");
  const [first] = none.json();
  const answered = await it.run("reply", first!.message_id as string, "-content", "@nobody");
  expect(answered.json()[0]).toMatchObject({ unmet_mentions: [unmet[1]] });
  expect(answered.stderr).toContain("reply: note: @nobody names no member");
  const plain = await it.run("publish", "-topic", "a", "-content", "hello");
  expect(plain).toMatchObject({ stderr: "", exit: 0 });
});

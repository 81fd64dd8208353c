import { expect, test } from "bun:test";
import { publish } from "../../src/node/operations/messages.ts";
import { BINARY } from "../support/binary.ts";
import { DaemonNode, eventually } from "../support/daemon.ts";
import { inNetns } from "../support/netns.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

inNetns(import.meta, () => {
  test("tail goes on across restarts of its daemon: every message once, in order, until it is told to end", async () => {
    using home = new TemporaryDirectory();
    await using a = new DaemonNode(home.path, "a");
    await using b = new DaemonNode(home.path, "b");
    await Promise.all([a.serve(), b.serve()]);
    await a.ask(["group", "create", "-name", "council", "-policy", "none"]);
    const { group_id } = await a.group();
    await b.ask(["join", (await a.ask(["invite", "link", "-group", group_id])).link]);
    await say(a, "zero");
    await using tail = b.spawn(["tail", "-n", "-1"]);
    expect(await tail.json()).toMatchObject({ content: "zero" });
    await say(a, "one");
    expect(await tail.json()).toMatchObject({ content: "one", topic: ["chat"], group_id });
    await b.kill();
    await tail.said("the daemon has gone");
    await say(a, "two");
    await say(a, "three");
    await b.serve();
    await tail.said("the daemon is back");
    expect(await tail.json()).toMatchObject({ content: "two" });
    await b.end();
    await b.serve();
    await say(b, "four");
    expect(await tail.json()).toMatchObject({ content: "three" });
    expect(await tail.json()).toMatchObject({ content: "four" });
    // Its stdin is at its end all this time.
    tail.kill("SIGTERM");
    const { status, stdout } = await tail.ended();
    expect(status).toBe(0);
    expect(contents(stdout)).toEqual(["zero", "one", "two", "three", "four"]);

    const { entmoot_pubkey } = await b.ask(["info"]);
    const request = JSON.stringify({ group_id, after: [] });
    await using watching = b.spawn(["call", "watch", request]);
    await watching.line((line) => line.includes('"seq":5'));
    await a.ask(["roster", "remove", "-group", group_id, "-pubkey", entmoot_pubkey]);
    const removed = await watching.ended();
    expect(removed).toMatchObject({ status: 2, stdout: expect.stringContaining('"self":true') });
    // Who comes later is told as soon as what is held was.
    const later = await b.run(["call", "watch", request]);
    expect(later.status).toBe(2);
    expect(later.stdout.trim().split("\n")).toHaveLength(5);
    expect(later.stderr).toContain("this node is no member of the moot");
  });

  test("tail -n prints the last messages first, and only topics that match", async () => {
    using home = new TemporaryDirectory();
    await using a = new DaemonNode(home.path, "a");
    await a.serve();
    await a.ask(["group", "create", "-name", "council", "-policy", "none"]);
    for (const n of [1, 2, 3]) await say(a, `chat ${n}`);
    await say(a, "news", "news/today");
    await using chat = a.spawn(["tail", "-n", "2", "-topic", "chat"]);
    expect(await chat.json()).toMatchObject({ content: "chat 2" });
    expect(await chat.json()).toMatchObject({ content: "chat 3" });
    await using live = a.spawn(["tail", "-topic", "news/+"]);
    await using all = a.spawn(["tail", "-n", "-1"]);
    for (const content of ["chat 1", "chat 2", "chat 3", "news"]) {
      expect(await all.json()).toMatchObject({ content });
    }
    await say(a, "more news", "news/tomorrow");
    expect(await all.json()).toMatchObject({ content: "more news" });
    await say(a, "chat 4");
    expect(await chat.json()).toMatchObject({ content: "chat 4" });
    live.kill("SIGINT");
    const { status, stdout } = await live.ended();
    expect(status).toBe(0);
    // It may have begun before or after; what it printed matches.
    expect(contents(stdout).filter((text) => text !== "more news")).toEqual([]);
  });

  test("what no pattern matches is shown like any message; what is reserved only when it is named", async () => {
    using home = new TemporaryDirectory();
    await using a = new DaemonNode(home.path, "a");
    const { group_id } = await a.up();
    const odd = ["c++", "issues/#42", "/chat", "chat/", "a//b", "1E+02"];
    await say(a, "ready");
    // From the first message on, so that it does not matter when it begins.
    await using live = a.spawn(["tail", "-n", "-1"]);
    await live.json({ content: "ready" });
    await using client = await a.client();
    // Over the socket, for the command itself may warn of some of them.
    const publishTo = (topic: string) =>
      client.call(publish, { topics: [topic], content: new TextEncoder().encode(topic) });
    await publishTo("_entmoot/news/v1");
    for (const topic of odd) await publishTo(topic);
    for (const content of odd) expect(await a.daemon.json({ event: "message", content })).toMatchObject({ group_id });
    const shown = async (...args: string[]) => contents((await a.run(args)).stdout).filter((text) => text !== "ready");
    for (const filter of [[], ["-topic", "#"]]) {
      // Two that were written in one millisecond stand by their ids.
      expect((await shown("query", "-order", "asc", ...filter)).toSorted()).toEqual(odd.toSorted());
      expect(await shown("query", "-group", group_id, "-after", "0", ...filter)).toEqual(odd);
      await using tail = a.spawn(["tail", "-n", "-1", ...filter]);
      for (const content of odd) expect(await tail.json({ content })).toMatchObject({ group_id });
      expect(tail.stdout).not.toContain("_entmoot");
    }
    expect(await shown("query", "-topic", "_entmoot/#")).toEqual(["_entmoot/news/v1"]);
    expect(await shown("query", "-topic", "+")).toEqual([]);
    const { topics } = await a.ask(["call", "topics", JSON.stringify({ group_id })]);
    expect(topics.map(({ topic }: { topic: string }) => topic).toSorted()).toEqual([...odd, "chat"].toSorted());
    expect(a.daemon.stdout).not.toContain("_entmoot");
    for (const content of odd) await live.json({ content });
    expect(live.stdout).not.toContain("_entmoot");
  });

  test("a reader that has seen enough ends tail, call and query at once and quietly, though nothing more comes", async () => {
    using home = new TemporaryDirectory();
    await using a = new DaemonNode(home.path, "a");
    await a.serve();
    await a.ask(["group", "create", "-name", "council", "-policy", "none"]);
    for (const n of [1, 2, 3]) await say(a, `chat ${n}`);
    const shell = new DaemonNode(home.path, "a", { command: ["sh", "-c"] });
    const ofReader = async (command: string) => {
      const { stdout, stderr } = await shell.run([`{ ${command}; echo "status $?" >&2; } | head -n 1`], {
        env: { BINARY },
      });
      return { stdout, stderr };
    };
    // One line is held for each, so that none is printed into the pipe after its reader has gone.
    const chat3 = { stdout: expect.stringContaining('"content":"chat 3"'), stderr: "status 0\n" };
    expect(await ofReader('"$BINARY" tail -n 1')).toEqual(chat3);
    expect(await ofReader('"$BINARY" call watch \'{"consumer":"reader","peers":true}\'')).toEqual({
      stdout: expect.stringContaining('{"event":'),
      stderr: "status 0\n",
    });
    expect(await ofReader('"$BINARY" query -order asc')).toEqual({
      stdout: expect.stringContaining('"content":"chat 1"'),
      stderr: "status 0\n",
    });
    // The pipes of a program that starts others are sockets.
    const child = Bun.spawn([process.execPath, "-e", SPAWNS_TAIL], {
      env: { ...shell.environment, BINARY },
      stdout: "pipe",
      stderr: "inherit",
    });
    expect(await new Response(child.stdout).text()).toBe("ended 0\n");
  });

  test("a line has what it takes to go on after it, and tail ends once it has enough, with 8 when too few came", async () => {
    using home = new TemporaryDirectory();
    await using a = new DaemonNode(home.path, "a");
    await a.serve();
    const { founder } = await a.ask(["group", "create", "-name", "council", "-policy", "none"]);
    const { group_id } = await a.group();
    for (const n of [1, 2, 3]) await say(a, `chat ${n}`);
    const query = await a.run(["query", "-group", group_id, "-after", "0", "-limit", "2"]);
    expect(contents(query.stdout)).toEqual(["chat 1", "chat 2"]);
    const [first, second] = query.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(second).toMatchObject({ author_pubkey: founder.entmoot_pubkey, group_id, seq: first.seq + 1 });
    expect(query.stderr).toBe(`query: more is there than the 2 printed; go on with -after ${second.place}\n`);
    const json = await a.run(["-json-errors", "query", "-after", first.place, "-limit", "1"]);
    expect(JSON.parse(json.stderr)).toMatchObject({ more: true, after: [second.place] });
    const newest = await a.run(["query", "-limit", "2", "-json-errors"]);
    expect(JSON.parse(newest.stderr)).toEqual({ note: expect.stringContaining("-limit 0"), more: true });
    for (const all of [
      ["-limit", "3"],
      ["-limit", "0"],
      ["-after", second.place, "-limit", "1"],
      ["-topic", "none"],
    ]) {
      expect(await a.run(["query", ...all])).toMatchObject({ status: 0, stderr: "" });
    }

    const enough = await a.run(["tail", "-after", first.place, "-count", "2"]);
    expect({ ...enough, stdout: contents(enough.stdout) }).toEqual({
      status: 0,
      stdout: ["chat 2", "chat 3"],
      stderr: "",
    });
    const bySeq = await a.run(["tail", "-group", group_id, "-after", `${second.seq}`, "-count", "1"]);
    expect(contents(bySeq.stdout)).toEqual(["chat 3"]);
    for (const command of ["tail", "query"]) {
      const bare = await a.run([command, "-after", `${second.seq}`]);
      expect([bare.status, bare.stdout, bare.stderr]).toEqual([5, "", expect.stringContaining("name it with -group")]);
    }
    await using live = a.spawn(["tail", "-n", "1", "-count", "2", "-timeout", "10m"]);
    expect(await live.json()).toMatchObject({ content: "chat 3" });
    await say(a, "chat 4");
    const { status, stdout } = await live.ended();
    expect({ status, stdout: contents(stdout) }).toEqual({ status: 0, stdout: ["chat 3", "chat 4"] });
    const few = await a.run(["tail", "-n", "1", "-count", "2", "-timeout", "500ms", "-json-errors"]);
    expect({ status: few.status, stdout: contents(few.stdout) }).toEqual({ status: 8, stdout: ["chat 4"] });
    expect(JSON.parse(few.stderr)).toEqual({ error: { code: "too_few", message: expect.stringContaining("1 of 2") } });
    expect(await a.run(["tail", "-timeout", "2s"])).toEqual({ status: 0, stdout: "", stderr: "" });
    await using cut = a.spawn(["tail", "-n", "1", "-count", "5"]);
    await cut.json({ content: "chat 4" });
    cut.kill("SIGTERM");
    expect(await cut.ended()).toMatchObject({
      status: 8,
      stderr: expect.stringContaining("1 of 5 messages came before"),
    });
    await using watching = a.spawn(["call", "watch", '{"after":[]}']);
    await watching.line((line) => line.includes('"event"'));
    watching.kill("SIGTERM");
    expect(await watching.ended()).toMatchObject({ status: 0, stderr: "" });
    for (const flags of [
      ["-count", "0"],
      ["-timeout", "0"],
      ["-timeout", "soon"],
    ]) {
      expect(await a.run(["tail", ...flags])).toMatchObject({ status: 5, stdout: "" });
    }
    // What is held is enough: no daemon is needed.
    await a.end();
    const held = await a.run(["tail", "-after", first.place, "-count", "3", "-timeout", "1m"]);
    expect({ status: held.status, stdout: contents(held.stdout) }).toEqual({
      status: 0,
      stdout: ["chat 2", "chat 3", "chat 4"],
    });
  });

  test("tail -timeout waits for a daemon that long: status 6 where none came, 0 where one did, as there is one", async () => {
    using home = new TemporaryDirectory();
    await using a = new DaemonNode(home.path, "a");
    await a.ask(["group", "create", "-name", "council", "-policy", "none"]);
    const none = await a.run(["tail", "-timeout", "300ms"]);
    expect(none).toMatchObject({ status: 6, stdout: "" });
    expect(none.stderr).toContain("waiting for one");
    const named = await a.run(["-data", a.data, "tail", "-timeout", "300ms"], { env: { ENTMOOT_DATA: undefined } });
    expect(named.stderr).toContain(`-data '${a.data}' serve"; waiting for one`);
    await using tail = a.spawn(["tail", "-timeout", "10m"]);
    await tail.said("waiting for one");
    await a.serve();
    await using client = await a.client();
    // It watches as soon as it is there, and until then looks for what came.
    await eventually("a message that tail prints", async () => {
      await client.call(publish, { topics: ["chat"], content: new TextEncoder().encode("late") });
      return tail.stdout.includes("late") || undefined;
    });
    tail.kill("SIGTERM");
    expect((await tail.ended()).status).toBe(0);
  });

  test("query picks by author, topic, time and number, with and without a daemon", async () => {
    using home = new TemporaryDirectory();
    await using a = new DaemonNode(home.path, "a");
    await using b = new DaemonNode(home.path, "b");
    await Promise.all([a.serve(), b.serve()]);
    const { group_id } = await a.ask(["group", "create", "-name", "council", "-policy", "none"]);
    await b.ask(["join", (await a.ask(["invite", "link", "-group", group_id])).link]);
    const first = await say(a, "first");
    const second = await say(b, "second", "chat,news/today");
    // Told apart by time: the third is made only when the clock has moved on.
    await eventually("the next millisecond", () => (Date.now() > second.timestamp_ms ? true : undefined));
    const third = await say(a, "third", "news");
    const found = async (...flags: string[]) => contents((await a.run(["query", "-group", group_id, ...flags])).stdout);
    const checks = async () => {
      expect(await found("-order", "asc", "-author", `${first.author}`)).toEqual(["first", "third"]);
      expect(await found("-author", `${second.author}`)).toEqual(["second"]);
      expect(await found("-topic", "news/+")).toEqual(["second"]);
      expect(await found("-topic", "news/#", "-order", "desc")).toEqual(["third", "second"]);
      expect(await found("-limit", "1")).toEqual(["third"]);
      expect(await found("-since", `${third.timestamp_ms}`)).toEqual(["third"]);
      expect(await found("-until", `${third.timestamp_ms}`, "-order", "asc")).toEqual(["first", "second"]);
      expect(await found("-since", new Date(third.timestamp_ms).toISOString())).toEqual(["third"]);
      expect(await found("-topic", "nothing")).toEqual([]);
    };
    await arrived(a, 3);
    await checks();
    await a.end();
    await checks();
    expect(await a.run(["query", "-order", "sideways"])).toMatchObject({ status: 5, stdout: "" });
    expect(await a.run(["query", "-topic", "a/#/b"])).toMatchObject({ status: 5, stdout: "" });
  });
});

/** Reads the first line of a tail, closes its end of the pipe, and says how the tail ended. */
const SPAWNS_TAIL = `
  const { spawn } = require("node:child_process");
  const tail = spawn(process.env.BINARY, ["tail", "-n", "1"], { stdio: ["ignore", "pipe", "inherit"] });
  tail.stdout.once("data", () => tail.stdout.destroy());
  tail.on("exit", (status, signal) => console.log("ended " + (signal ?? status)));
`;

function say(node: DaemonNode, content: string, topic = "chat") {
  return node.ask(["publish", "-topic", topic, "-content", content]);
}

async function arrived(node: DaemonNode, messages: number): Promise<void> {
  await using tail = node.spawn(["tail", "-n", "-1"]);
  for (let n = 0; n < messages; n++) await tail.json();
}

function contents(stdout: string): string[] {
  return stdout.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line).content]));
}

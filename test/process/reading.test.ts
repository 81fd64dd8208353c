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
    await using live = a.spawn(["tail"]);
    await say(a, "ready");
    await using client = await a.client();
    // Over the socket, for the command itself may warn of some of them.
    const publishTo = (topic: string) =>
      client.call(publish, { topics: [topic], content: new TextEncoder().encode(topic) });
    await publishTo("_entmoot/news/v1");
    for (const topic of odd) await publishTo(topic);
    for (const content of odd) expect(await a.daemon.json({ event: "message", content })).toMatchObject({ group_id });
    const shown = async (...args: string[]) => contents((await a.run(args)).stdout).filter((text) => text !== "ready");
    for (const filter of [[], ["-topic", "#"]]) {
      expect(await shown("query", "-order", "asc", ...filter)).toEqual(odd);
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

  test("a reader that has seen enough ends tail and query quietly", async () => {
    using home = new TemporaryDirectory();
    await using a = new DaemonNode(home.path, "a");
    await a.serve();
    await a.ask(["group", "create", "-name", "council", "-policy", "none"]);
    for (const n of [1, 2, 3]) await say(a, `chat ${n}`);
    const shell = new DaemonNode(home.path, "a", { command: ["sh", "-c"] });
    await using tail = shell.spawn(['{ "$BINARY" tail -n -1; echo "status $?" >&2; } | head -n 1'], {
      env: { BINARY },
    });
    expect(await tail.json()).toMatchObject({ content: "chat 1" });
    await say(a, "one too many");
    expect(await tail.ended()).toMatchObject({ status: 0, stderr: "status 0\n" });
    const query = '{ "$BINARY" query -order asc; echo "status $?" >&2; } | head -n 1';
    const asked = await shell.run([query], { env: { BINARY } });
    expect(contents(asked.stdout)).toEqual(["chat 1"]);
    expect(asked.stderr).toBe("status 0\n");
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

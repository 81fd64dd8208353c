import { expect, test } from "bun:test";
import { statSync } from "node:fs";
import { join } from "node:path";
import { agree, DaemonNode, eventually } from "../support/daemon.ts";
import { inNetns } from "../support/netns.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

/** Two members of one moot, both with daemons; `oak` founded it. */
async function council(home: string, stack: AsyncDisposableStack) {
  const oak = stack.use(new DaemonNode(home, "oak"));
  const elm = stack.use(new DaemonNode(home, "elm"));
  await oak.serve("-hostname", "oak");
  await elm.serve("-hostname", "elm");
  const { group_id } = await oak.ask(["group", "create", "-name", "council", "-policy", "none"]);
  await elm.ask(["join", (await oak.ask(["invite", "link"])).link]);
  await agree([oak, elm]);
  return { oak, elm, group_id };
}

const linesOf = (stdout: string) =>
  stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));

inNetns(import.meta, () => {
  test("what others say is unread until it is read, answered or acknowledged, over both sockets and without a daemon", async () => {
    using home = new TemporaryDirectory();
    await using stack = new AsyncDisposableStack();
    const { elm, group_id, oak } = await council(home.path, stack);
    const say = async (content: string) =>
      (await elm.ask(["publish", "-topic", "chat", "-content", content])).message_id;
    const agent = { env: { ENTMOOT_AGENT_SOCKET: join(oak.data, "agent.sock") } };
    const unread = async (options = {}) =>
      linesOf((await oak.run(["inbox", "-json"], options)).stdout).map(({ content }) => content);

    expect(await oak.run(["inbox"])).toMatchObject({ status: 0, stdout: "", stderr: "inbox: nothing is unread\n" });
    const ids = [await say("@oak one"), await say("two"), await say("three"), await say("four"), await say("five")];
    await agree([oak, elm], { messages: 5 });
    const shown = await oak.run(["inbox"]);
    expect(shown.stdout).toContain(`${ids[0].slice(0, 12)}  `);
    expect(shown.stdout).toMatch(/elm \(node \d+\) in council under chat \[asks you; queued\]\n {4}@oak one\n/);
    expect(shown.stderr).toMatch(/^inbox: 5 shown, of which 1 ask you; answer one with ".*reply MESSAGE_ID/);
    expect(await unread(agent)).toEqual(["@oak one", "two", "three", "four", "five"]);
    expect(linesOf((await oak.run(["inbox", "-json", "-asks"], agent)).stdout)).toMatchObject([
      { asks: true, group_id, hostname: "elm", message_id: ids[0], state: "queued", unread: true, hop: 1 },
    ]);

    const read = await oak.run(["read", ids[1].slice(0, 8)]);
    expect(read).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/\nsigned by \S+, a member of \S+\n\ntwo\n$/),
    });
    const answer = await oak.run(["reply", ids[0].slice(0, 10), "-content", "because"], agent);
    expect(JSON.parse(answer.stdout)).toMatchObject({ answers: ids[0], group_id });
    expect(await oak.ask(["inbox", "-ack", ids[2].slice(0, 12)])).toMatchObject({ acknowledged: 1 });
    expect(await unread()).toEqual(["four", "five"]);

    const thread = linesOf((await elm.run(["thread", ids[0], "-json"])).stdout);
    await eventually("the answer at elm", async () =>
      linesOf((await elm.run(["inbox", "-json"])).stdout).some(({ content }) => content === "because")
        ? true
        : undefined,
    );
    expect(thread[0]).toMatchObject({ content: "@oak one", self: true });
    expect(linesOf((await elm.run(["inbox", "-json", "-asks"])).stdout)).toMatchObject([
      { content: "because", hop: 2, references: [ids[0]] },
    ]);

    // The same without a daemon: what is looked at changes nothing, what is done is done.
    await oak.end();
    const before = statSync(join(oak.data, "agents.sqlite"));
    expect(before.mode & 0o777).toBe(0o600);
    expect(await unread()).toEqual(["four", "five"]);
    expect(statSync(join(oak.data, "agents.sqlite")).mtimeMs).toBe(before.mtimeMs);
    expect((await oak.run(["read", ids[3], "-peek", "-json"])).stdout).toContain('"content":"four"');
    await oak.ask(["reply", ids[3], "-content", "said without a daemon"]);
    expect(await unread()).toEqual(["five"]);
    expect(await oak.ask(["inbox", "-ack", ids[4], "-through"])).toMatchObject({ acknowledged: 1 });
    expect(await unread()).toEqual([]);
    await oak.serve("-hostname", "oak");
    expect(await unread()).toEqual([]);
    await agree([oak, elm], { messages: 7 });
    expect(linesOf((await elm.run(["inbox", "-json"])).stdout).map(({ content }) => content)).toContain(
      "said without a daemon",
    );
  });

  test("-follow shows each message once, also over a daemon that is killed", async () => {
    using home = new TemporaryDirectory();
    await using stack = new AsyncDisposableStack();
    const { elm, oak } = await council(home.path, stack);
    const say = (content: string) => elm.ask(["publish", "-topic", "chat", "-content", content]);
    await say("one");
    await agree([oak, elm], { messages: 1 });
    const following = oak.spawn(["inbox", "-follow", "-json"]);
    await following.json({ content: "one" });
    await say("two");
    await following.json({ content: "two" });
    await oak.kill();
    await say("three");
    await following.said("waiting for the daemon to come back");
    await oak.serve("-hostname", "oak");
    await following.json({ content: "three" });
    following.kill("SIGTERM");
    const { status, stdout } = await following.ended();
    expect({ status, shown: linesOf(stdout).map(({ content }) => content) }).toEqual({
      status: 0,
      shown: ["one", "two", "three"],
    });
    // Looking marks nothing read.
    expect(linesOf((await oak.run(["inbox", "-json"])).stdout)).toHaveLength(3);
  });

  test("ask prints the answer of the member that was asked, or ends with status 8 and what is known", async () => {
    using home = new TemporaryDirectory();
    await using stack = new AsyncDisposableStack();
    const { elm, oak } = await council(home.path, stack);
    await eventually("elm by its name", async () =>
      (await oak.run(["peers"])).stdout.includes("elm") ? true : undefined,
    );
    const asking = oak.spawn(["ask", "@elm", "is the build green?", "-wait", "1m"]);
    const question = await eventually(
      "the question at elm",
      async () => linesOf((await elm.run(["inbox", "-json", "-asks"])).stdout)[0],
    );
    expect(question).toMatchObject({ content: "@elm is the build green?", hostname: "oak" });
    // What another message says, or says to another, is no answer.
    await elm.ask(["publish", "-topic", "chat", "-content", "noise"]);
    await elm.ask(["reply", question.message_id.slice(0, 8), "-content", "yes\nall of it"]);
    expect(await asking.ended()).toMatchObject({ status: 0, stdout: "yes\nall of it\n" });
    const late = await oak.run(["-json-errors", "ask", "elm", "and now?", "-wait", "500ms"]);
    expect({ status: late.status, stdout: late.stdout }).toEqual({ status: 8, stdout: "" });
    expect(JSON.parse(late.stderr).error).toMatchObject({
      code: "too_few",
      message: expect.stringMatching(
        /no answer of elm came within 500 ms; the question is stored here as \S{12}, and (?:its member is connected|the member: no agent)/,
      ),
    });
    const elmId = `${(await elm.ask(["info"])).pilot_node_id}`;
    await oak.ask(["mute", elmId, "-for", "2h"]);
    const muted = (await oak.run(["ask", "elm", "and now?", "-wait", "100ms"])).stderr;
    expect(muted).toMatch(/elm is muted here until .+, .*entmootd unmute \d+" hears it again; an answer .* alone/);
    expect(muted).not.toContain("entmootd inbox");
    await oak.ask(["unmute", elmId]);
    await Bun.write(join(home.path, "question"), "and from a file?\n");
    await oak.run(["ask", "elm", "-file", join(home.path, "question"), "-wait", "100ms"]);
    await eventually("the question of the file at elm", async () =>
      linesOf((await elm.run(["inbox", "-json", "-asks"])).stdout).find(
        ({ content }) => content === "@elm and from a file?\n",
      ),
    );
    await oak.run(["ask", "elm", "-file", "-", "-wait", "100ms"], { stdin: "and from stdin?\nall of it" });
    await eventually("the question of stdin at elm", async () =>
      linesOf((await elm.run(["inbox", "-json", "-asks"])).stdout).find(
        ({ content }) => content === "@elm and from stdin?\nall of it",
      ),
    );
    const none = await oak.run(["ask", "elm", "-file", "-", "-wait", "100ms"], { stdin: " \n" });
    expect(none).toMatchObject({ status: 5, stderr: expect.stringContaining("the question is empty") });
    const agent = { env: { ENTMOOT_AGENT_SOCKET: join(oak.data, "agent.sock") } };
    expect((await oak.run(["ask", "elm", "and now?", "-wait", "100ms"], agent)).stderr).toMatch(
      /not told over an agents' socket|the member: no agent is woken there/,
    );
    // What an agent is answered it has read.
    const byAgent = oak.spawn(["ask", "@elm", "and by whom?", "-wait", "1m"], agent);
    const second = await eventually("the agent's question at elm", async () =>
      linesOf((await elm.run(["inbox", "-json", "-asks"])).stdout).find(({ content }) => content.includes("by whom")),
    );
    await elm.ask(["reply", second.message_id, "-content", `${"x".repeat(5_000)}!`]);
    expect((await byAgent.ended()).stdout).toBe(`${"x".repeat(5_000)}!\n`);
    expect(linesOf((await oak.run(["inbox", "-json", "-asks"], agent)).stdout).map(({ content }) => content)).toEqual([
      "yes\nall of it",
    ]);
    expect(await oak.run(["ask", "@ash", "anybody?"])).toMatchObject({
      status: 5,
      stderr: expect.stringContaining('no other member is called "@ash"'),
    });
  });

  test("what names nothing, names too much or looks like a secret is refused with the next step", async () => {
    using home = new TemporaryDirectory();
    await using stack = new AsyncDisposableStack();
    const { elm, oak } = await council(home.path, stack);
    const { message_id } = await elm.ask(["publish", "-topic", "chat", "-content", "key?"]);
    await agree([oak, elm], { messages: 1 });
    const key = `ghp_${"a1".repeat(18)}`;
    for (const [args, said] of [
      [["read", "short"], "read: expected a message id, or at least its first 8 characters as"],
      [["read", "AAAAAAAAAA"], 'read: no message held here has an id that begins with "AAAAAAAAAA"'],
      [["thread", `${"A".repeat(42)}A=`], "no such message is held here"],
      [["reply", message_id, "-content", `take ${key}`], "a secret (a GitHub token, at character 6)"],
      [["reply", message_id], "reply: exactly one of -content or -file is required"],
      [["ask", "elm", `is it ${key}?`], "ask: the question looks as if it held a GitHub token"],
      [["ask", "elm", "-"], 'ask: the question is "-"; to read it from stdin: -file -'],
      [["ask", "elm"], "ask: exactly one of QUESTION, in quotes, or -file is required"],
      [["inbox", "-through"], "inbox: -through goes with -ack MESSAGE_ID"],
      [["inbox", "-follow", "-wait", "1s"], "-follow waits by itself"],
      [
        ["mute", "elm"],
        'mute: "elm" is what a member calls itself, as anybody may; name it by its whole key or node id: node ',
      ],
      [["unmute", "elm"], 'unmute: "elm" is what a member calls itself'],
      [["roster", "remove", "-member", "elm"], 'roster remove: "elm" is what a member calls itself'],
      [["deliver", "-rule", "allow-list", "-from", "elm"], 'deliver: "elm" is what a member calls itself'],
      [["mute", "nobody"], 'mute: member "nobody": no current member has this id, key or name'],
    ] as const) {
      const { status, stderr, stdout } = await oak.run(args);
      expect({ args, status, stdout, stderr }).toEqual({
        args,
        status: 5,
        stdout: "",
        stderr: expect.stringContaining(said),
      });
      expect(stderr).not.toContain(key);
      // Commands that answer alike without a daemon have no code of its answers.
      expect(stderr).not.toMatch(/: [A-Z_]{8,}: /);
    }
    expect((await oak.ask(["reply", message_id, "-content", `take ${key}`, "-force"])).answers).toBe(message_id);
    const muted = await oak.ask(["mute", `${(await elm.ask(["info"])).pilot_node_id}`, "-for", "2h"]);
    expect(muted).toMatchObject({ event: "muted", hostname: "elm", group_id: null });
    expect(linesOf((await oak.run(["mutes"])).stdout)).toMatchObject([{ member: muted.member }]);
    await elm.ask(["publish", "-topic", "chat", "-content", "@oak hush"]);
    await agree([oak, elm], { messages: 3 });
    expect((await oak.run(["inbox", "-json"])).stdout).toBe("");
    expect(await oak.ask(["unmute", muted.member])).toEqual({ event: "unmuted", mutes_ended: 1 });
    expect((await oak.run(["mutes"])).stdout).toBe("");
  });
});

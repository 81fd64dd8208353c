import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { encodeUtf8 } from "../../src/core/bytes/utf8.ts";
import { formatPolicy, POLICY_PRESETS } from "../../src/core/policy/policy.ts";
import { publish } from "../../src/node/operations/messages.ts";
import type { Operations } from "../../src/node/operations/operation.ts";
import { BINARY } from "../support/binary.ts";
import { DaemonNode, eventually } from "../support/daemon.ts";
import { missingTool, testWhere } from "../support/needs.ts";
import { inNetns } from "../support/netns.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

/** The node of a person, on a data root of its own. */
function person() {
  const home = new TemporaryDirectory();
  const node = new DaemonNode(home.path, "person");
  return {
    node,
    /** What is published in a moot, by time, and as it came where two have the same. */
    async said(...more: string[]): Promise<string[]> {
      const { stdout } = await node.run(["query", "-order", "asc", "-limit", "1000", ...more]);
      return stdout
        .split("\n")
        .filter(Boolean)
        .map((line) => JSON.parse(line) as { content: string; seq: number; timestamp_ms: number })
        .toSorted((one, other) => one.timestamp_ms - other.timestamp_ms || one.seq - other.seq)
        .map(({ content }) => content);
    },
    async [Symbol.asyncDispose]() {
      await node[Symbol.asyncDispose]();
      home[Symbol.dispose]();
    },
  };
}

inNetns(import.meta, () => {
  test("what is typed can be edited, stays whole while messages arrive, and is shown once", async () => {
    await using a = person();
    await using up = a.node.onTerminal(["up", "-moot", "council"]);
    await up.line((line) => line === 'moot "council" is up, with 1 member');
    await up.line((line) => line === "it keeps everything");
    await up.typing(">");
    up.type("gud");
    await up.typing("> gud");
    up.type("\x1b[D\x7foo\x05 漢字 \u{1f44d}\u{1f3fd}!\x1b[D\x7f\x7f");
    await up.typing("> good 漢字!");
    await a.node.ask(["publish", "-topic", "news/day", "-content", "from somebody else"]);
    await up.line((line) => /^\d\d:\d\d:\d\dZ {2}.*news\/day {2}from somebody else$/.test(line));
    await up.typing("> good 漢字!");
    up.type("\x01so: \r");
    await up.line((line) => line.endsWith("chat  so: good 漢字!"));
    await up.typing(">");
    up.type("\x1b[A\x17again\r\x1b[A\x1b[A\x1b[B");
    await up.typing("> so: good again");
    expect(up.lines.filter((line) => line.includes("so: good 漢字!")).length).toBe(1);
    up.type("\x15last\r\x04");
    expect(await up.ended()).toBe(0);
    expect(up.isAsBefore).toBe(true);
    expect(await a.said()).toEqual(["from somebody else", "so: good 漢字!", "so: good again", "last"]);
  });

  test("long lines and pastes are published whole, a paste of several lines as one message when that is meant", async () => {
    await using a = person();
    await a.node.ask(["group", "create", "-name", "long", "-policy", "none"]);
    await using up = a.node.onTerminal(["up"]);
    await up.typing(">");
    const long = Array.from({ length: 9_000 }, (_, at) => `${at}`).join(" ");
    for (let at = 0; at < long.length; at += 1_000) up.type(long.slice(at, at + 1_000));
    up.type("\r");
    await up.line((line) => line.includes("chat  0 1 2 3"));
    const file = Array.from({ length: 5_000 }, (_, at) => `line ${at}\t/quit`).join("\n");
    up.type("see: ");
    up.paste(`${file}\n`);
    await up.line((line) => line.startsWith("publish the pasted 5,000 lines"));
    up.type("y\r");
    await up.line((line) => line.includes("chat  see: line 0"));
    await up.line((line) => line === "    line 1 /quit");
    up.paste("not\nthis");
    await up.line((line) => line.startsWith("publish the pasted 2 lines"));
    up.type("n\r");
    await up.line((line) => line.startsWith("not published"));
    up.paste("but this\n");
    await up.typing("> but this");
    up.type("\r\x03");
    expect(await up.ended()).toBe(0);
    expect(await a.said()).toEqual([long, `see: ${file}`, "but this"]);
  });

  test("several moots: lines name them, /moot changes between them, and the one used last is opened again", async () => {
    await using a = person();
    const { group_id } = await a.node.ask(["group", "create", "-name", "first"]);
    await a.node.ask(["group", "create", "-name", "second"]);
    {
      await using up = a.node.onTerminal(["up"]);
      await up.line((line) => line.startsWith('moot "second" is up'));
      up.type("to the second\r/moot fir\rto the first\r/moot\r/who\r/help\r");
      await up.line((line) => /^\S+ {2}second {2}.* {2}to the second$/.test(line));
      await up.line((line) => /^\S+ {2}first {2}.* {2}to the first$/.test(line));
      await up.line((line) => line === "* first  1 member, 1 message");
      await up.line((line) => line === "first: 1 member");
      await up.line((line) => line.startsWith("/quit"));
      up.type("/quit\r");
      expect(await up.ended()).toBe(0);
      expect(up.isAsBefore).toBe(true);
    }
    await using up = a.node.onTerminal(["up"]);
    await up.line((line) => line.startsWith('moot "first" is up'));
    await up.line((line) => line.endsWith("to the first"));
    up.type("\x04");
    expect(await up.ended()).toBe(0);
    const stranger = group_id.replace(/^./, group_id.startsWith("A") ? "B" : "A");
    expect((await a.node.run(["up", "-group", stranger])).status).toBe(3);
    await a.node.ask(["group", "create", "-name", "third"]);
    await using asked = a.node.onTerminal(["up", "-group", group_id]);
    await asked.line((line) => line.startsWith('moot "first" is up'));
  });

  test("a word with a slash that is no command is asked about and not published by accident", async () => {
    await using a = person();
    await using up = a.node.onTerminal(["up"]);
    await up.typing(">");
    up.type("/mot council\r");
    await up.line((line) => line.startsWith("there is no /mot (did you mean /moot?)"));
    up.type("\r");
    await up.line((line) => line.startsWith("not published"));
    up.type("/tmp/a\rnope\r");
    await up.line((line) => line.startsWith('not published: "nope", which is no answer; publish "/tmp/a"? y or n'));
    up.type("n\r");
    await up.line(() => up.lines.filter((line) => line.startsWith("not published; arrow up")).length === 2);
    up.type("\x1b[A");
    await up.typing("> /tmp/a");
    up.type("\x15yes, that file\r/tmp/b\ry\r//etc/hosts\r\x04");
    expect(await up.ended()).toBe(0);
    expect(await a.said()).toEqual(["yes, that file", "/tmp/b", "/etc/hosts"]);
  });

  test("a refused line is named and can be sent again", async () => {
    await using a = person();
    await a.node.ask(["group", "create", "-name", "slow", "-policy", "preset:standard"]);
    await using up = a.node.onTerminal(["up"]);
    await up.typing(">");
    const lines = Array.from({ length: 14 }, (_, at) => `line ${at}`);
    up.type(`${lines.join("\r")}\r`);
    await up.line((line) => line.startsWith('not published: "line 12": group policy: '));
    await up.line((line) => line.startsWith('not published: "line 13"'));
    up.type("/again\r");
    await up.line((line) => line.includes("2 to send"));
    up.type(`\x1b[200~${"x".repeat(1_000_001)}\x1b[201~y\r`);
    await up.line((line) => line.startsWith('not published: "xxx'));
    // Longer than a row of the terminal.
    await up.saw("arrow up brings it back");
    // It does not stand behind those that can be sent later.
    up.type("/again\r");
    await up.line(() => up.lines.filter((line) => line.includes("2 to send")).length === 2);
    up.type("\x04");
    expect(await up.ended()).toBe(0);
    expect(await a.said()).toEqual(lines.slice(0, 12));
  });

  test("a line that was refused for the rate is published by /again once it is its turn, and once", async () => {
    await using a = person();
    const policy = `${a.node.data}.policy.json`;
    const limits = { message_rate_per_author: "30/min", message_burst_per_author: 1n };
    writeFileSync(policy, formatPolicy({ ...POLICY_PRESETS.standard, ...limits }));
    await a.node.ask(["group", "create", "-name", "slow", "-policy", `file:${policy}`]);
    await using up = a.node.onTerminal(["up"]);
    await up.typing(">");
    up.type("one\rtwo\r");
    await up.line((line) => line.startsWith('not published: "two"'));
    await eventually("its turn", () => {
      if (up.lines.some((line) => line.endsWith("chat  two"))) return true;
      up.type("/again\r");
      return undefined;
    });
    up.type("\x04");
    expect(await up.ended()).toBe(0);
    expect(await a.said()).toEqual(["one", "two"]);
  });

  test("the last twenty messages are there at the start", async () => {
    await using a = person();
    const { group_id } = await a.node.ask(["group", "create", "-name", "old", "-policy", "none"]);
    await a.node.serve();
    {
      await using client = await a.node.client();
      for (let at = 0; at < 25; at++) {
        await client.call(publish, { topics: ["chat"], content: encodeUtf8(`message ${at}`) });
      }
    }
    await a.node.end();
    await using up = a.node.onTerminal(["up", "-group", group_id]);
    await up.line((line) => line.endsWith("chat  message 24"));
    await up.typing(">");
    const shown = up.lines.filter((line) => line.includes("chat  message "));
    expect(shown.map((line) => line.replace(/.*message /, ""))).toEqual(
      Array.from({ length: 20 }, (_, at) => `${at + 5}`),
    );
    up.type("\x1b[A");
    await up.typing("> message 24");
  });

  test("Ctrl-S holds what is shown and nothing else, until the next key", async () => {
    await using a = person();
    await a.node.ask(["group", "create", "-name", "busy", "-policy", "none"]);
    await using up = a.node.onTerminal(["up"]);
    await up.typing(">");
    await using client = await a.node.client();
    up.type("half a l");
    await up.typing("> half a l");
    up.type("i\x13");
    // The key takes effect some time after it was typed, and well before so many messages are out.
    await publishMany(client, 400);
    expect(up.sent).not.toContain("message 399 ");
    up.type("n");
    await up.saw("message 399 ");
    up.type("e\r");
    await up.saw("chat  half a line");
    for (let at = 0; at < 400; at++) expect(up.sent).toContain(`message ${at} `);
  });

  test("a terminal that the system has stopped holds up nothing either", async () => {
    await using a = person();
    await a.node.ask(["group", "create", "-name", "busy", "-policy", "none"]);
    const shell = a.node.through(["sh", "-c"]);
    await using up = shell.onTerminal(['exec "$BINARY" up </dev/null'], { BINARY });
    await up.line((line) => line.startsWith("stdin is no terminal"));
    up.type("\x13");
    await using client = await a.node.client();
    await publishMany(client, 400);
    expect(await a.node.group()).toMatchObject({ messages: 400 });
    expect(up.sent).not.toContain("message 0 ");
    up.type("\x11");
    await up.saw("message 399 ");
    for (let at = 0; at < 400; at++) expect(up.sent).toContain(`message ${at} `);
  });

  testWhere(missingTool("script"), "a terminal that nobody reads holds up nothing, and misses nothing", async () => {
    await using a = person();
    await a.node.ask(["group", "create", "-name", "busy", "-policy", "none"]);
    const script = a.node.through(["script", "-qec"]);
    await using up = script.spawn(['exec "$BINARY" up', "/dev/null"], { stdin: "open", env: { BINARY } });
    await up.line((line) => line.includes("is up, with 1 member"));
    await using client = await a.node.client();
    up.kill("SIGSTOP");
    await publishMany(client, 400);
    expect(await a.node.group()).toMatchObject({ messages: 400 });
    up.kill("SIGCONT");
    for (let at = 0; at < 400; at++) await up.line((line) => line.includes(`message ${at} `));
    up.write("\x04");
    expect((await up.ended()).status).toBe(0);
  });

  test("a stopped terminal keeps no daemon from its end", async () => {
    await using a = person();
    await using serve = a.node.onTerminal(["serve"]);
    await serve.saw('"event":"serving"');
    serve.type("\x13");
    serve.kill("SIGTERM");
    expect(await serve.ended()).toBe(0);
  });

  test("SIGTERM leaves the terminal as it was, and a terminal that hangs up ends up", async () => {
    await using a = person();
    {
      await using up = a.node.onTerminal(["up"]);
      await up.typing(">");
      up.type("unfinished");
      await up.typing("> unfinished");
      expect(up.isAsBefore).toBe(false);
      up.kill("SIGTERM");
      expect(await up.ended()).toBe(0);
      expect(up.isAsBefore).toBe(true);
    }
    await using up = a.node.onTerminal(["up"]);
    await up.typing(">");
    up.hangUp();
    expect(await up.ended()).toBe(0);
    expect(await a.node.ask(["info"])).toMatchObject({ running: false });
  });

  test("what was typed or pasted and not published is printed whole at the end, however that comes", async () => {
    await using a = person();
    await a.node.ask(["group", "create", "-name", "slow", "-policy", "preset:standard"]);
    const long = Array.from({ length: 4_000 }, (_, at) => `${at}`).join(" ");
    {
      await using up = a.node.onTerminal(["up"]);
      await up.typing(">");
      up.type(`${Array.from({ length: 13 }, (_, at) => `line ${at}`).join("\r")}\r`);
      await up.line((line) => line.startsWith('not published: "line 12"'));
      for (let at = 0; at < long.length; at += 1_000) up.type(long.slice(at, at + 1_000));
      await up.line((line) => line.endsWith(" 3998 3999"));
      await a.node.ask(["stop"]);
      expect(await up.ended()).toBe(0);
      expect(up.sent).toContain(`not published: ${long}`);
      expect(up.lines).toContain("not published: line 12");
      expect(up.isAsBefore).toBe(true);
    }
    await using up = a.node.onTerminal(["up"]);
    await up.typing(">");
    up.paste("one\ntwo");
    await up.line((line) => line.startsWith("publish the pasted 2 lines"));
    up.kill("SIGQUIT");
    expect(await up.ended()).toBe(0);
    expect(up.lines.slice(up.lines.indexOf("not published: one")).slice(0, 2)).toEqual(["not published: one", "two"]);
    expect(up.isAsBefore).toBe(true);
    await using alarmed = a.node.onTerminal(["up"]);
    await alarmed.typing(">");
    alarmed.kill("SIGALRM");
    expect(await alarmed.signalled()).toBe("SIGALRM");
    expect(alarmed.isAsBefore).toBe(true);
  });

  test("a paste whose end never comes is given up with Ctrl-C twice, and is not lost", async () => {
    await using a = person();
    await using up = a.node.onTerminal(["up"]);
    await up.typing(">");
    up.type("\x1b[200~half a\rpaste");
    await up.line((line) => line.startsWith("pasting, 12 characters so far"));
    up.type("\x03\x03");
    await up.line((line) => line.startsWith("the paste had no end"));
    up.type("typed\r");
    await up.line((line) => line.endsWith("chat  typed"));
    up.type("\x1b[200~again");
    await up.line((line) => line.startsWith("pasting, 5 characters so far"));
    up.type("\x04\x04");
    await up.line(() => up.lines.filter((line) => line.startsWith("the paste had no end")).length === 2);
    up.type("\x04");
    expect(await up.ended()).toBe(0);
    expect(await a.said()).toEqual(["typed"]);
  });

  test("a moot made meanwhile is announced, and /moot shows its last messages once", async () => {
    await using a = person();
    await using up = a.node.onTerminal(["up", "-moot", "first"]);
    await up.typing(">");
    const { group_id } = await a.node.ask(["group", "create", "-name", "second", "-policy", "none"]);
    await up.line((line) => line.includes("second  this node is in the moot now; /moot second goes there"));
    await a.node.ask(["publish", "-group", group_id, "-topic", "news", "-content", "before"]);
    await up.line((line) => line.endsWith("news  before"));
    up.type("/moot second\r");
    await up.line((line) => line === "the last messages there:");
    await up.line((line) => line === "what you type goes to second now");
    up.type("after\r");
    await up.line((line) => line.endsWith("chat  after"));
    const lines = up.lines.filter((line) => /^\d\d:.*(before|after)$/.test(line));
    expect(lines.map((line) => line.replace(/.* /, ""))).toEqual(["before", "before", "after"]);
    await up.typing("second>");
  });

  test("of a message that is cut it is said how long it is and what prints it", async () => {
    await using a = person();
    await using up = a.node.onTerminal(["up"]);
    await up.typing(">");
    const content = "x".repeat(20_000);
    await a.node.ask(["publish", "-topic", "long", "-content", content]);
    const shown = "[19.5 KiB (20,000 bytes) in all; to see them: ";
    await up.saw(shown);
    // As a terminal would give it to a shell.
    const text = up.lines.join("");
    const [, command = ""] = /to see them: (\S+ query [^\]]*)\]/.exec(text) ?? [];
    const { stdout } = await a.node.run(command.split(" ").slice(1));
    expect(JSON.parse(stdout)).toMatchObject({ content });
  });

  testWhere(missingTool("setsid"), "Ctrl-Z gives the terminal back to the shell, and fg takes it again", async () => {
    await using a = person();
    const shell = a.node.through(["setsid", "--ctty", "--wait", "sh", "-mc"]);
    await using up = shell.onTerminal(['"$BINARY" up; echo stopped with $?; stty -a; read -r line; fg'], { BINARY });
    await up.typing(">");
    up.type("before");
    await up.typing("> before");
    up.type("\x1a");
    await up.line((line) => line.startsWith("stopped with"));
    await up.line((line) => / icanon/.test(line));
    expect(up.isAsBefore).toBe(true);
    up.type("go on\r");
    await up.typing("> before");
    up.type(" and after\r\x04");
    await up.line((line) => line.endsWith("chat  before and after"));
    expect(await up.ended()).toBe(0);
    expect(up.isAsBefore).toBe(true);
  });
});

/** Publishes so many messages, together more than terminals and pipes hold. */
async function publishMany(client: Operations, count: number): Promise<void> {
  const bulk = "x".repeat(3_000);
  for (let at = 0; at < count; at++) {
    await client.call(publish, { topics: ["chat"], content: encodeUtf8(`message ${at} ${bulk}`) });
  }
}

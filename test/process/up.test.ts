import { expect, test } from "bun:test";
import { resolve } from "node:path";
import { BINARY } from "../support/binary.ts";
import { DaemonNode, eventually } from "../support/daemon.ts";
import { missingTool, testWhere } from "../support/needs.ts";
import { inNetns } from "../support/netns.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

const ROOT = resolve(import.meta.dir, "../..");

inNetns(import.meta, () => {
  test("up prints JSON lines, and whoever runs its next command talks with it", async () => {
    using home = new TemporaryDirectory();
    await using a = new DaemonNode(home.path, "a");
    await using b = new DaemonNode(home.path, "b");
    const ready = await a.up("-hostname", "oak");
    expect(a.daemon.stdout.split("\n")[0]).toStartWith('{"event":"ready"');
    expect(ready.members).toBe(1);
    expect(ready.link).toMatch(/^entmoot:\/\/join\/[\w-]+$/);
    expect(ready.next_command).toBe(`entmootd join ${ready.link}`);

    // The rest of `next_command`, as a shell reads it.
    const joined = await b.ask(ready.next_command.split(" ").slice(1));
    expect(joined).toMatchObject({ event: "joined", group_id: ready.group_id, members: 2 });
    const { group_id } = ready;
    expect(await a.daemon.json({ event: "peer", change: "joined" })).toMatchObject({ group_id, route: "direct" });
    await b.serve();
    await a.daemon.json({ event: "peer", change: "connected" });
    await b.ask(["publish", "-topic", "chat", "-content", "hello from b"]);
    const message = await a.daemon.json({ event: "message" });
    expect(message).toMatchObject({ group_id, content: "hello from b", topic: ["chat"] });
    await b.end();
    await a.daemon.json({ event: "peer", change: "lost" });
  });

  test("SIGINT and SIGTERM end up with status 0, and a later start has a new link beside the old one", async () => {
    using home = new TemporaryDirectory();
    await using a = new DaemonNode(home.path, "a");
    await using b = new DaemonNode(home.path, "b");
    await using c = new DaemonNode(home.path, "c");
    const first = await a.up("-moot", "release council");
    a.daemon.kill("SIGINT");
    expect((await a.daemon.ended()).status).toBe(0);
    const second = await a.up();
    expect(second).toMatchObject({ group_id: first.group_id, name: "release council" });
    expect(second.link).not.toBe(first.link);
    expect(await b.ask(["join", first.link])).toMatchObject({ status: "joined" });
    expect(await c.ask(["join", second.link])).toMatchObject({ status: "joined" });
    a.daemon.kill("SIGTERM");
    expect((await a.daemon.ended()).status).toBe(0);
    // With every link revoked, the next start still gives one that works.
    const { links } = await a.ask(["invite", "list", "-group", first.group_id]);
    for (const { id } of links) await a.ask(["invite", "revoke", "-id", id, "-group", first.group_id]);
    const third = await a.up();
    await using d = new DaemonNode(home.path, "d");
    expect(await d.ask(["join", third.link])).toMatchObject({ status: "joined" });
  });

  test("-moot with a new name makes that moot, and what is published goes nowhere else", async () => {
    using home = new TemporaryDirectory();
    await using a = new DaemonNode(home.path, "a");
    const first = await a.up("-moot", "first");
    a.daemon.kill("SIGINT");
    await a.daemon.ended();
    const second = await a.up("-moot", "second");
    expect(second.name).toBe("second");
    expect(second.group_id).not.toBe(first.group_id);
    expect(a.daemon.stderr).toContain('no moot of that name here; making "second"');
    a.daemon.kill("SIGINT");
    await a.daemon.ended();
    expect((await a.up("-moot", "first")).group_id).toBe(first.group_id);
  });

  test("a member that did not found the moot has no link to give, and says so", async () => {
    using home = new TemporaryDirectory();
    await using a = new DaemonNode(home.path, "a");
    await using b = new DaemonNode(home.path, "b");
    const { group_id, link } = await a.up();
    await b.ask(["join", link]);
    expect(await b.up()).toMatchObject({ group_id, link: null, next_command: null, members: 2 });
  });

  test("with -stdin json, lines of JSON are answered by lines of JSON, and the end of stdin ends up", async () => {
    using home = new TemporaryDirectory();
    await using a = new DaemonNode(home.path, "a");
    await using up = a.spawn(["up", "-stdin", "json"], { stdin: "open" });
    const { group_id, name } = await up.json({ event: "ready" });
    up.write('{"id":"x1","publish":{"content":"hello","topic":["chat","news"]}}\n');
    const published = await up.json({ event: "published" });
    expect(published).toMatchObject({ id: "x1", line: 1, group_id, topic: ["chat", "news"] });
    up.write('{"publish":{"content":"and again"}}\n\nhello\n{"id":4,"publish":{"contents":"x"}}\n');
    expect(await up.json({ event: "published" })).toMatchObject({ line: 2, topic: ["chat"] });
    const wrong = await up.json({ event: "error" });
    expect(wrong).toMatchObject({ line: 4, error: { code: "invalid_argument" } });
    expect(wrong.error.message).toContain('expected a line of JSON such as {"publish":');
    expect(await up.json({ event: "error" })).toMatchObject({ line: 5, id: 4 });
    const once = '{"id":12345678901234567890,"publish":{"content":"once","topic":"c++","token":"0123456789abcdef"}}\n';
    for (const duplicate of [undefined, true]) {
      up.write(once);
      const said = await up.json({ event: "published" });
      expect(said.duplicate).toBe(duplicate);
      expect(said.warning).toContain("no pattern matches");
    }
    const hex = Buffer.from(group_id, "base64").toString("hex");
    const called = (group: string) => `${JSON.stringify({ publish: { content: "named", group_id: group } })}\n`;
    up.write(called(hex) + called(` ${name} `) + called("senate"));
    for (const line of [8, 9]) expect(await up.json({ event: "published" })).toMatchObject({ line, group_id });
    const unknown = await up.json({ event: "error" });
    expect(unknown).toMatchObject({ line: 10, error: { code: "group_not_found" } });
    expect(unknown.error.message).toContain(`here are "${name}"`);
    const mebibyte = "x".repeat(1024 * 1024);
    for (let size = 0; size < 9; size++) up.write(mebibyte);
    up.write('\n{"publish":{"content":"last"}}');
    expect((await up.json({ event: "error" })).error.message).toContain("found a longer one");
    up.closeStdin();
    expect(await up.json({ event: "published" })).toMatchObject({ line: 12 });
    const { status, stdout } = await up.ended();
    expect(status).toBe(0);
    const told = stdout.split("\n").filter((line) => line.startsWith('{"event":"message"'));
    expect(stdout.match(/"id":12345678901234567890/g)).toHaveLength(2);
    expect(told[0]).toContain(published.message_id);
    const { stdout: kept } = await a.run(["query", "-order", "asc"]);
    const contents = kept
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line).content);
    expect(contents).toEqual(["hello", "and again", "once", "named", "named", "last"]);
  });

  test("-after goes on behind a message after a restart, and a place that is not here is told before anything else", async () => {
    using home = new TemporaryDirectory();
    await using a = new DaemonNode(home.path, "a");
    await a.up();
    const say = async (content: string) => {
      await a.ask(["publish", "-topic", "t", "-content", content]);
      return await a.daemon.json({ event: "message", content });
    };
    const { place } = await say("seen");
    await say("missed");
    await a.end();
    await using up = a.spawn(["up", "-stdin", "json", "-after", place], { stdin: "open" });
    await up.json({ event: "ready" });
    await up.json({ content: "missed" });
    up.write('{"publish":{"content":"live"}}\n');
    await up.json({ content: "live" });
    up.closeStdin();
    const { stdout } = await up.ended();
    const lines = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(lines[0].event).toBe("ready");
    expect(lines.filter(({ event }) => event === "message").map(({ content }) => content)).toEqual(["missed", "live"]);
    await using other = new DaemonNode(home.path, "b");
    for (const [node, after, refusal, said] of [
      [other, place, 3, ": it is of a group that is not joined here"],
      [a, "17", 5, "expected the place that a message line names"],
      [a, "nonsense", 5, "-after"],
    ] as const) {
      const ended = await node.run(["up", "-after", after]);
      expect([ended.status, ended.stdout, ended.stderr]).toEqual([refusal, "", expect.stringContaining(said)]);
    }
    // A terminal is told that nobody reads it.
    await using piped = a.through(["sh", "-c", 'exec "$0" "$@" >/dev/null', BINARY]).onTerminal(["up"]);
    await piped.line((line) => line.startsWith("up: stdout is no terminal for people: what is typed is not read"));
    process.kill(piped.pid, "SIGINT");
    expect(await piped.ended()).toBe(0);
  });

  test("-moot with -stdin json opens or makes the moot of that name, and speaks there", async () => {
    using home = new TemporaryDirectory();
    await using a = new DaemonNode(home.path, "a");
    const { group_id: other } = await a.ask(["group", "create", "-name", "other"]);
    await using up = a.spawn(["up", "-moot", "bots", "-stdin", "json"], { stdin: "open" });
    const { group_id, name } = await up.json({ event: "ready" });
    expect(name).toBe("bots");
    up.write('{"id":1,"publish":{"content":"here"}}\n');
    expect(await up.json({ event: "published" })).toMatchObject({ id: 1, group_id });
    up.write(`{"id":2,"publish":{"content":"there","group_id":"${other}"}}\n`);
    expect(await up.json({ event: "published" })).toMatchObject({ id: 2, group_id: other });
    // A moot that comes meanwhile is told, and can be spoken in.
    const { group_id: later } = await a.ask(["group", "create", "-name", "later"]);
    expect(await up.json({ event: "peer" })).toMatchObject({ change: "joined", self: true, group_id: later });
    up.write(`{"id":3,"publish":{"content":"later","group_id":"${later}"}}\n`);
    expect(await up.json({ event: "published" })).toMatchObject({ id: 3, group_id: later });
    up.closeStdin();
    expect((await up.ended()).status).toBe(0);
    await using again = a.spawn(["up", "-moot", "bots", "-stdin", "json"]);
    expect(await again.json({ event: "ready" })).toMatchObject({ group_id });
    expect((await again.ended()).status).toBe(0);
  });

  test("whoever is removed while it watches is told: up and tail go on, tail of that moot ends with status 2", async () => {
    using home = new TemporaryDirectory();
    await using a = new DaemonNode(home.path, "a");
    await using b = new DaemonNode(home.path, "b");
    const { group_id, link } = await a.up();
    await b.ask(["join", link]);
    await b.up();
    await using all = b.spawn(["tail", "-n", "-1"]);
    await using only = b.spawn(["tail", "-n", "-1", "-group", group_id]);
    await a.ask(["publish", "-topic", "chat", "-content", "last words"]);
    for (const tail of [all, only]) expect(await tail.json()).toMatchObject({ content: "last words" });
    const { entmoot_pubkey } = await b.ask(["info"]);
    await a.ask(["roster", "remove", "-group", group_id, "-pubkey", entmoot_pubkey]);
    expect(await b.daemon.json({ event: "peer", change: "left" })).toMatchObject({ self: true, entmoot_pubkey });
    const { status, stderr } = await only.ended();
    expect(status).toBe(2);
    expect(stderr).toContain(`this node is no member of the moot ${group_id} any more`);
    await all.said(`this node is no member of the moot ${group_id} any more`);
    // It goes on with what else there is.
    const { group_id: other } = await b.ask(["group", "create", "-name", "own"]);
    await b.ask(["publish", "-group", other, "-topic", "chat", "-content", "alone"]);
    expect(await all.json()).toMatchObject({ content: "alone", group_id: other });
    // Who comes later is told too, behind what is held.
    const later = await b.run(["tail", "-n", "-1", "-group", group_id]);
    expect(later).toMatchObject({ status: 2, stdout: expect.stringContaining("last words") });
  });

  test("whoever writes to it without end, or only what it refuses, does not keep the node from answering", async () => {
    using home = new TemporaryDirectory();
    for (const [name, script] of [
      ["zero", 'exec "$0" up -stdin json </dev/zero >/dev/null'],
      ["refused", `yes '{"publish":{"content":1}}' | "$0" up -stdin json >/dev/null`],
    ] as const) {
      await using a = new DaemonNode(home.path, name);
      await using sh = new DaemonNode(home.path, name, {
        command: ["sh", "-c", `exec 2>/dev/null\n${script}`, BINARY],
      });
      await using _up = sh.spawn([]);
      await eventually("it runs", async () => ((await a.ask(["info"])).running === true ? true : undefined));
      for (let times = 0; times < 3; times++) expect((await a.ask(["env", "-json"])).runtime_status).toBe("healthy");
      await a.ask(["stop"]);
    }
  });

  test("without -stdin json nobody is listened to, and another word for it is refused", async () => {
    using home = new TemporaryDirectory();
    await using a = new DaemonNode(home.path, "a");
    await using up = a.spawn(["up"], { stdin: '{"publish":{"content":"hello"}}\n' });
    await up.json({ event: "ready" });
    expect(await a.group()).toMatchObject({ messages: 0 });
    up.kill("SIGTERM");
    const { stdout } = await up.ended();
    expect(stdout.trim().split("\n").length).toBe(1);
    const refused = await a.run(["up", "-stdin", "yaml"]);
    expect(refused).toMatchObject({ status: 5, stderr: expect.stringContaining("expected json or off, found yaml") });
  });

  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    testWhere(missingTool("npm"), `npm start is up, and ${signal} to npm leaves no process behind`, async () => {
      using home = new TemporaryDirectory();
      await using a = new DaemonNode(home.path, "a", { command: ["npm", "start", "--"] });
      await using plain = new DaemonNode(home.path, "a");
      await using npm = a.spawn(["-hostname", "oak"], {
        cwd: ROOT,
        env: { ...process.env, ...LOOPBACK, ENTMOOT_DATA: a.data },
      });
      const ready = await npm.json({ event: "ready" });
      expect(ready).toMatchObject({ members: 1, link: expect.stringContaining("entmoot://join/") });
      const { pid } = await plain.ask(["info"]);
      npm.kill(signal);
      expect((await npm.ended()).status).toBe(0);
      await eventually("the end of the daemon that npm start ran", () => (isRunning(pid) ? undefined : true));
      expect(await plain.ask(["info"])).toMatchObject({ running: false });
    });
  }

  testWhere(
    missingTool("script"),
    "on a terminal up shows readable lines and publishes what is typed to topic chat",
    async () => {
      using home = new TemporaryDirectory();
      await using a = new DaemonNode(home.path, "a");
      await using b = new DaemonNode(home.path, "b");
      const { group_id, link } = await a.up("-moot", "council");
      await b.ask(["join", link]);
      await using terminal = new DaemonNode(home.path, "b", { command: ["script", "-qec"] });
      await using up = terminal.spawn(['exec "$BINARY" up', "/dev/null"], { stdin: "open", env: { BINARY } });
      await up.line((line) => line.includes("is up, with 2 members"));
      await a.daemon.json({ event: "peer", change: "connected" });
      up.write("good morning\n");
      expect(await a.daemon.json({ event: "message" })).toMatchObject({
        group_id,
        content: "good morning",
        topic: ["chat"],
      });
      await a.ask(["publish", "-topic", "chat", "-content", "\u001b[31mred\u001b[0m"]);
      const shown = await up.line((line) => line.includes("red"));
      expect(shown).not.toContain("\u001b");
      up.write("\u0003");
      expect((await up.ended()).status).toBe(0);
    },
  );
});

/** npm needs the whole environment; the daemon under it still keeps to loopback. */
const LOOPBACK = { ENTMOOT_IROH_BIND: "127.0.0.1,::1", ENTMOOT_RELAY: "off", ENTMOOT_LAN: "off" };

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

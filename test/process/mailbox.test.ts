import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { existsSync, readdirSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DaemonNode } from "../support/daemon.ts";
import { inNetns } from "../support/netns.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

const ZERO = `${"A".repeat(43)}=`;

/** A node with one moot in which it said these words, and the ways to its mailbox. */
async function said(home: TemporaryDirectory, ...words: string[]) {
  const node = new DaemonNode(home.path, "a");
  const socket = join(home.path, "agent.sock");
  await node.serve("-agent-socket", socket);
  const { group_id } = await node.ask(["group", "create", "-name", "council", "-policy", "none"]);
  for (const content of words) await node.ask(["publish", "-topic", "chat", "-content", content]);
  const mailbox = (...args: string[]) => node.ask(["mailbox", ...args]);
  return { node, group_id: group_id as string, socket, mailbox };
}

const contents = ({ messages }: { readonly messages: readonly { readonly content: string }[] }) =>
  messages.map(({ content }) => content);

inNetns(import.meta, () => {
  test("pull, ack and cursor print what the original prints, in its order, with a daemon and without", async () => {
    using home = new TemporaryDirectory();
    const { group_id, mailbox, node } = await said(home, "one", "two", "three");
    await using _ = node;
    const page = await mailbox("pull", "-client", "bot", "-limit", "1");
    expect(Object.keys(page)).toEqual(["client_id", "group_id", "count", "has_more", "next_cursor", "messages"]);
    expect(page).toMatchObject({ client_id: "bot", group_id, count: 1, has_more: true });
    const [first] = page.messages;
    expect(Object.keys(first)).toEqual(["message_id", "group_id", "author", "topic", "content", "timestamp_ms"]);
    expect(first).toMatchObject({ group_id, topic: ["chat"], content: "one" });
    const { message_id, timestamp_ms } = first;
    expect(page.next_cursor).toEqual({ message_id, timestamp_ms, place: expect.any(String) });
    expect(Object.keys(page.next_cursor)).toEqual(["message_id", "timestamp_ms", "place"]);
    expect(existsSync(join(node.data, "mailbox.sqlite"))).toBe(false);

    expect(await mailbox("cursor", "-client", "bot")).toEqual({
      client_id: "bot",
      group_id,
      cursor: { message_id: ZERO, timestamp_ms: 0, place: expect.any(String) },
      unread: 3,
    });
    const acknowledged = await mailbox("ack", "-client", "bot", "-message", message_id);
    expect(Object.keys(acknowledged)).toEqual(["client_id", "group_id", "message_id", "timestamp_ms", "cursor"]);
    expect(acknowledged).toEqual({ client_id: "bot", group_id, message_id, timestamp_ms, cursor: page.next_cursor });
    expect(statSync(join(node.data, "mailbox.sqlite")).mode & 0o777).toBe(0o600);
    expect(contents(await mailbox("pull", "-client", "bot"))).toEqual(["two", "three"]);
    expect(contents(await mailbox("pull", "-client", "bot", "-limit", "0", "-group", "council"))).toHaveLength(2);
    const beside = await mailbox("pull", "-client", "bot");
    await node.end();
    expect(await mailbox("pull", "-client", "bot")).toEqual(beside);
    const all = await mailbox("ack", "-client", "bot", "-through", beside.next_cursor.place);
    expect(all.cursor).toEqual(beside.next_cursor);
    // An older one goes nowhere, and is echoed.
    expect((await mailbox("ack", "-client", "bot", "-message", message_id)).cursor.message_id).toBe(message_id);
    expect(await mailbox("cursor", "-client", "bot")).toMatchObject({ cursor: all.cursor, unread: 0 });
    await node.serve();
    expect(await mailbox("pull", "-client", "bot")).toMatchObject({ count: 0, has_more: false, messages: [] });
  });

  test("what is wrong is said as the original says it, with its status", async () => {
    using home = new TemporaryDirectory();
    const { group_id, node } = await said(home, "one");
    await using _ = node;
    const fails = async (status: number, words: string, ...args: string[]) => {
      const ended = await node.run(["mailbox", ...args]);
      expect({ args, status: ended.status, stdout: ended.stdout }).toEqual({ args, status, stdout: "" });
      expect(ended.stderr).toContain(words);
    };
    const unknown = `${"B".repeat(42)}A=`;
    const asked = async (...moot: string[]) => {
      await fails(5, "mailbox: expected pull, ack, or cursor");
      await fails(5, 'mailbox: unknown subcommand "x"', "x");
      await fails(5, "mailbox pull: -client is required", "pull");
      await fails(5, "mailbox pull: -client is required", "pull", "-client", "");
      await fails(5, "mailbox pull: -limit must be non-negative", "pull", "-client", "a", "-limit", "-1");
      await fails(5, "mailbox pull: invalid value", "pull", "-client", "a", "-wait", "soon");
      await fails(5, "mailbox pull: -topic: topic: ", "pull", "-client", "a", "-topic", "a//b");
      await fails(5, "mailbox ack: -message is required", "ack", "-client", "a");
      await fails(5, "mailbox ack: message id: illegal base64", "ack", "-client", "a", "-message", "*");
      await fails(5, `mailbox ack: message ${ZERO} not found`, "ack", "-client", "a", "-message", ZERO, ...moot);
      await fails(
        5,
        "mailbox ack: -through: place: expected the 40 characters",
        "ack",
        "-client",
        "a",
        "-through",
        "x",
        ...moot,
      );
      await fails(5, "found both", "ack", "-client", "a", "-through", "x", "-message", ZERO);
      await fails(3, `mailbox: group ${unknown} not joined`, "pull", "-client", "a", "-group", unknown);
      await fails(3, "no moot here is called", "cursor", "-client", "a", "-group", "nobody");
    };
    await asked();
    await node.ask(["group", "create", "-name", "council", "-policy", "none"]);
    await fails(5, "mailbox: 2 moots are here; name one with -group", "pull", "-client", "a");
    await fails(5, '2 moots here are called "council"', "pull", "-client", "a", "-group", "council");
    await node.end();
    await asked("-group", group_id);
    await fails(5, "mailbox: 2 moots are here; name one with -group", "ack", "-client", "a", "-message", ZERO);
    await fails(3, `mailbox: group ${unknown} not joined`, "ack", "-client", "a", "-message", ZERO, "-group", unknown);
    // A moot that cannot be read says so, and the other is read.
    const folder = `${group_id.replaceAll("+", "-").replaceAll("/", "_").replace("=", "")}`;
    const [other] = readdirSync(join(node.data, "groups")).filter((name) => name !== folder);
    writeFileSync(join(node.data, "groups", other!, "moot.sqlite"), "no database ".repeat(99));
    const otherId = `${other!.replaceAll("-", "+").replaceAll("_", "/")}=`;
    await fails(1, "not a sound SQLite database", "pull", "-client", "a", "-group", otherId);
    expect(contents(await node.ask(["mailbox", "pull", "-client", "a", "-group", group_id]))).toEqual(["one"]);
  });

  test("a moot that this node was removed from is read to its end", async () => {
    using home = new TemporaryDirectory();
    const { group_id, node } = await said(home, "one");
    await using _ = node;
    await using b = new DaemonNode(home.path, "b");
    await b.serve();
    await b.ask(["join", (await node.ask(["invite", "link"])).link]);
    const pulled = await b.ask(["mailbox", "pull", "-client", "bot", "-wait", "1m"]);
    expect(contents(pulled)).toEqual(["one"]);
    const { entmoot_pubkey } = await b.ask(["info"]);
    await using watching = b.spawn(["call", "watch", JSON.stringify({ group_id, after: [] })]);
    await watching.line((line) => line.includes('"seq":1'));
    await node.ask(["roster", "remove", "-pubkey", entmoot_pubkey]);
    expect((await watching.ended()).status).toBe(2);
    await b.ask(["mailbox", "ack", "-client", "bot", "-through", pulled.next_cursor.place]);
    expect(await b.ask(["mailbox", "pull", "-client", "bot", "-wait", "1ms"])).toMatchObject({ count: 0 });
    await b.end();
    expect(await b.ask(["mailbox", "cursor", "-client", "bot"])).toMatchObject({ unread: 0 });
  });

  test("over the agents' socket clients are the agent's own", async () => {
    using home = new TemporaryDirectory();
    const { mailbox, node, socket } = await said(home, "one", "two");
    await using _ = node;
    const agent = new DaemonNode(home.path, "a", {
      env: { ENTMOOT_AGENT_SOCKET: socket, ENTMOOT_DATA: undefined },
    });
    await using _agent = agent;
    const [first] = (await mailbox("pull", "-client", "bot")).messages;
    await mailbox("ack", "-client", "bot", "-message", first.message_id);
    const page = await agent.ask(["mailbox", "pull", "-client", "bot", "-mentions"]);
    expect(page).toMatchObject({ client_id: "bot", count: 0 });
    expect(contents(await agent.ask(["mailbox", "pull", "-client", "bot"]))).toEqual(["one", "two"]);
    await agent.ask(["mailbox", "ack", "-client", "bot", "-through", page.next_cursor.place]);
    expect(contents(await mailbox("pull", "-client", "bot"))).toEqual(["two"]);
    expect(await mailbox("cursor", "-client", "agent/bot")).toMatchObject({ unread: 0 });
    expect((await agent.run(["mailbox", "cursor", "-client", "agent/bot"])).status).toBe(0);
    expect(await agent.ask(["mailbox", "cursor", "-client", "agent/bot"])).toMatchObject({ unread: 2 });
  });

  test("a wait ends with a message, and without one in the time with an empty list; with a daemon and without", async () => {
    using home = new TemporaryDirectory();
    const { mailbox, node } = await said(home, "one");
    await using _ = node;
    const { next_cursor } = await mailbox("pull", "-client", "bot");
    await mailbox("ack", "-client", "bot", "-through", next_cursor.place);
    expect(await mailbox("pull", "-client", "bot", "-wait", "10ms")).toMatchObject({ count: 0, next_cursor });
    await using waiting = node.spawn(["mailbox", "pull", "-client", "bot", "-wait", "2m", "-topic", "news"]);
    await node.ask(["publish", "-topic", "chat", "-content", "chat"]);
    await node.ask(["publish", "-topic", "news", "-content", "news"]);
    expect(contents(await waiting.json())).toEqual(["news"]);

    await node.end();
    expect(await mailbox("pull", "-client", "bot", "-wait", "10ms", "-topic", "late")).toMatchObject({ count: 0 });
    await using alone = node.spawn(["mailbox", "pull", "-client", "bot", "-wait", "2m", "-topic", "late"]);
    await node.serve();
    await node.ask(["publish", "-topic", "late", "-content", "late"]);
    expect(contents(await alone.json())).toEqual(["late"]);
  });

  test("processes that acknowledge at once lose nothing, and the furthest counts", async () => {
    using home = new TemporaryDirectory();
    const words = Array.from({ length: 12 }, (_, n) => `message ${n}`);
    const { mailbox, node } = await said(home, ...words);
    await using _ = node;
    const { messages } = await mailbox("pull", "-client", "bot");
    const ack = (client: string) => (message: { readonly message_id: string }) =>
      mailbox("ack", "-client", client, "-message", message.message_id);
    await Promise.all([...messages.slice(0, 6).map(ack("bot")), ...messages.slice(2, 9).map(ack("bot"))]);
    expect(contents(await mailbox("pull", "-client", "bot"))).toEqual(words.slice(9));
    await node.end();
    await Promise.all([...messages.map(ack("bot")), ...messages.map(ack("other"))]);
    for (const client of ["bot", "other"]) expect((await mailbox("cursor", "-client", client)).unread).toBe(0);
  });

  test("killed between pull and ack, a reader is shown the same again, and after the ack never", async () => {
    using home = new TemporaryDirectory();
    const { mailbox, node } = await said(home, "one", "two");
    await using _ = node;
    const [first] = (await mailbox("pull", "-client", "bot", "-limit", "1")).messages;
    await node.kill();
    expect(contents(await mailbox("pull", "-client", "bot"))).toEqual(["one", "two"]);
    await node.serve();
    expect(contents(await mailbox("pull", "-client", "bot"))).toEqual(["one", "two"]);
    await mailbox("ack", "-client", "bot", "-message", first.message_id);
    await node.kill();
    expect(contents(await mailbox("pull", "-client", "bot"))).toEqual(["two"]);
    await node.serve();
    expect(contents(await mailbox("pull", "-client", "bot"))).toEqual(["two"]);
  });

  test("a mailbox that is damaged, replaced or held under a daemon says so and costs nothing else", async () => {
    using home = new TemporaryDirectory();
    const { mailbox, node } = await said(home, "one", "two");
    await using _ = node;
    const path = join(node.data, "mailbox.sqlite");
    const [first, second] = (await mailbox("pull", "-client", "bot")).messages;
    await mailbox("ack", "-client", "bot", "-message", first.message_id);
    const aside = (name: string) => {
      for (const suffix of ["", "-wal", "-shm"]) {
        if (existsSync(path + suffix)) renameSync(path + suffix, join(home.path, name + suffix));
      }
    };
    aside("kept");
    writeFileSync(path, "words ".repeat(1000), { mode: 0o600 });
    const damaged = await node.run(["mailbox", "ack", "-client", "bot", "-message", second.message_id]);
    expect(damaged.status).toBe(1);
    expect(damaged.stderr).toContain(`${path}: cannot be used: `);
    expect(damaged.stderr).toContain("move it away and every client begins with the first message again");
    expect((await node.ask(["publish", "-topic", "chat", "-content", "three"])).author).toBeDefined();
    aside("damaged");
    expect(contents(await mailbox("pull", "-client", "bot"))).toEqual(["one", "two", "three"]);
    for (const suffix of ["-wal", "-shm", ""]) {
      if (existsSync(join(home.path, `kept${suffix}`))) renameSync(join(home.path, `kept${suffix}`), path + suffix);
    }
    expect(contents(await mailbox("pull", "-client", "bot"))).toEqual(["two", "three"]);
    using held = new Database(path);
    held.run("BEGIN IMMEDIATE");
    expect(contents(await mailbox("pull", "-client", "bot"))).toEqual(["two", "three"]);
    const waiting = mailbox("ack", "-client", "bot", "-message", second.message_id);
    // The daemon waits without standing still.
    await node.ask(["publish", "-topic", "chat", "-content", "four"]);
    held.run("COMMIT");
    await waiting;
    expect(contents(await mailbox("pull", "-client", "bot"))).toEqual(["three", "four"]);
  });
});

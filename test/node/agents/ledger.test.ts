import { describe, expect, test } from "bun:test";
import { copyFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { encodeUtf8 } from "../../../src/core/bytes/utf8.ts";
import { type Clock, unixMs } from "../../../src/core/clock.ts";
import { type GroupId, type MessageId, PublicKey } from "../../../src/core/ids.ts";
import { realClock } from "../../../src/host/real-clock.ts";
import type { EntmootNode } from "../../../src/node/entmoot-node.ts";
import { deliver_rule, inbox, inbox_ack, inbox_read, mute, reply } from "../../../src/node/operations/inbox.ts";
import { type ListenEvent, listen } from "../../../src/node/operations/listen.ts";
import { publish, publish_signed } from "../../../src/node/operations/messages.ts";
import { group_create, members, roster_change } from "../../../src/node/operations/moots.ts";
import type { DataRoot } from "../../../src/store/data-root.ts";
import { MemoryDataRoot } from "../../../src/store/memory/memory-data-root.ts";
import { SqliteDataRoot } from "../../../src/store/sqlite/sqlite-data-root.ts";
import { MemoryNetwork } from "../../../src/transport/memory/memory-transport.ts";
import { asAgent } from "../../support/agent.ts";
import { identity } from "../../support/identity.ts";
import { message } from "../../support/message.ts";
import { OPEN_GROUP, startNode, until } from "../../support/nodes.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";

const OTHER = identity(2);
const DAY_MS = 24 * 3_600_000;

/** A date that a test moves. */
class Dated {
  offsetMs = 0;
  readonly clock: Clock = { ...realClock, unix: () => unixMs(realClock.unix() + this.offsetMs) };
}

/** A node whose moot has another member, who says what a test wants. */
class Scene implements AsyncDisposable {
  node!: EntmootNode;
  group_id!: GroupId;
  readonly root: () => DataRoot;
  readonly dated = new Dated();
  #said = 0;

  constructor(root: () => DataRoot) {
    this.root = root;
  }

  static async open(root: () => DataRoot = memoryRoot(), daysAgo = 0): Promise<Scene> {
    const scene = new Scene(root);
    scene.dated.offsetMs = -daysAgo * DAY_MS;
    await scene.start();
    scene.group_id = (await scene.node.call(group_create, OPEN_GROUP)).group_id;
    const entmoot_pubkey = PublicKey.fromBytes(OTHER.publicKey);
    await scene.node.call(roster_change, { group_id: scene.group_id, op: "add", entmoot_pubkey });
    scene.dated.offsetMs = 0;
    return scene;
  }

  /** `as: "daemon"` has a carrier and follows its logs. */
  async start(as: "command" | "daemon" = "command"): Promise<void> {
    const network = as === "daemon" ? new MemoryNetwork(realClock) : undefined;
    this.node = await startNode(network, 1, { root: this.root(), clock: this.dated.clock });
  }

  async restart(as: "command" | "daemon", between: () => void = () => {}): Promise<void> {
    await this.node.close();
    between();
    await this.start(as);
  }

  /** Gives the id; `daysAgo`: its own date. */
  async say(text: string, { daysAgo = 0, about }: { daysAgo?: number; about?: MessageId } = {}): Promise<MessageId> {
    const rows = (await this.node.call(members, { group_id: this.group_id })).members;
    const author = rows.find(({ self }) => !self)!;
    this.#said += 1;
    const signed = message({
      by: OTHER,
      author: { pilot_node_id: author.node_id, entmoot_pubkey: OTHER.publicKey },
      group_id: this.group_id,
      timestamp: BigInt(Math.floor(this.dated.clock.unix() - daysAgo * DAY_MS) + this.#said),
      topics: ["chat"],
      content: encodeUtf8(text),
      references: about === undefined ? [] : [about],
    });
    await this.node.call(publish_signed, { message: signed });
    return signed.id;
  }

  async me(): Promise<string> {
    const rows = (await this.node.call(members, { group_id: this.group_id })).members;
    return `@${rows.find(({ self }) => self)!.node_id}`;
  }

  async stateOf(message_id: MessageId): Promise<string | undefined> {
    return (await this.node.call(inbox_read, { message_id, peek: true })).row.state;
  }

  async unread(): Promise<string[]> {
    const { rows } = await this.node.call(inbox, { limit: 200 });
    return rows.map(({ content }) => new TextDecoder().decode(content));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.node.close();
  }
}

function memoryRoot(): () => DataRoot {
  const root = new MemoryDataRoot();
  return () => root;
}

const diskRoot = (path: string) => () => SqliteDataRoot.open(path, "write");

describe("what asks", () => {
  test("is entered by a daemon for what came while nobody looked, once", async () => {
    using directory = new TemporaryDirectory();
    await using scene = await Scene.open(diskRoot(directory.path));
    const first = await scene.say(`${await scene.me()} first`);
    expect(await scene.stateOf(first)).toBe("queued");
    // Stored, and the process gone before anybody looked it through.
    const second = await scene.say(`${await scene.me()} second`);
    await scene.restart("daemon");
    using looking = SqliteDataRoot.open(directory.path, "read");
    await until(() => looking.agents().row(scene.group_id, second)?.state === "queued");
    const third = await scene.say(`${await scene.me()} third`);
    await until(() => looking.agents().row(scene.group_id, third)?.state === "queued");
    expect(looking.agents().countWaiting(scene.group_id)).toBe(3);
  });

  test("keeps no ledger where nobody asked for the inbox", async () => {
    using directory = new TemporaryDirectory();
    await using scene = await Scene.open(diskRoot(directory.path));
    await scene.restart("daemon");
    await scene.say(`${await scene.me()} first`);
    using looking = SqliteDataRoot.open(directory.path, "read");
    expect(looking.hasAgents()).toBeFalse();
  });

  test("and came long after its date wakes nobody, and is unread", async () => {
    await using scene = await Scene.open(memoryRoot(), 60);
    const me = await scene.me();
    await scene.node.call(inbox_read, { message_id: await scene.say("first") });
    const old = await scene.say(`${me} of last week`, { daysAgo: 8 });
    const young = await scene.say(`${me} of today`);
    expect([await scene.stateOf(old), await scene.stateOf(young)]).toEqual(["expired", "queued"]);
    expect(await scene.unread()).toEqual([`${me} of last week`, `${me} of today`]);
  });

  test("and is dated before this node was admitted is history", async () => {
    await using scene = await Scene.open();
    const me = await scene.me();
    const old = await scene.say(`${me} before`, { daysAgo: 1 });
    await scene.say("after");
    expect(await scene.unread()).toEqual(["after"]);
    expect(await scene.stateOf(old)).toBeUndefined();
  });

  test("and comes while the founder's clock, by which this node was admitted, ran a year ahead is unread all the same", async () => {
    await using scene = await Scene.open(memoryRoot(), -365);
    const me = await scene.me();
    const asking = await scene.say(`${me} now`);
    await scene.say("and after that");
    expect(await scene.unread()).toEqual([`${me} now`, "and after that"]);
    expect(await scene.stateOf(asking)).toBe("queued");
  });

  test("waits for its time and no longer; what a listener was given before a restart is free again", async () => {
    const root = new MemoryDataRoot();
    await using scene = await Scene.open(() => root);
    const me = await scene.me();
    const [claimed, waiting] = [await scene.say(`${me} a`), await scene.say(`${me} b`)];
    expect(await scene.stateOf(waiting)).toBe("queued");
    const row = root.agents().row(scene.group_id, claimed)!;
    root.agents().change((to) => to.putRow({ ...row, state: "claimed", token: 1, attempt: 1, untilMs: row.untilMs }));
    await scene.restart("daemon");
    await until(() => root.agents().row(scene.group_id, claimed)?.state === "queued");
    scene.dated.offsetMs = 8 * DAY_MS;
    await scene.say("time goes by");
    await until(() => root.agents().row(scene.group_id, waiting)?.state === "expired");
    // Over is not done.
    expect(await scene.unread()).toEqual([`${me} a`, `${me} b`, "time goes by"]);
  });

  test("of one author is at most so much at a time, and all of it is unread", async () => {
    const root = new MemoryDataRoot();
    await using scene = await Scene.open(() => root);
    const me = await scene.me();
    for (let n = 0; n < 1_030; n++) await scene.say(`${me} ${n}`);
    await scene.stateOf(await scene.say("aside"));
    expect(root.agents().countWaiting(scene.group_id)).toBe(1_024);
    const { more, unread } = await scene.node.call(inbox, {});
    expect({ more, unread }).toEqual({ more: true, unread: 512 });
    // What wakes nobody is in the ledger all the same, as over.
    expect(
      root
        .agents()
        .asking(scene.group_id, 1_024, 100)
        .map(({ state }) => state),
    ).toEqual(new Array(6).fill("expired"));
    const shown: string[] = [];
    let after: readonly string[] | undefined;
    for (;;) {
      const page = await scene.node.call(inbox, { limit: 200, ...(after === undefined ? {} : { after }) });
      shown.push(...page.rows.map(({ content }) => new TextDecoder().decode(content)));
      if (!page.more) break;
      after = page.places;
    }
    expect(shown).toEqual([...Array.from({ length: 1_030 }, (_, n) => `${me} ${n}`), "aside"]);
    const { acknowledged } = await scene.node.call(inbox_ack, { place: `${1_030}`, group_id: scene.group_id });
    expect(acknowledged).toBe(1_030);
    expect((await scene.node.call(inbox, { asks: true })).unread).toBe(0);
    expect(await scene.unread()).toEqual(["aside"]);
    expect(root.agents().countWaiting(scene.group_id)).toBe(0);
  });
});

describe("what is answered", () => {
  test("is so by any message that names it, also one that asked nobody", async () => {
    await using scene = await Scene.open();
    const [named, aside, other] = [
      await scene.say(`${await scene.me()} a`),
      await scene.say("b"),
      await scene.say("c"),
    ];
    const content = encodeUtf8("both");
    await scene.node.call(publish, { topics: ["chat"], content, references: [named, aside, named] });
    expect([await scene.stateOf(named), await scene.stateOf(aside), await scene.stateOf(other)]).toEqual([
      "answered",
      "answered",
      undefined,
    ]);
    expect(await scene.unread()).toEqual(["c"]);
  });

  test("is known by the log where the ledger is an older one: it is neither unread nor queued again", async () => {
    using directory = new TemporaryDirectory();
    await using scene = await Scene.open(diskRoot(directory.path));
    const me = await scene.me();
    const question = await scene.say(`${me} why?`);
    expect(await scene.stateOf(question)).toBe("queued");
    const [file, copy] = [join(directory.path, "agents.sqlite"), join(directory.path, "copy")];
    await scene.restart("command", () => copyFileSync(file, copy));
    await scene.node.call(reply, { message_id: question, content: encodeUtf8("because") });
    await scene.restart("command", () => copyFileSync(copy, file));
    expect(await scene.stateOf(question)).toBe("answered");
    expect(await scene.unread()).toEqual([]);
    // Or none at all.
    await scene.restart("command", () => rmSync(file));
    expect(await scene.stateOf(question)).toBe("answered");
  });

  test("stays so when the log is another one: nobody is woken twice, and nothing unread is lost", async () => {
    const root = new MemoryDataRoot();
    await using scene = await Scene.open(() => root);
    const me = await scene.me();
    const [read, asked, done] = [await scene.say(`${me} a`), await scene.say(`${me} b`), await scene.say("c")];
    await scene.node.call(inbox_read, { message_id: read });
    await scene.node.call(inbox_read, { message_id: done });
    root.openGroup(scene.group_id)!.messages.drawLog();
    await scene.restart("command");
    expect(await scene.unread()).toEqual([`${me} b`]);
    expect([await scene.stateOf(read), await scene.stateOf(asked), await scene.stateOf(done)]).toEqual([
      "read",
      "queued",
      "read",
    ]);
    await scene.say("d");
    await scene.node.call(inbox_ack, { message_id: asked, through: true });
    expect(await scene.unread()).toEqual(["d"]);
  });
});

describe("by the rule of a moot", () => {
  test("what comes from then on asks, or does not", async () => {
    await using scene = await Scene.open();
    const { group_id, node } = scene;
    const me = await scene.me();
    const set = (deliver: "all" | "none" | "mentions") => node.call(deliver_rule, { group_id, deliver });
    const before = await scene.say("before");
    await set("all");
    const all = await scene.say("anything");
    await scene.stateOf(all);
    await set("none");
    const none = await scene.say(`${me} anything`);
    expect([await scene.stateOf(before), await scene.stateOf(all), await scene.stateOf(none)]).toEqual([
      undefined,
      "queued",
      undefined,
    ]);
  });

  test("a muted member's words ask nobody, and a mute that ended hides nothing that was there before", async () => {
    await using scene = await Scene.open(memoryRoot(), 1);
    const { node } = scene;
    const me = await scene.me();
    const member = PublicKey.toBase64(PublicKey.fromBytes(OTHER.publicKey));
    await scene.say("before", { daysAgo: 0.01 });
    await node.call(mute, { member, for_ms: 60_000 });
    const meanwhile = await scene.say(`${me} meanwhile`);
    expect([await scene.stateOf(meanwhile), await scene.unread()]).toEqual([undefined, []]);
    scene.dated.offsetMs = 120_000;
    const later = await scene.say(`${me} later`);
    expect(await scene.stateOf(later)).toBe("queued");
    expect(await scene.unread()).toEqual(["before", `${me} later`]);
  });
});

test("a claim whose time is over frees the listener that had it, whoever noticed, and the message is its next turn", async () => {
  await using scene = await Scene.open();
  await scene.restart("daemon");
  const told: ListenEvent[] = [];
  const ending = new AbortController();
  const request = { agent: "elm", host: "test", door: "none", can_wake: true, can_look: false };
  // It hears, and never says what became of anything.
  const onEvent = (event: ListenEvent) => void told.push(event);
  const listening = asAgent(scene.node).call(listen, request, { signal: ending.signal, onEvent });
  const id = await scene.say(`${await scene.me()} hello`);
  await until(() => told.length === 1);
  scene.dated.offsetMs += 61_000;
  // The ledger looks at each commit whose time is over.
  await scene.say("nobody is meant");
  await until(() => told.length === 2);
  expect(told.map(({ deliver }) => deliver)).toMatchObject([
    [{ message_id: id, attempt: 1 }],
    [{ message_id: id, attempt: 2 }],
  ]);
  ending.abort();
  await listening;
});

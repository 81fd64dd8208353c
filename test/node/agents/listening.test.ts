import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { BridgeParts } from "../../../src/agent/bridge.ts";
import type { Handed, HostDoor } from "../../../src/agent/door.ts";
import { encodeUtf8 } from "../../../src/core/bytes/utf8.ts";
import { EntmootError } from "../../../src/core/errors.ts";
import type { GroupId, MessageId } from "../../../src/core/ids.ts";
import { realClock } from "../../../src/host/real-clock.ts";
import type { EntmootNode } from "../../../src/node/entmoot-node.ts";
import { status } from "../../../src/node/operations/daemon.ts";
import { deliver_rule, inbox_ack, inbox_read, mute, reply } from "../../../src/node/operations/inbox.ts";
import { join, link_create } from "../../../src/node/operations/invites.ts";
import { deliveries } from "../../../src/node/operations/listen.ts";
import { message, publish } from "../../../src/node/operations/messages.ts";
import { group_create } from "../../../src/node/operations/moots.ts";
import { wake_limits } from "../../../src/node/operations/wake.ts";
import { MemoryDataRoot } from "../../../src/store/memory/memory-data-root.ts";
import { MemoryNetwork } from "../../../src/transport/memory/memory-transport.ts";
import { OPEN_GROUP, startNode, until } from "../../support/nodes.ts";
import { bridgeTo, TestHost } from "../../support/test-host.ts";

let network: MemoryNetwork;
let oak: EntmootNode;
let elm: EntmootNode;
let elmRoot: MemoryDataRoot;
let group_id: GroupId;
let elmId: number;
const ends: AbortController[] = [];

beforeEach(async () => {
  network = new MemoryNetwork(realClock);
  oak = await startNode(network, 1, { hostname: "oak" });
  elmRoot = new MemoryDataRoot();
  elm = await startNode(network, 2, { hostname: "elm", root: elmRoot });
  ({ group_id } = await oak.call(group_create, OPEN_GROUP));
  const { link } = await oak.call(link_create, { group_id });
  elmId = (await elm.call(join, { input: link })).local_node_id;
});

afterEach(async () => {
  for (const end of ends.splice(0)) end.abort();
  await Promise.all([oak.close(), elm.close()]);
});

function bridge(host: HostDoor, changes: Partial<BridgeParts["listen"]> = {}, node: () => EntmootNode = () => elm) {
  const bridging = bridgeTo(node, host, changes);
  ends.push(bridging.end);
  return { end: () => bridging.end.abort(), running: bridging.running };
}

async function say(words: string, from: EntmootNode = oak): Promise<MessageId> {
  const { message_id } = await from.call(publish, { group_id, topics: ["chat"], content: encodeUtf8(words) });
  return message_id;
}

const stateOf = async (id: MessageId) =>
  (await elm.call(deliveries, { limit: 500 })).waiting.find(({ message_id }) => message_id === id);

describe("a listener is handed what asks its node", () => {
  test("a mention becomes one turn, in the envelope, and what is said to others does not", async () => {
    const host = new TestHost();
    bridge(host);
    await say("nobody is meant");
    const id = await say(`@${elmId} are you there?`);
    await until(() => host.turns.length === 1);
    expect(host.turns[0]!.ids).toEqual([id]);
    expect(host.turns[0]!.text).toContain(`| @${elmId} are you there?`);
    expect(host.turns[0]!.text).toContain('verified="signature"');
    expect(host.turns[0]!.text).toContain('name="oak"');
    await until(async () => (await stateOf(id)) === undefined);
    expect((await elm.call(deliveries, {})).turns).toMatchObject([{ group_id, turns: 1 }]);
  });

  test("a door with little room is handed as much as it takes, and the others as the next turn, each once", async () => {
    const ids = [await say(`@${elmId} one`), await say(`@${elmId} two`), await say(`@${elmId} three`)];
    await until(async () => (await elm.call(deliveries, {})).waiting.length === 3);
    const host = new TestHost();
    host.room = { messagesMax: 2, charactersMax: 2_000, lineMax: 300 };
    bridge(host);
    await until(() => host.turns.length === 2);
    expect(host.turns.map((turn) => turn.ids.length)).toEqual([2, 1]);
    expect(host.turns.flatMap((turn) => turn.ids).toSorted()).toEqual(ids.toSorted());
    for (const { text } of host.turns)
      for (const line of text.split("\n")) expect(line.length).toBeLessThanOrEqual(300);
    await until(async () => (await elm.call(deliveries, {})).waiting.length === 0);
    expect((await elm.call(deliveries, {})).turns).toMatchObject([{ group_id, turns: 2 }]);
  });

  test("what came while nobody listened is handed over as one turn once somebody does", async () => {
    const ids = [await say(`@${elmId} one`), await say(`@${elmId} two`), await say(`@${elmId} three`)];
    await until(async () => (await elm.call(deliveries, {})).waiting.length === 3);
    const host = new TestHost();
    bridge(host);
    await until(() => host.turns.length === 1);
    expect(host.turns[0]!.ids.toSorted()).toEqual(ids.toSorted());
  });

  test("an answer to one of its own messages asks it too, and its own reply ends the matter", async () => {
    const host = new TestHost();
    bridge(host);
    const asked = await say("who knows?", elm);
    await until(async () => (await oak.call(message, { message_id: asked }).catch(() => undefined)) !== undefined);
    const { message_id } = await oak.call(reply, { group_id, message_id: asked, content: encodeUtf8("I do") });
    await until(() => host.turns.length === 1);
    expect(host.turns[0]!.ids).toEqual([message_id]);
    expect(host.turns[0]!.text).toContain('hop="2"');
    await elm.call(reply, { group_id, message_id, content: encodeUtf8("thanks") });
    expect(await stateOf(message_id)).toBeUndefined();
  });

  test("each moot wakes the last that came of those that can wake; the others wait behind it", async () => {
    const [first, second, third] = [new TestHost(), new TestHost(), new TestHost()];
    bridge(first, { agent: "first" });
    await until(async () => (await elm.call(deliveries, {})).listeners.length === 1);
    const later = bridge(second, { agent: "second" });
    await until(async () => (await elm.call(deliveries, {})).listeners.length === 2);
    bridge(third, { agent: "third", can_wake: false });
    await until(async () => (await elm.call(deliveries, {})).listeners.length === 3);
    await say(`@${elmId} one`);
    await until(() => second.turns.length === 1);
    later.end();
    await until(async () => (await elm.call(deliveries, {})).listeners.length === 2);
    await say(`@${elmId} two`);
    await until(() => first.turns.length === 1);
    expect([first, second, third].map(({ turns }) => turns.length)).toEqual([1, 1, 0]);
  });

  test("of two that say they are the same agent the last one counts, and the first is told", async () => {
    const [before, after] = [new TestHost(), new TestHost()];
    const first = bridge(before);
    await until(async () => (await elm.call(deliveries, {})).listeners.length === 1);
    bridge(after);
    await expect(first.running).rejects.toMatchObject({ code: "conflict" });
    await say(`@${elmId} hello`);
    await until(() => after.turns.length === 1);
    expect(before.turns).toEqual([]);
  });
});

describe("what became of it moves the ledger, and nothing else does", () => {
  test("a busy host is handed it later, once", async () => {
    const host = new TestHost();
    let refusals = 0;
    host.answer = () => (refusals++ < 1 ? { level: "later", reason: "busy" } : { level: "read", evidence: "x" });
    bridge(host);
    const id = await say(`@${elmId} hello`);
    await until(() => host.turns.length === 1);
    expect(refusals).toBe(2);
    await until(async () => (await stateOf(id)) === undefined);
  });

  test("what a host refused is not handed to it again", async () => {
    const host = new TestHost();
    host.answer = () => ({ level: "refused", reason: "inbox is off" });
    bridge(host);
    const id = await say(`@${elmId} hello`);
    await until(async () => (await elm.call(deliveries, {})).listeners[0]?.turns === 1);
    await until(async () => (await stateOf(id)) === undefined);
  });

  test("what left no trace is uncertain, and stays with who pulls", async () => {
    const host = new TestHost();
    host.answer = () => ({ level: "submitted", evidence: "typed" });
    bridge(host);
    const id = await say(`@${elmId} hello`);
    await until(async () => (await stateOf(id))?.state === "uncertain");
    await elm.call(inbox_ack, { group_id, message_id: id });
    expect(await stateOf(id)).toBeUndefined();
    expect(host.turns).toHaveLength(1);
  });

  for (const [found, state, turns] of [
    ["present", "delivered", 1],
    ["read", "read", 1],
    ["absent", "again", 2],
    ["unknown", "uncertain", 1],
  ] as const) {
    test(`a bridge that dies with it in hand: the next one looks; ${found} makes ${turns} turn(s) in all`, async () => {
      const host = new TestHost();
      const hung = Promise.withResolvers<Handed>();
      host.answer = (handing) => {
        host.turns.push(handing);
        return hung.promise;
      };
      const first = bridge(host);
      const id = await say(`@${elmId} hello`);
      await until(() => host.turns.length === 1);
      first.end();
      await until(async () => (await elm.call(deliveries, {})).listeners.length === 0);
      expect((await stateOf(id))?.state).toBe("handed");
      const next = new TestHost();
      next.found = () => found;
      bridge(next);
      await until(() => next.looked.includes(id));
      if (state === "again") await until(() => next.turns.length === 1);
      else await until(async () => (await elm.call(inbox_read, { message_id: id, peek: true })).row.state === state);
      expect(next.turns.length + 1).toBe(turns);
      hung.reject(new EntmootError("unavailable", "gone"));
    });
  }

  test("a bridge that waited gives nothing once its message was read, or is another's", async () => {
    const host = new TestHost();
    const free = Promise.withResolvers<void>();
    let asked: boolean | undefined;
    host.answer = async ({ mayGive }) => {
      await free.promise;
      asked = await mayGive();
      return { level: "later", reason: "not ours" };
    };
    bridge(host);
    const id = await say(`@${elmId} hello`);
    await until(async () => (await stateOf(id))?.state === "handed");
    await elm.call(inbox_ack, { group_id, message_id: id });
    free.resolve();
    await until(() => asked !== undefined);
    expect(asked).toBe(false);
    expect(host.turns).toEqual([]);
  });

  test("a node that is started again hands nothing over twice, and looks for what it does not know of", async () => {
    const host = new TestHost();
    const hung = Promise.withResolvers<Handed>();
    host.answer = (handing) => {
      host.turns.push(handing);
      return hung.promise;
    };
    bridge(host).running.catch(() => {});
    const id = await say(`@${elmId} hello`);
    await until(() => host.turns.length === 1);
    // The process dies: nothing that the bridge says later arrives.
    for (const end of ends.splice(0)) end.abort();
    await elm.close();
    expect(elmRoot.agents().row(group_id, id)).toMatchObject({ state: "handed", attempt: 1 });
    elm = await startNode(network, 2, { hostname: "elm", root: elmRoot });
    const next = new TestHost();
    next.found = () => "present";
    bridge(next);
    await until(() => next.looked.includes(id));
    await until(async () => (await stateOf(id)) === undefined);
    expect(next.turns).toEqual([]);
    hung.reject(new EntmootError("unavailable", "gone"));
  });
});

describe("who may wake, and how often", () => {
  test("a muted member wakes nobody, and what it said waits for nobody either", async () => {
    const host = new TestHost();
    bridge(host);
    const { local_node_id: oakId } = (await oak.call(status, {})).groups[0]!;
    await elm.call(mute, { group_id, member: String(oakId) });
    await say(`@${elmId} hello`);
    await until(async () => (await elm.call(status, {})).groups[0]!.messages === 1);
    const { waiting } = await elm.call(deliveries, {});
    expect(waiting).toEqual([]);
    expect(host.turns).toEqual([]);
  });

  test("an eleventh turn in a minute by one author is held back, with the reason", async () => {
    const host = new TestHost();
    bridge(host);
    for (let n = 1; n <= 10; n++) {
      await say(`@${elmId} ${n}`);
      await until(() => host.turns.length === n);
    }
    const id = await say(`@${elmId} 11`);
    await until(async () => (await stateOf(id))?.held === "pair rate");
    expect(host.turns).toHaveLength(10);
  });

  test("limits hold at once in a node that runs, for what waits too, and after its restart", async () => {
    const host = new TestHost();
    bridge(host);
    await until(async () => (await elm.call(deliveries, {})).listeners.length === 1);
    await elm.call(wake_limits, { quiet: "00:00-23:59,23:59-00:00" });
    const id = await say(`@${elmId} are you awake?`);
    await until(async () => (await stateOf(id))?.held === "quiet hours");
    for (const end of ends.splice(0)) end.abort();
    await elm.close();
    elm = await startNode(network, 2, { hostname: "elm", root: elmRoot });
    bridge(host);
    await until(async () => (await stateOf(id))?.held === "quiet hours");
    expect(host.turns).toEqual([]);
    await elm.call(wake_limits, { quiet: "off", agent_per_hour: 1 });
    await until(() => host.turns.length === 1);
    const second = await say(`@${elmId} and now?`);
    await until(async () => (await stateOf(second))?.held === "agent rate");
    await elm.call(wake_limits, { agent_per_hour: 2 });
    await until(() => host.turns.length === 2);
  });

  test("turns are counted by moot and author, one for all its messages, and the count outlives the node", async () => {
    await say(`@${elmId} one`);
    await say(`@${elmId} two`);
    await until(async () => (await elm.call(deliveries, {})).waiting.length === 2);
    const host = new TestHost();
    bridge(host);
    const turnsOf = async () => (await elm.call(deliveries, {})).turns.map(({ turns }) => turns);
    await until(async () => (await turnsOf())[0] === 1);
    await say(`@${elmId} three`);
    await until(async () => (await turnsOf())[0] === 2);
    for (const end of ends.splice(0)) end.abort();
    await elm.close();
    elm = await startNode(network, 2, { hostname: "elm", root: elmRoot });
    expect(await turnsOf()).toEqual([2]);
  });

  test("what a busy host did not take is no turn: it is in no count, and uses up no rate", async () => {
    await elm.call(wake_limits, { agent_per_hour: 1 });
    const host = new TestHost();
    let refusals = 0;
    host.answer = () => (refusals++ < 1 ? { level: "later", reason: "busy" } : { level: "read", evidence: "x" });
    bridge(host);
    await say(`@${elmId} hello`);
    await until(() => host.turns.length === 1);
    await until(async () => (await elm.call(deliveries, {})).turns[0]?.turns === 1);
  });

  test("a rule that lets more through is followed at once", async () => {
    const host = new TestHost();
    bridge(host);
    await until(async () => (await elm.call(deliveries, {})).listeners.length === 1);
    await elm.call(deliver_rule, { group_id, deliver: "all" });
    await elm.call(wake_limits, { quiet: "00:00-23:59,23:59-00:00" });
    const id = await say("to nobody");
    await until(async () => (await stateOf(id))?.held === "quiet hours");
    await elm.call(deliver_rule, { group_id, deliver: "none" });
    await elm.call(wake_limits, { quiet: "off" });
    await until(async () => (await stateOf(id))?.held === "the rule of the moot says so");
    await elm.call(deliver_rule, { group_id, deliver: "all" });
    await until(() => host.turns.length === 1);
  });

  test("a talk that goes to and fro stops at six hops, though nobody names what it answers", async () => {
    const host = new TestHost();
    bridge(host);
    const { local_node_id: oakId } = (await oak.call(status, {})).groups[0]!;
    let turns = 0;
    for (let round = 0; round < 5; round++) {
      const id = await say(`@${elmId} round ${round}`);
      const held = async () => (await stateOf(id))?.held;
      await until(async () => host.turns.length > turns || (await held()) !== undefined);
      if (host.turns.length === turns) {
        expect(await held()).toBe("hops");
        break;
      }
      turns = host.turns.length;
      const answered = await say(`@${oakId} back ${round}`, elm);
      await until(async () => (await oak.call(message, { message_id: answered }).catch(() => undefined)) !== undefined);
    }
    expect(turns).toBe(3);
  });
});

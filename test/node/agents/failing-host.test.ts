import { afterEach, beforeEach, expect, test } from "bun:test";
import { encodeUtf8 } from "../../../src/core/bytes/utf8.ts";
import { EntmootError } from "../../../src/core/errors.ts";
import type { GroupId, MessageId } from "../../../src/core/ids.ts";
import { realClock } from "../../../src/host/real-clock.ts";
import type { EntmootNode } from "../../../src/node/entmoot-node.ts";
import { eventsOf } from "../../../src/node/operations/events.ts";
import { join, link_create } from "../../../src/node/operations/invites.ts";
import { deliveries, listen } from "../../../src/node/operations/listen.ts";
import { publish } from "../../../src/node/operations/messages.ts";
import { group_create } from "../../../src/node/operations/moots.ts";
import { wake_limits } from "../../../src/node/operations/wake.ts";
import { MemoryNetwork } from "../../../src/transport/memory/memory-transport.ts";
import { asAgent } from "../../support/agent.ts";
import { OPEN_GROUP, startNode, until } from "../../support/nodes.ts";
import { bridgeTo, TestHost } from "../../support/test-host.ts";

let oak: EntmootNode;
let elm: EntmootNode;
let group_id: GroupId;
let elmId: number;
const ends: AbortController[] = [];

beforeEach(async () => {
  const network = new MemoryNetwork(realClock);
  oak = await startNode(network, 1, { hostname: "oak" });
  elm = await startNode(network, 2, { hostname: "elm" });
  ({ group_id } = await oak.call(group_create, OPEN_GROUP));
  const { link } = await oak.call(link_create, { group_id });
  elmId = (await elm.call(join, { input: link })).local_node_id;
});

afterEach(async () => {
  for (const end of ends.splice(0)) end.abort();
  await Promise.all([oak.close(), elm.close()]);
});

async function listens(host: TestHost, agent: string): Promise<AbortController> {
  const { end } = bridgeTo(() => elm, host, { agent });
  ends.push(end);
  await until(async () => (await elm.call(deliveries, {})).listeners.some((each) => each.agent === agent));
  return end;
}

async function say(words: string): Promise<MessageId> {
  const content = encodeUtf8(`@${elmId} ${words}`);
  return (await oak.call(publish, { group_id, topics: ["chat"], content })).message_id;
}

const waiting = async () => (await elm.call(deliveries, {})).waiting;

test("a host whose way fails uses up no turn, and another that listens is woken in its place", async () => {
  await elm.call(wake_limits, { agent_per_hour: 1 });
  const [well, failing] = [new TestHost(), new TestHost()];
  failing.answer = () => Promise.reject(new EntmootError("unavailable", "its socket is gone"));
  await listens(well, "well");
  await listens(failing, "failing");
  const id = await say("are you there?");
  await until(() => well.turns.length === 1);
  expect(well.turns[0]!.ids).toEqual([id]);
  await until(async () => (await waiting()).length === 0);
});

test("a host that ends before it began with what it was handed has used up no turn", async () => {
  await elm.call(wake_limits, { agent_per_hour: 1 });
  const end = new AbortController();
  const request = { agent: "first", host: "test", door: "test", can_wake: true, can_look: true };
  await using node = asAgent(elm);
  const events = eventsOf(node, listen, request, { signal: end.signal })[Symbol.asyncIterator]();
  const first = events.next();
  await say("are you there?");
  expect((await first).value.deliver).toHaveLength(1);
  expect(await waiting()).toMatchObject([{ state: "claimed" }]);
  end.abort();
  await events.next().catch(() => {});
  const next = new TestHost();
  await listens(next, "next");
  await until(() => next.turns.length === 1);
});

test("what a host does not take all at once it is handed one by one, and only what it refuses itself is refused", async () => {
  const ids = [await say("one"), await say("two"), await say("no"), await say("three")];
  await until(async () => (await waiting()).length === ids.length);
  const host = new TestHost();
  host.answer = ({ ids: all, text }) =>
    all.length > 1 || /^\| @\d+ no$/m.test(text)
      ? { level: "refused", reason: "too much" }
      : { level: "read", evidence: "seen" };
  await listens(host, "elm");
  await until(async () => (await waiting()).length === 0);
  const read = host.turns.flatMap((turn) => turn.ids);
  expect(read.toSorted()).toEqual([ids[0]!, ids[1]!, ids[3]!].toSorted());
});

import { expect, test } from "bun:test";
import { encodeUtf8 } from "../../src/core/bytes/utf8.ts";
import { realClock } from "../../src/host/real-clock.ts";
import type { EntmootNode } from "../../src/node/entmoot-node.ts";
import { status } from "../../src/node/operations/daemon.ts";
import { join, link_create } from "../../src/node/operations/invites.ts";
import { publish } from "../../src/node/operations/messages.ts";
import { group_create } from "../../src/node/operations/moots.ts";
import { MemoryDataRoot } from "../../src/store/memory/memory-data-root.ts";
import { MemoryNetwork } from "../../src/transport/memory/memory-transport.ts";
import { keyOf, OPEN_GROUP, startNode, until } from "../support/nodes.ts";

async function pair(network = new MemoryNetwork(realClock), aliceRoot = new MemoryDataRoot()) {
  const founderRoot = new MemoryDataRoot();
  const founder = await startNode(network, 1, { root: founderRoot });
  const alice = await startNode(network, 2, { root: aliceRoot });
  const { group_id } = await founder.call(group_create, OPEN_GROUP);
  const { link } = await founder.call(link_create, { group_id, uses: 0, valid_for_ms: 60_000 });
  await alice.call(join, { input: link, timeout_ms: 60_000 });
  const say = (node: EntmootNode, text: string) =>
    node.call(publish, { group_id, topics: ["chat"], content: encodeUtf8(text) });
  const roots = async () => Promise.all([founder, alice].map(async (node) => (await node.call(status, {})).groups[0]!));
  const agree = async (messages: number) => {
    const [a, b] = await roots();
    return a!.messages === messages && b!.messages === messages && a!.merkle_root === b!.merkle_root;
  };
  const rosterEntries = () => founderRoot.openGroup(group_id)!.roster.entries();
  return { network, founder, alice, group_id, link, say, agree, rosterEntries };
}

test("what both sides of a cut wrote is on both once it heals", async () => {
  const { network, founder, alice, say, agree } = await pair();
  await using _a = founder;
  await using _b = alice;
  const keys = [await keyOf(founder), await keyOf(alice)] as const;
  network.cut(...keys);
  await Promise.all([say(founder, "here"), say(alice, "there")]);
  expect(await agree(2)).toBeFalse();
  network.heal(...keys);
  await until(() => agree(2));
});

test("a node that comes back catches up with what it missed, messages and members alike", async () => {
  const network = new MemoryNetwork(realClock);
  await using founder = await startNode(network, 1);
  const root = new MemoryDataRoot();
  const { group_id } = await founder.call(group_create, OPEN_GROUP);
  const { link } = await founder.call(link_create, { group_id, uses: 0, valid_for_ms: 60_000 });
  const say = (text: string) => founder.call(publish, { group_id, topics: ["chat"], content: encodeUtf8(text) });
  const alice = await startNode(network, 2, { root: keptOpen(root) });
  await alice.call(join, { input: link, timeout_ms: 60_000 });
  await alice.close();
  await using bob = await startNode(network, 3);
  await bob.call(join, { input: link, timeout_ms: 60_000 });
  for (let i = 0; i < 20; i++) await say(`${i}`);
  await using back = await startNode(network, 2, { root });
  await until(async () => {
    const group = (await back.call(status, {})).groups[0];
    return group?.messages === 20 && group.members === 3;
  });
});

/** The same root, which closing a node does not close. */
function keptOpen(root: MemoryDataRoot): MemoryDataRoot {
  return new Proxy(root, {
    get: (target, key) => {
      if (key === Symbol.dispose) return () => {};
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

test("a newcomer and a member that never heard of it meet without the founder", async () => {
  const network = new MemoryNetwork(realClock);
  const root = new MemoryDataRoot();
  const { founder, alice, group_id, link } = await pair(network, root);
  await alice.close();
  await using bob = await startNode(network, 3);
  await bob.call(join, { input: link, timeout_ms: 60_000 });
  await founder.close();
  await using again = await startNode(network, 2, { root });
  await bob.call(publish, { group_id, topics: ["chat"], content: encodeUtf8("hello") });
  await until(async () => {
    const [group] = (await again.call(status, {})).groups;
    return group?.members === 3 && group.messages === 1;
  });
});

test("a founder whose data came back from an old backup learns from a member what it had signed since", async () => {
  const network = new MemoryNetwork(realClock);
  const { founder, alice, group_id, rosterEntries } = await pair(network);
  await using _closing = alice;
  const backup = new MemoryDataRoot();
  backup.createGroup(group_id).roster.append(rosterEntries().slice(0, 1));
  await founder.close();
  await using again = await startNode(network, 1, { root: backup });
  await until(async () => (await again.call(status, {})).groups[0]?.members === 2);
});

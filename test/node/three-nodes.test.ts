import { expect, test } from "bun:test";
import { formatInvite } from "../../src/core/admission/invite.ts";
import { decodeUtf8, encodeUtf8 } from "../../src/core/bytes/utf8.ts";
import { unixMs } from "../../src/core/clock.ts";
import type { GroupId } from "../../src/core/ids.ts";
import { realClock } from "../../src/host/real-clock.ts";
import type { EntmootNode } from "../../src/node/entmoot-node.ts";
import type { WatchEvent } from "../../src/node/operations.ts";
import { MemoryNetwork } from "../../src/transport/memory/memory-transport.ts";
import { keyOf, OPEN_GROUP, startNode, until } from "../support/nodes.ts";

async function groupOf(node: EntmootNode, id: GroupId) {
  return (await node.status()).groups.find(({ group_id }) => group_id === id);
}

async function agree(nodes: readonly EntmootNode[], id: GroupId, messages: number): Promise<boolean> {
  const groups = await Promise.all(nodes.map((node) => groupOf(node, id)));
  return groups.every((group) => group?.messages === messages && group.merkle_root === groups[0]?.merkle_root);
}

test("three nodes join by link and by invite, talk, and hold the same set", async () => {
  const network = new MemoryNetwork(realClock);
  await using founder = await startNode(network, 1);
  await using alice = await startNode(network, 2);
  await using bob = await startNode(network, 3);
  const { group_id } = await founder.createGroup(OPEN_GROUP);
  await founder.publish({ groupId: undefined, topics: ["chat"], content: encodeUtf8("before") });

  const { link } = await founder.createLink({ groupId: group_id, uses: 1, validForMs: 60_000 });
  const joined = await alice.join({ input: link, timeoutMs: 5_000 });
  expect(joined).toMatchObject({ status: "joined", members: 2 });
  expect(await groupOf(alice, group_id)).toMatchObject({ messages: 1, local_member: true });

  const key = await keyOf(bob);
  await founder.changeRoster({ groupId: group_id, op: "add", nodeId: undefined, key });
  const invite = await founder.mintInvite({ groupId: group_id, peers: undefined, validForMs: 60_000 });
  expect(await bob.join({ input: formatInvite(invite), timeoutMs: 5_000 })).toMatchObject({ members: 3 });

  const nodes = [founder, alice, bob];
  await until(() => agree(nodes, group_id, 1));
  await Promise.all(
    nodes.flatMap((node, n) =>
      Array.from({ length: 50 }, (_, i) =>
        node.publish({ groupId: group_id, topics: ["chat"], content: encodeUtf8(`${n}/${i}`) }),
      ),
    ),
  );
  await until(() => agree(nodes, group_id, 151));
});

test("a watch sees what came before and what comes after, each once", async () => {
  let nowMs = 1_700_000_000_000;
  await using node = await startNode(undefined, 1, { clock: { ...realClock, unix: () => unixMs(++nowMs) } });
  const { group_id } = await node.createGroup(OPEN_GROUP);
  const say = (text: string) => node.publish({ groupId: group_id, topics: ["chat"], content: encodeUtf8(text) });
  for (const text of ["a", "b", "c"]) await say(text);
  const stop = new AbortController();
  const seen: string[] = [];
  const watched = (async () => {
    const events: AsyncIterable<WatchEvent> = node.watch({
      groupId: undefined,
      topic: "#",
      from: 2,
      peers: false,
      signal: stop.signal,
    });
    for await (const event of events) {
      if (event.kind === "message") seen.push(decodeUtf8(event.message.content));
      if (seen.length === 2) await say("d");
      if (seen.at(-1) === "d") stop.abort();
    }
  })();
  await watched;
  expect(seen).toEqual(["b", "c", "d"]);
});

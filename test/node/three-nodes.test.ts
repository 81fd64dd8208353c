import { expect, test } from "bun:test";
import { formatInvite } from "../../src/core/admission/invite.ts";
import { decodeUtf8, encodeUtf8 } from "../../src/core/bytes/utf8.ts";
import { unixMs } from "../../src/core/clock.ts";
import type { GroupId } from "../../src/core/ids.ts";
import { realClock } from "../../src/host/real-clock.ts";
import type { EntmootNode } from "../../src/node/entmoot-node.ts";
import { status } from "../../src/node/operations/daemon.ts";
import { eventsOf } from "../../src/node/operations/events.ts";
import { invite_mint, join, link_create } from "../../src/node/operations/invites.ts";
import { backlog, publish, watch } from "../../src/node/operations/messages.ts";
import { group_create, roster_change } from "../../src/node/operations/moots.ts";
import { MemoryNetwork } from "../../src/transport/memory/memory-transport.ts";
import { keyOf, OPEN_GROUP, startNode, until } from "../support/nodes.ts";

async function groupOf(node: EntmootNode, id: GroupId) {
  return (await node.call(status, {})).groups.find(({ group_id }) => group_id === id);
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
  const { group_id } = await founder.call(group_create, { ...OPEN_GROUP, name: "council" });
  await founder.call(publish, { topics: ["chat"], content: encodeUtf8("before") });

  const { link } = await founder.call(link_create, { group_id, uses: 1, valid_for_ms: 60_000 });
  const joined = await alice.call(join, { input: link, timeout_ms: 60_000 });
  expect(joined).toMatchObject({ status: "joined", members: 2 });
  expect(await groupOf(alice, group_id)).toMatchObject({ messages: 1, local_member: true });

  const key = await keyOf(bob);
  await founder.call(roster_change, { group_id, op: "add", entmoot_pubkey: key });
  const { invite } = await founder.call(invite_mint, { group_id, valid_for_ms: 60_000 });
  expect(await bob.call(join, { input: formatInvite(invite), timeout_ms: 60_000 })).toMatchObject({ members: 3 });
  // Each has what the one it joined by calls the moot.
  for (const node of [alice, bob]) expect(await groupOf(node, group_id)).toMatchObject({ name: "council" });

  const nodes = [founder, alice, bob];
  await until(() => agree(nodes, group_id, 1));
  await Promise.all(
    nodes.flatMap((node, n) =>
      Array.from({ length: 50 }, (_, i) =>
        node.call(publish, { group_id, topics: ["chat"], content: encodeUtf8(`${n}/${i}`) }),
      ),
    ),
  );
  await until(() => agree(nodes, group_id, 151));
});

test("a backlog and the watch from its end see what came before and what comes after, each once", async () => {
  let nowMs = 1_700_000_000_000;
  await using node = await startNode(undefined, 1, { clock: { ...realClock, unix: () => unixMs(++nowMs) } });
  const { group_id } = await node.call(group_create, OPEN_GROUP);
  const say = (text: string) => node.call(publish, { group_id, topics: ["chat"], content: encodeUtf8(text) });
  for (const text of ["a", "b", "c"]) await say(text);
  const seen: string[] = [];
  const { places } = await node.call(
    backlog,
    { topic: "#", last: 2 },
    {
      onEvent: ({ message }) => {
        seen.push(decodeUtf8(message.content));
      },
    },
  );
  await say("d");
  for await (const event of eventsOf(node, watch, { topic: "#", after: places })) {
    if (event.kind === "message") seen.push(decodeUtf8(event.message.content));
    if (seen.at(-1) === "d") await say("e");
    if (seen.at(-1) === "e") break;
  }
  expect(seen).toEqual(["b", "c", "d", "e"]);
});

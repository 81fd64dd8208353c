import { expect, test } from "bun:test";
import type { MessageId } from "../../src/core/ids.ts";
import { realClock } from "../../src/host/real-clock.ts";
import { MemoryNetwork } from "../../src/transport/memory/memory-transport.ts";
import { OPEN_GROUP, startNode } from "../support/nodes.ts";

test("what a member missed arrives parents first", async () => {
  const network = new MemoryNetwork(realClock);
  await using founder = await startNode(network, 1);
  await using joiner = await startNode(network, 2);
  const { group_id: groupId } = await founder.createGroup(OPEN_GROUP);
  const published: MessageId[] = [];
  for (let at = 0; at < 100; at++) {
    const content = new TextEncoder().encode(`${at}`);
    published.push((await founder.publish({ groupId, topics: ["a"], content })).message_id);
  }
  const { link } = await founder.createLink({ groupId, uses: 0, validForMs: 0 });
  await joiner.join({ input: link, timeoutMs: 10_000 });
  const arrived: MessageId[] = [];
  const signal = AbortSignal.timeout(10_000);
  for await (const event of joiner.watch({
    groupId,
    topic: "#",
    from: "now",
    after: new Map(),
    peers: false,
    signal,
  })) {
    if (event.kind !== "message") continue;
    // Each names the three before it, so this is the order of publishing.
    for (const parent of event.message.parents) expect(arrived).toContain(parent);
    arrived.push(event.message.id);
    if (arrived.length === published.length) break;
  }
  expect(arrived).toEqual(published);
});

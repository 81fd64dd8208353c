import { expect, test } from "bun:test";
import type { MessageId } from "../../src/core/ids.ts";
import { realClock } from "../../src/host/real-clock.ts";
import { eventsOf } from "../../src/node/operations/events.ts";
import { join, link_create } from "../../src/node/operations/invites.ts";
import { publish, watch } from "../../src/node/operations/messages.ts";
import { group_create } from "../../src/node/operations/moots.ts";
import { MemoryNetwork } from "../../src/transport/memory/memory-transport.ts";
import { OPEN_GROUP, startNode } from "../support/nodes.ts";

test("what a member missed arrives parents first", async () => {
  const network = new MemoryNetwork(realClock);
  await using founder = await startNode(network, 1);
  await using joiner = await startNode(network, 2);
  const { group_id } = await founder.call(group_create, OPEN_GROUP);
  const published: MessageId[] = [];
  for (let at = 0; at < 100; at++) {
    const content = new TextEncoder().encode(`${at}`);
    published.push((await founder.call(publish, { group_id, topics: ["a"], content })).message_id);
  }
  const { link } = await founder.call(link_create, { group_id, uses: 0, valid_for_ms: 0 });
  await joiner.call(join, { input: link, timeout_ms: 60_000 });
  const arrived: MessageId[] = [];
  const signal = AbortSignal.timeout(60_000);
  for await (const event of eventsOf(joiner, watch, { group_id, topic: "#", after: [] }, { signal })) {
    if (event.kind !== "message") continue;
    // Each names the three before it, so this is the order of publishing.
    for (const parent of event.message.parents) expect(arrived).toContain(parent);
    arrived.push(event.message.id);
    if (arrived.length === published.length) break;
  }
  expect(arrived).toEqual(published);
});

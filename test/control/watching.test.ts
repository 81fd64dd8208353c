import { describe, expect, test } from "bun:test";
import { ControlClient } from "../../src/control/control-client.ts";
import { encodeUtf8 as text } from "../../src/core/bytes/utf8.ts";
import type { GroupId } from "../../src/core/ids.ts";
import { realClock } from "../../src/host/real-clock.ts";
import { eventsOf } from "../../src/node/operations/events.ts";
import { publish, type WatchEvent, type WatchedMessage, watch } from "../../src/node/operations/messages.ts";
import { group_create } from "../../src/node/operations/moots.ts";
import type { Operations, RequestOf } from "../../src/node/operations/operation.ts";
import { controlledNode } from "../support/control.ts";
import { OPEN_GROUP, until } from "../support/nodes.ts";

/** The first `count` messages of a watch. */
async function firstOf(node: Operations, request: RequestOf<typeof watch>, count: number): Promise<WatchedMessage[]> {
  const found: WatchedMessage[] = [];
  for await (const event of eventsOf(node, watch, request)) {
    if (event.kind === "message") found.push(event);
    if (found.length === count) break;
  }
  return found;
}

async function world() {
  const it = await controlledNode();
  const client = (await ControlClient.connect(it.dataDir, realClock))!;
  const { group_id } = await client.call(group_create, OPEN_GROUP);
  return {
    ...it,
    client,
    group_id,
    async [Symbol.asyncDispose]() {
      await client[Symbol.asyncDispose]();
      await it[Symbol.asyncDispose]();
    },
  };
}

async function publishTo(node: Operations, group_id: GroupId, words: string) {
  return (await node.call(publish, { group_id, topics: ["a"], content: text(words) })).message_id;
}

describe("watching", () => {
  test("goes on after the place an earlier watch stopped, nothing lost and nothing twice", async () => {
    await using it = await world();
    const { client, group_id } = it;
    const ids: string[] = [];
    for (let at = 0; at < 5; at++) ids.push(await publishTo(client, group_id, `${at}`));
    const first = await firstOf(client, { group_id, topic: "#", after: [] }, 3);
    for (let at = 5; at < 8; at++) ids.push(await publishTo(client, group_id, `${at}`));
    const rest = await firstOf(client, { group_id, topic: "#", after: [first.at(-1)!.place] }, 5);
    expect([...first, ...rest].map(({ message }) => message.id) as string[]).toEqual(ids);
  });

  test("tells the same as in process", async () => {
    await using it = await world();
    for (let at = 0; at < 3; at++) await publishTo(it.client, it.group_id, `${at}`);
    const request = { topic: "#", after: [] };
    expect(await firstOf(it.client, request, 3)).toEqual(await firstOf(it.node, request, 3));
  });

  test("ends without an error when it is aborted", async () => {
    await using it = await world();
    const ending = new AbortController();
    const watched = Array.fromAsync(eventsOf(it.client, watch, { topic: "#", peers: true }, { signal: ending.signal }));
    ending.abort();
    expect(await watched).toEqual([]);
  });

  test("ends without an error when the daemon ends", async () => {
    await using it = await world();
    await publishTo(it.client, it.group_id, "x");
    const seen: WatchEvent[] = [];
    for await (const event of eventsOf(it.client, watch, { group_id: it.group_id, topic: "#", after: [] })) {
      seen.push(event);
      await it.server[Symbol.asyncDispose]();
    }
    expect(seen).toHaveLength(1);
  });

  test("a reader that fails ends it with its own failure, and is told nothing more", async () => {
    await using it = await world();
    for (let at = 0; at < 20; at++) await publishTo(it.client, it.group_id, `${at}`);
    let told = 0;
    const onEvent = () => {
      told += 1;
      throw new Error("no more");
    };
    await expect(it.client.call(watch, { topic: "#", after: [] }, { onEvent })).rejects.toThrow("no more");
    // Whatever was on its way has come by the time another call is answered.
    await publishTo(it.client, it.group_id, "later");
    expect(told).toBe(1);
  });

  test("a reader that takes its time gets everything in order, each event after the last is done with", async () => {
    await using it = await world();
    const content = new Uint8Array(32 * 1024);
    const wanted: string[] = [];
    for (let at = 0; at < 100; at++) {
      const { message_id } = await it.client.call(publish, { group_id: it.group_id, topics: ["a"], content });
      wanted.push(message_id);
    }
    const got: string[] = [];
    let atOnce = 0;
    for await (const event of eventsOf(it.client, watch, { topic: "#", after: [] })) {
      atOnce += 1;
      expect(atOnce).toBe(1);
      if (event.kind === "message") got.push(event.message.id);
      if (got.length === wanted.length) break;
      await publishTo(it.client, it.group_id, "meanwhile");
      atOnce -= 1;
    }
    expect(got).toEqual(wanted);
  });
});

test("past the number of watchers a further one is refused, requests are answered, and places come back", async () => {
  await using it = await world();
  const clients = await Promise.all(Array.from({ length: 4 }, () => ControlClient.connect(it.dataDir, realClock)));
  const ending = new AbortController();
  let told = 0;
  await publishTo(it.client, it.group_id, "x");
  const watched = clients.flatMap((client) =>
    Array.from({ length: 48 }, () =>
      client!.call(
        watch,
        { topic: "#", after: [] },
        {
          signal: ending.signal,
          onEvent: () => {
            told += 1;
          },
        },
      ),
    ),
  );
  await until(() => told === 192);
  const further = () => firstOf(it.client, { topic: "#", after: [] }, 1);
  await expect(further()).rejects.toMatchObject({
    code: "unavailable",
    message: "at most 192 watchers at a time; end one and try again",
  });
  await publishTo(it.client, it.group_id, "y");
  ending.abort();
  await Promise.all(watched);
  expect(await further()).toHaveLength(1);
  for (const client of clients) await client![Symbol.asyncDispose]();
});

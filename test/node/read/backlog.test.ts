import { expect, test } from "bun:test";
import { encodeUtf8 } from "../../../src/core/bytes/utf8.ts";
import { later, steadyMs } from "../../../src/core/clock.ts";
import type { MessageId } from "../../../src/core/ids.ts";
import { realClock } from "../../../src/host/real-clock.ts";
import { backlog, publish, watch } from "../../../src/node/operations/messages.ts";
import { MemoryDataRoot } from "../../../src/store/memory/memory-data-root.ts";
import { asAgent } from "../../support/agent.ts";
import { startNode } from "../../support/nodes.ts";
import { backlogOf, newMoot, nodeWithMoot, timesOf, watched } from "./held.ts";

test("a backlog gives the latest that match, oldest first, of one moot or of all in time order", async () => {
  await using it = await nodeWithMoot();
  const other = await newMoot(it.node);
  for (const at of [50, 10, 30]) await it.put(at);
  for (const at of [40, 20]) await other.put(at, { topics: ["other"] });
  await other.put(60, { topics: [] });
  const ask = async (request: Partial<Parameters<typeof backlogOf>[1]>) =>
    timesOf((await backlogOf(it.node, { topic: "#", last: "all", ...request })).rows);
  expect(await ask({})).toEqual([10, 20, 30, 40, 50, 60]);
  expect(await ask({ last: 3 })).toEqual([40, 50, 60]);
  expect(await ask({ last: 100 })).toEqual([10, 20, 30, 40, 50, 60]);
  expect(await ask({ last: 2, group_id: it.group_id })).toEqual([30, 50]);
  expect(await ask({ last: 1, topic: "other" })).toEqual([40]);
  expect(await ask({ topic: "other" })).toEqual([20, 40]);
  expect(await ask({ last: 0 })).toEqual([]);
});

test("a backlog ends with a place in each moot, from which a watch shows what came later and nothing else", async () => {
  await using it = await nodeWithMoot();
  const other = await newMoot(it.node);
  await it.put(1);
  const { places } = await backlogOf(it.node, { topic: "nothing", last: 0 });
  expect(places).toHaveLength(2);
  await it.put(2);
  await other.put(3);
  expect(timesOf(await watched(it.node, { after: places }, 2)).toSorted()).toEqual([2, 3]);
});

test("what arrives while a backlog is told belongs to the watch that follows it", async () => {
  await using it = await nodeWithMoot();
  for (const at of [1, 2, 3, 4]) await it.put(at);
  const told: number[] = [];
  const { places } = await it.node.call(
    backlog,
    { topic: "#", last: "all" },
    {
      async onEvent({ message: { timestamp } }) {
        told.push(Number(timestamp));
        // One that sorts before what is told, one in between and one after all.
        if (told.length === 2) for (const at of [0, 3, 9]) await it.put(at, { text: "late" });
      },
    },
  );
  expect(told).toEqual([1, 2, 3, 4]);
  expect(timesOf(await watched(it.node, { after: places }, 3))).toEqual([0, 3, 9]);
});

test("a backlog and then a watch lose and repeat nothing, however messages arrive meanwhile", async () => {
  let ms = 0;
  // Clocks of authors differ, so that what arrives sorts anywhere among what is there.
  const unix = () => {
    ms = (ms * 31 + 7) % 1_000;
    return later(realClock.unix(), ms);
  };
  const clock = { ...realClock, unix };
  await using node = await startNode(undefined, 1, { clock });
  const { group_id } = await newMoot(node);
  const TOTAL = 1_500;
  const published: MessageId[] = [];
  const publishing = (async () => {
    for (let at = 0; at < TOTAL; at++) {
      published.push((await node.call(publish, { group_id, topics: ["a"], content: encodeUtf8(`${at}`) })).message_id);
      if (at % 7 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
  })();
  const seen: MessageId[] = [];
  while (published.length < TOTAL / 4) await new Promise((resolve) => setImmediate(resolve));
  const { places } = await node.call(
    backlog,
    { topic: "#", last: "all" },
    {
      async onEvent({ message: { id } }) {
        seen.push(id);
        if (seen.length % 16 === 0) await new Promise((resolve) => setImmediate(resolve));
      },
    },
  );
  expect(seen.length).toBeLessThan(TOTAL);
  const ended = new AbortController();
  await node.call(
    watch,
    { topic: "#", after: places },
    {
      signal: ended.signal,
      onEvent(event) {
        if (event.kind === "message") seen.push(event.message.id);
        if (seen.length === TOTAL) ended.abort();
      },
    },
  );
  await publishing;
  expect(seen.toSorted()).toEqual(published.toSorted());
});

test("a backlog of a moot that is not here, or by what is no pattern, is refused", async () => {
  await using it = await nodeWithMoot();
  await using elsewhere = await nodeWithMoot();
  const { group_id } = elsewhere;
  await expect(backlogOf(it.node, { group_id, topic: "#", last: 1 })).rejects.toMatchObject({
    code: "group_not_found",
  });
  await expect(backlogOf(it.node, { topic: "", last: 1 })).rejects.toMatchObject({ code: "invalid_argument" });
});

test("a backlog holds no bodies ahead of a slow reader, who is told nothing of what was pruned meanwhile", async () => {
  const root = new MemoryDataRoot();
  await using it = await nodeWithMoot({ root });
  for (let at = 1; at <= 40; at++) await it.put(at, { text: "x".repeat(100_000) });
  for (const last of ["all", 40] as const) {
    const reading = Promise.withResolvers<void>();
    const first = Promise.withResolvers<void>();
    let told = 0;
    const call = it.node.call(
      backlog,
      { topic: "#", last },
      {
        onEvent() {
          told += 1;
          first.resolve();
          return reading.promise;
        },
      },
    );
    await first.promise;
    if (last === 40) root.openGroup(it.group_id)!.messages.pruneBefore(30n);
    reading.resolve();
    await call;
    expect(told).toBe(last === "all" ? 40 : 12);
  }
});

test("an agent asks for no more of the latest than fit in memory many times, and the owner for any number", async () => {
  await using it = await nodeWithMoot();
  await it.put(1);
  const request = { topic: "#", last: 10_001 };
  await expect(backlogOf(asAgent(it.node), request)).rejects.toMatchObject({ code: "invalid_argument" });
  for (const last of [10_000, "all"] as const)
    expect(timesOf((await backlogOf(asAgent(it.node), { topic: "#", last })).rows)).toEqual([1]);
  expect(timesOf((await backlogOf(it.node, request)).rows)).toEqual([1]);
});

test("a long log of which nothing matches leaves everybody else their turn, also as a backlog", async () => {
  let ms = 0;
  // Every piece of work takes long.
  const clock = { ...realClock, steady: () => steadyMs(ms++ * 1_000) };
  await using node = await startNode(undefined, 1, { clock });
  const { put } = await newMoot(node);
  for (let at = 1; at <= 640; at++) await put(at);
  let ended = false;
  let turns = 0;
  const count = () => {
    turns += 1;
    if (!ended) setImmediate(count);
  };
  setImmediate(count);
  for (const last of ["all", 5] as const) {
    const before = turns;
    expect((await backlogOf(node, { topic: "+/nothing", last })).rows).toEqual([]);
    if (last === "all") expect(turns - before).toBeGreaterThan(8);
  }
  ended = true;
});

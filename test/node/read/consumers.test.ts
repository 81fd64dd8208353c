import { describe, expect, test } from "bun:test";
import { decodeJson, encodeWire } from "../../../src/core/json/json-codec.ts";
import {
  consumer_advance,
  consumer_forget,
  consumer_lease,
  consumer_list,
  consumer_release,
} from "../../../src/node/operations/consumers.ts";
import { messages } from "../../../src/node/operations/messages.ts";
import { asAgent } from "../../support/agent.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { newMoot, nodeWithMoot, watched } from "./held.ts";

async function withPlaces() {
  const clock = new ManualClock();
  const it = await nodeWithMoot({ clock });
  for (const at of [1, 2, 3]) await it.put(at);
  const { messages: rows } = await it.node.call(messages, { by: "arrival" });
  return { ...it, clock, places: rows.map(({ place }) => place) };
}

describe("a consumer", () => {
  test("is made by its first acknowledgement and keeps its place, which only moves forward", async () => {
    await using it = await withPlaces();
    const { group_id, node, places } = it;
    const advance = (place: string) => node.call(consumer_advance, { group_id, consumer: "reader", place });
    expect(await node.call(consumer_list, { group_id })).toEqual({ group_id, consumers: [] });
    for (const [asked, kept] of [
      [0, 0],
      [2, 2],
      [1, 2],
    ] as const) {
      expect(await advance(places[asked]!)).toMatchObject({ consumer: "reader", place: places[kept]! });
    }
    expect((await node.call(consumer_list, { group_id })).consumers).toMatchObject([
      { consumer: "reader", place: places[2]!, owner: undefined, token: undefined },
    ]);
    await expect(advance("elsewhere")).rejects.toMatchObject({ code: "invalid_argument" });
    const other = await newMoot(node);
    await expect(
      node.call(consumer_advance, { group_id: other.group_id, consumer: "reader", place: places[0]! }),
    ).rejects.toMatchObject({ code: "invalid_argument", message: expect.stringContaining("found one of another") });
  });

  test("is worked on by one owner at a time, and by another once the lease has run out or is given back", async () => {
    await using it = await withPlaces();
    const { clock, group_id, node, places } = it;
    const lease = (owner: string) => node.call(consumer_lease, { group_id, consumer: "push", owner, ttl_ms: 1_000 });
    const first = await lease("a");
    expect(first).toMatchObject({
      granted: true,
      consumer: { consumer: "push", owner: "a", expires_at_ms: clock.unix() + 1_000 },
    });
    expect(await lease("b")).toMatchObject({ granted: false, consumer: { owner: "a" } });
    clock.advance(1_000);
    const second = await lease("b");
    expect(second.granted).toBeTrue();
    expect(second.consumer.token!).toBeGreaterThan(first.consumer.token!);
    const work = (token: number | undefined) =>
      node.call(consumer_advance, { group_id, consumer: "push", place: places[0]!, token });
    await expect(work(first.consumer.token)).rejects.toMatchObject({ code: "conflict" });
    expect(await work(second.consumer.token)).toMatchObject({ place: places[0]! });
    await node.call(consumer_release, { group_id, consumer: "push", token: first.consumer.token! });
    expect(await lease("c")).toMatchObject({ granted: false });
    await node.call(consumer_release, { group_id, consumer: "push", token: second.consumer.token! });
    expect(await lease("c")).toMatchObject({ granted: true, consumer: { owner: "c", place: places[0]! } });
  });

  test("that is forgotten begins again at the first message; forgetting one that is not there is nothing", async () => {
    await using it = await withPlaces();
    const { group_id, node, places } = it;
    await node.call(consumer_advance, { group_id, consumer: "reader", place: places[2]! });
    for (let times = 0; times < 2; times++) await node.call(consumer_forget, { group_id, consumer: "reader" });
    expect((await node.call(consumer_list, { group_id })).consumers).toEqual([]);
    expect((await watched(node, { consumer: "reader" }, 1)).map(({ seq }) => seq)).toEqual([1]);
  });

  test("without a name is refused in every operation", async () => {
    await using it = await withPlaces();
    const { group_id, node, places } = it;
    const named = { group_id, consumer: "" };
    for (const asked of [
      () => node.call(consumer_advance, { ...named, place: places[0]! }),
      () => node.call(consumer_lease, { ...named, owner: "a", ttl_ms: 1 }),
      () => node.call(consumer_release, { ...named, token: 1 }),
      () => node.call(consumer_forget, named),
    ]) {
      await expect(asked()).rejects.toMatchObject({
        code: "invalid_argument",
        message: expect.stringContaining("name"),
      });
    }
  });
});

test("consumers of agents and of the owner are two worlds, whatever they are called", async () => {
  await using it = await withPlaces();
  const { group_id, node, places } = it;
  const agent = asAgent(node);
  const named = { group_id, consumer: "reader" };
  await node.call(consumer_advance, { ...named, place: places[2]! });
  expect(await agent.call(consumer_list, { group_id })).toEqual({ group_id, consumers: [] });
  expect(await agent.call(consumer_advance, { ...named, place: places[0]! })).toMatchObject({
    consumer: "reader",
    place: places[0]!,
  });
  expect((await agent.call(consumer_list, { group_id })).consumers).toMatchObject([
    { consumer: "reader", place: places[0]! },
  ]);
  expect((await node.call(consumer_list, { group_id })).consumers).toMatchObject([
    { consumer: "agent/reader", place: places[0]! },
    { consumer: "reader", place: places[2]! },
  ]);
  expect((await watched(agent, { consumer: "reader" }, 1)).map(({ seq }) => seq)).toEqual([2]);
  // No name an agent may think of reaches the owner's.
  for (const consumer of ["agent/reader", "../reader", "/reader"]) {
    await agent.call(consumer_forget, { group_id, consumer });
    const { consumer: row } = await agent.call(consumer_lease, { group_id, consumer, owner: "x", ttl_ms: 1 });
    expect(row.consumer).toBe(consumer);
  }
  await agent.call(consumer_forget, named);
  const kept = (await node.call(consumer_list, { group_id })).consumers;
  expect(kept.find(({ consumer }) => consumer === "reader")).toMatchObject({ place: places[2]! });
  expect(kept.map(({ consumer }) => consumer)).not.toContain("agent/reader");
});

test("consumers of agents leave the owner room for its own, and its list stands whatever they are called", async () => {
  await using it = await withPlaces();
  const { group_id, node, places } = it;
  const agent = asAgent(node);
  // The longest names there are, of what takes the most room in JSON.
  const named = (at: number) => `${at}`.padEnd(256, "\u0001");
  for (let at = 0; at < 512; at++) {
    await agent.call(consumer_lease, { group_id, consumer: named(at), owner: named(at), ttl_ms: 1 });
  }
  for (const asked of [
    () => agent.call(consumer_lease, { group_id, consumer: "more", owner: "a", ttl_ms: 1 }),
    () => agent.call(consumer_advance, { group_id, consumer: "more", place: places[0]! }),
  ]) {
    await expect(asked()).rejects.toMatchObject({ code: "conflict", message: expect.stringContaining("at most 512") });
  }
  // Those that are there go on, and one that is forgotten makes room.
  await agent.call(consumer_advance, { group_id, consumer: named(7), place: places[0]! });
  await agent.call(consumer_forget, { group_id, consumer: named(7) });
  await agent.call(consumer_advance, { group_id, consumer: "more", place: places[0]! });
  await node.call(consumer_advance, { group_id, consumer: "reader", place: places[0]! });
  const told = encodeWire(consumer_list.answer, await node.call(consumer_list, { group_id }));
  expect(told.length).toBeLessThan(consumer_list.answerMax);
  const { consumers } = decodeJson(consumer_list.answer, told);
  expect(consumers).toHaveLength(513);
  for (const { consumer } of consumers) await node.call(consumer_forget, { group_id, consumer });
  await expect(
    agent.call(consumer_lease, { group_id, consumer: "x".repeat(257), owner: "a", ttl_ms: 1 }),
  ).rejects.toMatchObject({ code: "invalid_argument" });
});

import { expect, test } from "bun:test";
import { GroupId } from "../../src/core/ids.ts";
import { eventually } from "../support/eventually.ts";
import { device, type HeldEvents, HttpWorld, OTHERS, OURS } from "../support/http-world.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

const EVENTS = `/v1/groups/${encodeURIComponent(GroupId.toBase64(OURS))}/events`;
const SECOND = 1_000;

const contentsOf = (events: HeldEvents, expected: readonly string[]) =>
  eventually(`told ${expected}`, () => {
    expect(events.contents()).toEqual([...expected]);
    return true;
  });
const endOf = async (events: HeldEvents) => {
  await events.done;
  return events.told.at(-1);
};

test("a reader that takes nothing is handed little, goes on from the log once it does, and else is closed with a word", async () => {
  using home = new TemporaryDirectory();
  using world = new HttpWorld(home);
  const quick = await world.listen(EVENTS);
  const slow = await world.listen(EVENTS);
  slow.isTaking = false;
  const said = Array.from({ length: 40 }, (_, n) => `${n} ${"x".repeat(8 * 1024)}`);
  for (const content of said) world.say(OURS, content);
  await contentsOf(quick, said);
  expect(slow.unsent).toBeGreaterThan(32 * 1024);
  expect(slow.unsent).toBeLessThan(80 * 1024);
  slow.isTaking = true;
  world.clock.advance(20);
  await contentsOf(slow, said);
  slow.isTaking = false;
  world.say(OURS, "last");
  await contentsOf(quick, [...said, "last"]);
  world.clock.advance(30 * SECOND);
  expect(slow.told).not.toContainEqual(expect.objectContaining({ event: "end" }));
  world.clock.advance(2 * SECOND);
  expect(await endOf(slow)).toMatchObject({ event: "end", data: { code: "slow_reader" } });
  await quick.leave();
});

test("all readers together are handed no more than so much, whatever each of them takes", async () => {
  using home = new TemporaryDirectory();
  using world = new HttpWorld(home);
  const readers = await Promise.all(Array.from({ length: 60 }, () => world.listen(EVENTS)));
  for (const reader of readers) reader.isTaking = false;
  await eventually("ready", () => readers.every(({ told }) => told.length === 1) || undefined);
  // As large as a message may be.
  world.say(OURS, "y".repeat(700 * 1024));
  await eventually("some are told", () => readers.some(({ unsent }) => unsent > 700_000) || undefined);
  world.clock.advance(20);
  const unsent = () => readers.reduce((sum, one) => sum + one.unsent, 0);
  expect(unsent()).toBeLessThan(34 * 1024 * 1024);
  for (const reader of readers) reader.isTaking = true;
  await eventually("all are told", () => {
    world.clock.advance(20);
    return readers.every((one) => one.contents().length === 1) || undefined;
  });
  await Promise.all(readers.map((reader) => reader.leave()));
});

test("a device has so many readers, which end when it may not read any more", async () => {
  using home = new TemporaryDirectory();
  using world = new HttpWorld(home, { devices: [device("phone", 2, { groups: [OURS, OTHERS] })] });
  const listen = (target: string) => world.listen(target, { authorization: "", ...world.signed(target) });
  const readers: HeldEvents[] = [];
  for (let n = 0; n < 16; n++) readers.push(await listen(n === 0 ? "/v1/events" : EVENTS));
  expect(await world.as(EVENTS)).toMatchObject({ status: 429, json: { error: { code: "too_many_readers" } } });
  await readers.pop()!.leave();
  readers.push(await listen(EVENTS));
  const [all, one] = readers as [HeldEvents, HeldEvents];
  world.registry.change(() => [device("phone", 2, { groups: [OTHERS] })]);
  // Seen with the next message, which is not told any more.
  world.say(OURS, "secret");
  expect(await endOf(one)).toMatchObject({ event: "end", data: { code: "group_not_found" } });
  world.say(OTHERS, "open");
  await contentsOf(all, ["open"]);
  expect(one.contents()).toEqual([]);
  world.registry.change((devices) => devices.map((each) => ({ ...each, isDisabled: true })));
  world.clock.advance(SECOND);
  expect(await endOf(all)).toMatchObject({ event: "end", data: { code: "device_disabled" } });
});

test("ids are places of all moots told of, and a place that does not fit says where to go on", async () => {
  using home = new TemporaryDirectory();
  using world = new HttpWorld(home);
  world.say(OURS, "one");
  world.say(OTHERS, "two");
  const events = await world.listen("/v1/events");
  world.say(OURS, "three");
  await contentsOf(events, ["three"]);
  const { id } = events.told.at(-1)!;
  expect(id).toMatch(/^[\w-]{40},[\w-]{40}$/);
  await events.leave();
  world.say(OTHERS, "four");
  const headers = { "last-event-id": id };
  const again = await world.listen("/v1/events?after=all", headers);
  await contentsOf(again, ["four"]);
  // Also where only one of them is asked for.
  const ours = await world.listen(EVENTS, headers);
  world.say(OURS, "five");
  await contentsOf(ours, ["five"]);
  world.drawLog(OURS);
  world.say(OURS, "told by nobody");
  expect(await endOf(ours)).toMatchObject({ event: "end", data: { code: "place_lost" } });
  const { status, json } = await world.bearer("/v1/events", { headers });
  const { all, fresh, lost } = json.error.places[0];
  expect([status, json.error.code, lost, json.error.places.length]).toEqual([410, "place_lost", id.split(",")[0], 1]);
  await contentsOf(await world.listen(`${EVENTS}?after=${all}`), ["one", "three", "five", "told by nobody"]);
  const rest = await world.listen(`${EVENTS}?after=${fresh}`);
  world.say(OURS, "six");
  await contentsOf(rest, ["six"]);
  for (const after of ["x", `${fresh},${fresh}`, "y".repeat(5000), "1"]) {
    expect(await world.bearer(`${EVENTS}?after=${after}`)).toMatchObject({ status: 400 });
  }
  expect(await world.bearer(`${EVENTS}?topic=a/%23/b`)).toMatchObject({ status: 400 });
  await rest.end();
  expect(rest.told.at(-1)).toMatchObject({ event: "end", data: { code: "service_ending" } });
});

test("what nobody else may read is not told of, listed or not", async () => {
  using home = new TemporaryDirectory();
  using world = new HttpWorld(home);
  const target = `/v1/events?groups=${encodeURIComponent(GroupId.toBase64(OTHERS))}`;
  expect(await world.as(target)).toMatchObject({ status: 404, json: { error: { code: "group_not_found" } } });
  const events = await world.listen("/v1/events", { authorization: "", ...world.signed("/v1/events") });
  world.say(OTHERS, "secret");
  world.say(OURS, "open");
  await contentsOf(events, ["open"]);
  expect(events.told[0]).toMatchObject({ event: "ready", data: { groups: [GroupId.toBase64(OURS)] } });
  await events.leave();
});

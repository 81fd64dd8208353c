import { expect, test } from "bun:test";
import { encodeUtf8 } from "../../../src/core/bytes/utf8.ts";
import type { MessageId } from "../../../src/core/ids.ts";
import { RECEIPT_EVERY_MS } from "../../../src/node/notes/own-notes.ts";
import { inbox, inbox_ack, inbox_read, reply, thread } from "../../../src/node/operations/inbox.ts";
import { type WatchEvent, watch } from "../../../src/node/operations/messages.ts";
import { members, roster_change } from "../../../src/node/operations/moots.ts";
import { receipt_settings, receipts } from "../../../src/node/operations/receipts.ts";
import { MemoryDataRoot } from "../../../src/store/memory/memory-data-root.ts";
import { NoteWorld } from "../../support/note-world.ts";

/** What the asker sees of a message at the only member it asked. */
async function at(world: NoteWorld, message_id: MessageId, asker = 1) {
  const { rows } = await world.node(asker).call(receipts, { message_id });
  return rows[0]!.readers[0]!;
}

test("the asker sees each state with its time, in receipts, in the thread and as events", async () => {
  await using world = await NoteWorld.of(2);
  const events: WatchEvent[] = [];
  const ending = new AbortController();
  const watching = world
    .node(1)
    .call(
      watch,
      { receipts: true, presence: true },
      { signal: ending.signal, onEvent: (event) => void events.push(event) },
    );
  watching.catch(() => {});
  const id = await world.say(1, "@n2 are you there?");
  await world.until(async () => (await at(world, id)).state === "nobody");
  const nobody = await at(world, id);
  expect(nobody).toMatchObject({ hostname: "n2", delivered_ms: 0 });
  expect(nobody.since_ms).toBeLessThanOrEqual(world.clock.unix());

  const listener = world.listen(2);
  await world.until(async () => (await at(world, id)).state === "delivered");
  const delivered = await at(world, id);
  expect(delivered.delivered_ms).toBe(delivered.since_ms);
  expect(delivered.delivered_ms).toBeGreaterThanOrEqual(delivered.arrived_ms);
  await world.passing(world.node(2).call(inbox_read, { message_id: id }));
  await world.until(async () => (await at(world, id)).state === "read");
  const request = { group_id: world.groupId, message_id: id, content: encodeUtf8("yes") };
  await world.passing(world.node(2).call(reply, request));
  await world.until(async () => (await at(world, id)).state === "answered");
  const answered = await at(world, id);
  expect(answered).toMatchObject({ since_ms: answered.done_ms, delivered_ms: delivered.delivered_ms });
  expect(answered.done_ms).toBeGreaterThanOrEqual(answered.read_ms);

  const { rows } = await world.passing(world.node(1).call(thread, { message_id: id }));
  expect(rows[0]!.receipts).toMatchObject([{ hostname: "n2", state: "answered" }]);
  expect(rows[1]!.receipts).toBeUndefined();
  const states = events.flatMap((event) => (event.kind === "receipt" ? [event.state] : []));
  expect(states.at(-1)).toBe("answered");
  expect(states).toContain("delivered");
  await world.until(() => events.some((event) => event.kind === "presence" && event.listening));
  await listener.end();
  ending.abort();
});

test("two changes are told at once, and a third ten seconds later, also when the reader starts again meanwhile", async () => {
  await using world = await NoteWorld.of(2);
  const told = async () => {
    const beganMs = world.clock.unix();
    const id = await world.say(1, "@n2 are you there?");
    await world.until(() => world.has(2, id));
    await world.passing(world.node(2).call(inbox_read, { message_id: id }));
    await world.until(async () => (await at(world, id)).state === "read");
    return world.clock.unix() - beganMs;
  };
  // That it came, and that it was read.
  expect(await told()).toBeLessThan(RECEIPT_EVERY_MS / 4);
  expect(await told()).toBeGreaterThan(RECEIPT_EVERY_MS / 2);
  await world.stop(2);
  await world.start(2);
  await world.passing(world.node(2).call(inbox, {}));
  expect(await told()).toBeGreaterThan(RECEIPT_EVERY_MS / 2);
});

test("an acknowledgement is no answer; a message that asks nobody has no row", async () => {
  await using world = await NoteWorld.of(2);
  await world.say(1, "nobody is meant");
  const id = await world.say(1, "@n2 for your information");
  await world.until(() => world.has(2, id));
  await world.passing(world.node(2).call(inbox_ack, { message_id: id }));
  await world.until(async () => (await at(world, id)).state === "acked");
  expect((await world.node(1).call(receipts, {})).rows.map(({ message_id }) => message_id)).toEqual([id]);
  await expect(world.node(2).call(receipts, { message_id: id })).rejects.toMatchObject({ code: "invalid_argument" });
});

test("of one asker sixteen of the latest are told, and they do not keep out another's", async () => {
  await using world = await NoteWorld.of(3);
  const other = await world.say(3, "@n2 once");
  const many: MessageId[] = [];
  for (let n = 0; n < 20; n++) many.push(await world.say(1, `@n2 again ${n}`));
  await world.until(() => world.has(2, many.at(-1)!));
  await world.until(async () => (await at(world, many.at(-1)!)).arrived_ms > 0);
  await world.until(async () => (await at(world, other, 3)).arrived_ms > 0);
  const { rows } = await world.node(1).call(receipts, { limit: 200 });
  expect(rows.filter(({ readers }) => readers[0]!.arrived_ms > 0).length).toBe(16);
});

test("a node switches it off for itself: what it told is taken back, and nothing more comes", async () => {
  await using world = await NoteWorld.of(2);
  const listener = world.listen(2);
  const id = await world.say(1, "@n2 first");
  await world.until(async () => (await at(world, id)).state === "delivered");
  await world.node(2).call(receipt_settings, { send: false, presence: false });
  const shows = async () =>
    (await world.node(1).call(members, { group_id: world.groupId })).members.find(({ self }) => !self)!.listening;
  await world.until(async () => (await at(world, id)).state === "none" && (await shows()) === undefined);
  const second = await world.say(1, "@n2 second");
  await world.until(() => listener.taken.includes(second));
  await world.pass(60_000);
  expect((await at(world, second)).state).toBe("none");
  await world.node(2).call(receipt_settings, { send: true, presence: true });
  await world.until(async () => (await at(world, second)).state === "delivered" && (await shows()) === true);
});

test("a founder switches it off for the moot: all delete what they hold; and on again", async () => {
  const roots = [1, 2, 3].map(() => new MemoryDataRoot());
  await using world = await NoteWorld.of(3, { root: (n) => roots[n - 1]! });
  const held = (n: number) =>
    [...roots[n - 1]!.openGroup(world.groupId)!.notes.all()].filter(({ kind }) => kind === "receipt").length;
  const id = await world.say(1, "@n2 first");
  await world.until(() => [1, 2, 3].every((n) => held(n) === 1));
  const rule = { group_id: world.groupId, moot_receipts: false, moot_presence: false };
  await expect(world.node(2).call(receipt_settings, rule)).rejects.toMatchObject({ code: "not_member" });
  await world.stop(3);
  await world.node(1).call(receipt_settings, rule);
  await world.until(() => [1, 2].every((n) => held(n) === 0));
  await world.start(3);
  await world.until(() => held(3) === 0);
  await world.pass(60_000);
  expect([1, 2, 3].map(held)).toEqual([0, 0, 0]);
  await world.node(1).call(receipt_settings, { ...rule, moot_receipts: true });
  await world.say(1, "@n2 second");
  await world.until(() => [1, 2, 3].every((n) => held(n) === 1));
  await world.until(async () => (await at(world, id)).arrived_ms > 0);
});

test("in a public moot nothing is told, by nobody", async () => {
  const roots = [1, 2].map(() => new MemoryDataRoot());
  await using world = await NoteWorld.of(2, { root: (n) => roots[n - 1]!, visibility: "public" });
  const listener = world.listen(2);
  const id = await world.say(1, "@n2 hello");
  await world.until(() => listener.taken.includes(id));
  await world.pass(60_000);
  expect((await at(world, id)).state).toBe("none");
  for (const root of roots) {
    const kinds = [...root.openGroup(world.groupId)!.notes.all()].map(({ kind }) => kind);
    expect(kinds).toEqual(["rule"]);
  }
});

test("who is removed is told of no more: its notes go everywhere, and all of them with it", async () => {
  const roots = [1, 2, 3].map(() => new MemoryDataRoot());
  await using world = await NoteWorld.of(3, { root: (n) => roots[n - 1]! });
  const held = (n: number) => [...roots[n - 1]!.openGroup(world.groupId)!.notes.all()].map(({ author }) => author);
  await world.say(1, "@n2 and @n3, hello");
  await world.until(() => [1, 2, 3].every((n) => held(n).length === 2));
  const change = { group_id: world.groupId, op: "remove", entmoot_pubkey: world.key(2) } as const;
  await world.passing(world.node(1).call(roster_change, change));
  await world.until(() => held(2).length === 0 && [1, 3].every((n) => held(n).length === 1));
  expect(held(1)).toEqual([world.key(3)]);
  await world.pass(700_000);
  expect([1, 2, 3].map((n) => held(n).length)).toEqual([1, 0, 1]);
});

test("a reader whose clock is set back goes on from its last version", async () => {
  const roots = [1, 2].map(() => new MemoryDataRoot());
  await using world = await NoteWorld.of(2, { root: (n) => roots[n - 1]! });
  const version = () =>
    roots[0]!.openGroup(world.groupId)!.notes.get({ kind: "receipt", author: world.key(2) })?.version ?? 0n;
  const id = await world.say(1, "@n2 first");
  await world.until(() => version() > 0n);
  const before = version();
  world.clock.setUnix(world.clock.unix() - 3_600_000);
  await world.passing(world.node(2).call(inbox_ack, { message_id: id }));
  await world.until(async () => (await at(world, id)).state === "acked");
  expect(version()).toBe(before + 1n);
});

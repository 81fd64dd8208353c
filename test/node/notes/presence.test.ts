import { expect, test } from "bun:test";
import { type Clock, later, unixMs } from "../../../src/core/clock.ts";
import { PublicKey } from "../../../src/core/ids.ts";
import { signNote } from "../../../src/core/record/note.ts";
import { encodePresence } from "../../../src/core/record/note-bodies.ts";
import { PRESENCE_MS, PresenceBook } from "../../../src/node/notes/presence-book.ts";
import { members, peers } from "../../../src/node/operations/moots.ts";
import { receipt_settings } from "../../../src/node/operations/receipts.ts";
import { identity } from "../../support/identity.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { GROUP } from "../../support/message.ts";
import { NoteWorld } from "../../support/note-world.ts";

/** How member `of` shows at node `n`. */
async function seen(world: NoteWorld, n: number, of: number) {
  const { members: rows } = await world.node(n).call(members, { group_id: world.groupId });
  return rows.find(({ entmoot_pubkey }) => PublicKey.fromBytes(entmoot_pubkey) === world.key(of))!;
}

test("a member shows as listening while something that can wake its agent listens, and its host when its owner says so", async () => {
  await using world = await NoteWorld.of(3);
  const looking = world.listen(2, { agent: "b", can_wake: false });
  await world.until(async () => (await seen(world, 1, 2)).listening === false);
  const listener = world.listen(2);
  await world.until(async () => (await seen(world, 1, 2)).listening === true);
  await world.until(async () => (await seen(world, 3, 2)).listening === true);
  const since = (await seen(world, 1, 2)).listening_since_ms;
  expect(since).toBeGreaterThan(0);
  expect((await seen(world, 1, 2)).listening_host).toBe("");
  await world.node(2).call(receipt_settings, { show_host: true });
  await world.until(async () => (await seen(world, 1, 2)).listening_host === "test");
  // Said again and again it goes on to count.
  await world.pass(2 * PRESENCE_MS);
  expect(await seen(world, 1, 2)).toMatchObject({ listening: true, listening_since_ms: since });
  await listener.end();
  await world.until(async () => (await seen(world, 1, 2)).listening === false);
  const row = await seen(world, 1, 2);
  expect(row.not_listening_since_ms).toBeGreaterThan(since);
  const asked = { group_id: world.groupId };
  const shown = (await world.node(1).call(peers, asked)).peers.find(({ hostname }) => hostname === "n2")!;
  expect(shown).toMatchObject({ listening: false, not_listening_since_ms: row.not_listening_since_ms });
  await looking.end();
});

test("a member whose host cannot be reached shows as listening no more, until it can be", async () => {
  await using world = await NoteWorld.of(2);
  let becomes: "absent" | "delivered" = "absent";
  world.listen(2, {}, () => becomes);
  await world.until(async () => (await seen(world, 1, 2)).listening === true);
  await world.say(1, `@${(await seen(world, 1, 2)).node_id} are you there?`);
  await world.until(async () => (await seen(world, 1, 2)).listening === false);
  becomes = "delivered";
  await world.until(async () => (await seen(world, 1, 2)).listening === true);
});

test("one that goes without a word counts for twelve minutes, one that ends says so", async () => {
  await using world = await NoteWorld.of(2);
  world.listen(2);
  await world.until(async () => (await seen(world, 1, 2)).listening === true);
  world.network.cut(world.key(1), world.key(2));
  await world.pass(PRESENCE_MS - 120_000 - 300_000);
  expect((await seen(world, 1, 2)).listening).toBeTrue();
  await world.pass(PRESENCE_MS);
  const gone = await seen(world, 1, 2);
  expect(gone.listening).toBeFalse();
  expect(gone.not_listening_since_ms).toBeLessThan(world.clock.unix() - 300_000);
  world.network.heal(world.key(1), world.key(2));
  await world.until(async () => (await seen(world, 1, 2)).listening === true);
  await world.stop(2);
  await world.until(async () => (await seen(world, 1, 2)).listening === false);
});

test("a member with a wrong clock shows where its own word came; passed on it counts only by a good clock", () => {
  const clock = new ManualClock();
  let isTimeGood = true;
  const book = new PresenceBook(clock, () => isTimeGood);
  const of = identity(2);
  const author = PublicKey.fromBytes(of.publicKey);
  let version = 1n;
  const say = (issuedMs: number, isDirect: boolean) => {
    const body = encodePresence({ state: "listening", sinceMs: issuedMs, issuedMs, host: "" });
    book.put(signNote({ seed: of.seed, kind: "presence", groupId: GROUP, version: version++, body }), isDirect);
    return book.of(author)?.listening;
  };
  const now = clock.unix();
  const day = 86_400_000;
  expect(say(now - day, true)).toBeTrue();
  expect(say(now + day, true)).toBeTrue();
  expect(say(now - day, false)).toBeFalse();
  expect(say(now + day, false)).toBeFalse();
  expect(say(now + 9 * 60_000, false)).toBeTrue();
  expect(say(now - 11 * 60_000, false)).toBeTrue();
  clock.advance(61_000);
  expect(book.of(author)?.listening).toBeFalse();
  // However far ahead it is, twelve minutes of the steady clock are all.
  expect(say(clock.unix() + 9 * 60_000, false)).toBeTrue();
  clock.advance(PRESENCE_MS);
  expect(book.of(author)?.listening).toBeFalse();
  isTimeGood = false;
  expect(say(clock.unix(), false)).toBeUndefined();
  expect(say(clock.unix(), true)).toBeTrue();
  clock.setUnix(clock.unix() + 365 * day);
  expect(book.of(author)?.listening).toBeTrue();
});

test("a node whose own clock is an hour ahead shows as listening to those it is connected to", async () => {
  await using world = await NoteWorld.of(2);
  const { clock } = world;
  const ahead: Clock = {
    unix: () => later(unixMs(clock.unix()), 3_600_000),
    steady: () => clock.steady(),
    after: (ms, work) => clock.after(ms, work),
  };
  await world.stop(2);
  await world.start(2, ahead);
  world.listen(2);
  await world.until(async () => (await seen(world, 1, 2)).listening === true);
});

import { expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { EntmootError } from "../../src/core/errors.ts";
import { realClock } from "../../src/host/real-clock.ts";
import { status, version } from "../../src/node/operations/daemon.ts";
import { inbox } from "../../src/node/operations/inbox.ts";
import { join as joinMoot, link_create, link_list } from "../../src/node/operations/invites.ts";
import { deliveries } from "../../src/node/operations/listen.ts";
import { moot_forget, moot_leave, moots } from "../../src/node/operations/membership.ts";
import { publish, type WatchEvent, watch } from "../../src/node/operations/messages.ts";
import { group_create, members } from "../../src/node/operations/moots.ts";
import { receipts } from "../../src/node/operations/receipts.ts";
import { MemoryDataRoot } from "../../src/store/memory/memory-data-root.ts";
import { SqliteDataRoot } from "../../src/store/sqlite/sqlite-data-root.ts";
import { MemoryNetwork } from "../../src/transport/memory/memory-transport.ts";
import { OPEN_GROUP, startNode, until } from "../support/nodes.ts";
import { NoteWorld } from "../support/note-world.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

test("a moot that is forgotten while others write, watch and wait for it takes nothing else with it", async () => {
  using directory = new TemporaryDirectory();
  const path = join(directory.path, "root");
  await using world = await NoteWorld.of(2, {
    root: (n) => (n === 2 ? SqliteDataRoot.open(path, "write") : new MemoryDataRoot()),
  });
  const node = world.node(2);
  const { groupId: group_id } = world;
  const other = (await node.call(group_create, { ...OPEN_GROUP, name: "other" })).group_id;
  await world.say(1, "@n2 are you there?");
  await world.until(async () => (await node.call(inbox, {})).unread === 1);

  const events: WatchEvent[] = [];
  const ending = new AbortController();
  const ofAll = node.call(watch, {}, { signal: ending.signal, onEvent: (event) => void events.push(event) });
  const ofOne = node.call(watch, { group_id });
  const isOver = ofOne.then(
    () => "ended",
    ({ code }) => code,
  );
  await node.call(version, {});
  await world.passing(node.call(moot_leave, { group_id }));
  // On its way to the node while the moot goes.
  const flood = Array.from({ length: 20 }, (_, n) => world.say(1, `${n}`).catch(() => {}));
  const { kept_at } = await world.passing(node.call(moot_forget, { group_id }));
  await world.passing(Promise.all(flood));
  expect(["group_not_found", "not_member"]).toContain(await world.passing(isOver));
  await world.pass(60_000);

  await expect(node.call(members, { group_id })).rejects.toMatchObject({ code: "group_not_found" });
  expect((await node.call(moots, {})).moots).toMatchObject([{ group_id: other }]);
  expect((await node.call(status, {})).groups).toMatchObject([{ group_id: other }]);
  expect(await world.passing(node.call(inbox, {}))).toMatchObject({ rows: [], unread: 0 });
  await world.passing(node.call(deliveries, {}));
  await world.passing(node.call(receipts, {}));
  expect(existsSync(join(kept_at!, "moot.sqlite"))).toBeTrue();
  ending.abort();
  await ofAll.catch(() => {});
});

test("without a copy nothing is left of it, and what a crash left half deleted goes at the next start", async () => {
  using directory = new TemporaryDirectory();
  const path = join(directory.path, "root");
  const groups = join(path, "groups");
  {
    await using world = await NoteWorld.of(1, { root: () => SqliteDataRoot.open(path, "write") });
    const { kept_at } = await world.node(1).call(moot_forget, { group_id: world.groupId, keep: false });
    expect(kept_at).toBeUndefined();
    expect(readdirSync(groups)).toEqual([]);
  }
  const half = join(groups, ".deleted-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA-00000000");
  await Bun.write(join(half, "moot.sqlite"), "half");
  const aside = join(groups, ".forgotten-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA-00000000");
  await Bun.write(join(aside, "moot.sqlite"), "whole");
  using root = SqliteDataRoot.open(path, "write");
  expect(root.groupIds()).toEqual([]);
  expect(root.notices.filter((notice) => notice.includes("group"))).toEqual([]);
  expect(existsSync(half)).toBeFalse();
  expect(existsSync(aside)).toBeTrue();
});

test("nothing comes in between the archive and the end of a moot, and where that fails all is as it was", async () => {
  const network = new MemoryNetwork(realClock);
  const steps: (() => Promise<string>)[] = [];
  const exportBeforeForget = () => steps.shift()!();
  await using node = await startNode(network, 1, { parts: { exportBeforeForget } });
  const { group_id } = await node.call(group_create, { ...OPEN_GROUP, name: "oaks" });
  const { link } = await node.call(link_create, { group_id });
  const say = () => node.call(publish, { group_id, topics: ["chat"], content: new Uint8Array(1) });
  const archive = join("somewhere", "archive");
  await say();

  const meanwhile = Promise.withResolvers<string>();
  steps.push(() => meanwhile.promise);
  const forgotten = node.call(moot_forget, { group_id });
  forgotten.catch(() => {});
  await until(() => steps.length === 0);
  await expect(say()).rejects.toMatchObject({
    code: "group_not_found",
    message: expect.stringContaining("is being closed here"),
  });
  await expect(node.call(moot_forget, { group_id })).rejects.toMatchObject({ code: "group_not_found" });
  meanwhile.reject(new EntmootError("disk_full", "no room is left"));
  await expect(forgotten).rejects.toMatchObject({ code: "disk_full" });
  await say();
  expect((await node.call(moots, {})).moots).toMatchObject([{ group_id, messages: 2, name: "oaks" }]);
  expect((await node.call(link_list, { group_id })).links).toMatchObject([{ status: "active" }]);

  // Two at once: one of them forgets it.
  steps.push(async () => archive);
  const both = await Promise.allSettled([1, 2].map(() => node.call(moot_forget, { group_id })));
  expect(both.map(({ status: how }) => how).sort()).toEqual(["fulfilled", "rejected"]);
  expect(both).toContainEqual({ status: "fulfilled", value: { group_id, kept_at: archive, links_ended: 1 } });
  expect((await node.call(moots, {})).moots).toEqual([]);
  await using joiner = await startNode(network, 2);
  await expect(joiner.call(joinMoot, { input: link, timeout_ms: 500 })).rejects.toBeInstanceOf(EntmootError);
});

test("a moot cannot be joined while it is being closed here", async () => {
  const network = new MemoryNetwork(realClock);
  const meanwhile = Promise.withResolvers<string>();
  await using founder = await startNode(network, 1);
  await using node = await startNode(network, 2, { parts: { exportBeforeForget: () => meanwhile.promise } });
  const { group_id } = await founder.call(group_create, OPEN_GROUP);
  const { link } = await founder.call(link_create, { group_id });
  await node.call(joinMoot, { input: link });
  const forgotten = node.call(moot_forget, { group_id, force: true });
  await expect(node.call(joinMoot, { input: link })).rejects.toMatchObject({
    code: "conflict",
    message: expect.stringContaining("is being closed here"),
  });
  meanwhile.resolve("archive");
  await forgotten;
  await node.call(joinMoot, { input: link });
  expect((await node.call(moots, {})).moots).toMatchObject([{ group_id, member: true }]);
});

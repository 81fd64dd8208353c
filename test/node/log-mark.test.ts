import { expect, test } from "bun:test";
import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { EntmootError, OtherPlaces } from "../../src/core/errors.ts";
import type { GroupId } from "../../src/core/ids.ts";
import { createLog } from "../../src/host/log.ts";
import type { EntmootNode } from "../../src/node/entmoot-node.ts";
import { markLog, renewRolledBackLog } from "../../src/node/log-mark.ts";
import { consumer_advance, consumer_list } from "../../src/node/operations/consumers.ts";
import { messages } from "../../src/node/operations/messages.ts";
import { groupDirectoryName } from "../../src/store/group-directory.ts";
import { MemoryDataRoot } from "../../src/store/memory/memory-data-root.ts";
import { SqliteDataRoot } from "../../src/store/sqlite/sqlite-data-root.ts";
import { keptMessage } from "../support/kept-message.ts";
import { GROUP, message } from "../support/message.ts";
import { startNode } from "../support/nodes.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";
import { nodeWithMoot, putInto, timesOf } from "./read/held.ts";

/** A data root with a moot, from which a copy is taken as a backup would. */
class BackedUp implements Disposable {
  readonly #directory = new TemporaryDirectory();
  readonly path = join(this.#directory.path, "root");
  readonly #backup = join(this.#directory.path, "backup");

  async found(times: readonly number[]): Promise<GroupId> {
    await using it = await nodeWithMoot({ root: SqliteDataRoot.open(this.path, "write") });
    for (const at of times) await it.put(at);
    return it.group_id;
  }

  open(): Promise<EntmootNode> {
    return startNode(undefined, 1, { root: SqliteDataRoot.open(this.path, "write") });
  }

  backUp(): void {
    cpSync(this.path, this.#backup, { recursive: true });
  }

  /** Puts `part` of the root back as it was. */
  restore(part = ""): void {
    rmSync(join(this.path, part), { recursive: true });
    cpSync(join(this.#backup, part), join(this.path, part), { recursive: true });
  }

  /** Puts the whole root back as it is now, after more has come and been read; gives the places that its reader knew. */
  async readOnAndRestored(groupId: GroupId, times: readonly number[]): Promise<string[]> {
    this.backUp();
    let known: string[];
    {
      await using node = await this.open();
      for (const at of times) await putInto(node, groupId)(at);
      known = await placesIn(node);
    }
    this.restore();
    return known;
  }

  [Symbol.dispose](): void {
    this.#directory[Symbol.dispose]();
  }
}

/** The places of all messages of the only moot, oldest first. */
async function placesIn(node: EntmootNode): Promise<string[]> {
  return (await node.call(messages, { by: "arrival" })).messages.map(({ place }) => place);
}

function after(node: EntmootNode, place: string) {
  return node.call(messages, { by: "arrival", after: place });
}

test("places hold over every clean end, and no log gets another id by it", async () => {
  using root = new BackedUp();
  const group_id = await root.found([1, 2, 3]);
  let known: string[] = [];
  for (const at of [4, 5, 6]) {
    await using node = await root.open();
    const places = await placesIn(node);
    expect(places.slice(0, known.length)).toEqual(known);
    for (const [index, place] of places.entries()) {
      const rest = (await after(node, place)).messages.map((row) => row.place);
      expect(rest).toEqual(places.slice(index + 1));
    }
    known = places;
    await putInto(node, group_id)(at);
  }
});

test("a moot's database that was put back is another log, and says where to go on instead of skipping", async () => {
  using root = new BackedUp();
  const group_id = await root.found([1, 2, 3]);
  root.backUp();
  let known: string[];
  {
    await using node = await root.open();
    for (const at of [4, 5, 6]) await putInto(node, group_id)(at);
    known = await placesIn(node);
    await node.call(consumer_advance, { group_id, consumer: "reader", place: known[1]! });
  }
  root.restore(join("groups", groupDirectoryName(group_id)));
  await using node = await root.open();
  // Other messages get the numbers that readers know.
  for (const at of [7, 8, 9, 10]) await putInto(node, group_id)(at);
  for (const place of known) {
    const lost: EntmootError = await after(node, place).catch((error) => error);
    expect(lost.code).toBe("place_lost");
    expect(lost.message).toContain("another log");
    const [{ all: fromStart, fresh: fromNow }] = lost.places as [OtherPlaces];
    for (const told of [fromStart, fromNow]) expect(lost.message).toContain(told);
    expect(timesOf((await after(node, fromStart)).messages)).toEqual([1, 2, 3, 7, 8, 9, 10]);
    expect((await after(node, fromNow)).messages).toEqual([]);
  }
  const places = await placesIn(node);
  expect(places.some((place) => known.includes(place))).toBeFalse();
  expect(timesOf((await after(node, places[2]!)).messages)).toEqual([7, 8, 9, 10]);
  // What a consumer was done with went back with the database that keeps it.
  expect((await node.call(consumer_list, { group_id })).consumers).toEqual([]);
});

test("a database that was put back is one new log, not another at every start", async () => {
  using root = new BackedUp();
  const group_id = await root.found([1, 2, 3]);
  root.backUp();
  {
    await using node = await root.open();
    await putInto(node, group_id)(4);
  }
  root.restore(join("groups", groupDirectoryName(group_id)));
  const ids = new Set<string>();
  for (let times = 0; times < 3; times++) {
    await using node = await root.open();
    for (const place of await placesIn(node)) ids.add(place);
  }
  expect(ids.size).toBe(3);
});

test("in a whole root that was put back a place past the end, or at another message, is lost; those before are not", async () => {
  using root = new BackedUp();
  const group_id = await root.found([1, 2, 3]);
  const known = await root.readOnAndRestored(group_id, [4, 5]);
  await using node = await root.open();
  await expect(after(node, known[3]!)).rejects.toMatchObject({
    code: "place_lost",
    message: expect.stringContaining("ends at message 3 here, before message 4"),
  });
  for (const at of [6, 7, 8]) await putInto(node, group_id)(at);
  for (const lost of [3, 4]) {
    await expect(after(node, known[lost]!)).rejects.toMatchObject({
      code: "place_lost",
      message: expect.stringContaining(`the messages up to ${lost + 1} are others here`),
    });
  }
  expect(timesOf((await after(node, known[2]!)).messages)).toEqual([6, 7, 8]);
});

test("a place at a message that has its number again is lost where another came before it", async () => {
  using root = new BackedUp();
  const group_id = await root.found([1, 2, 3]);
  const known = await root.readOnAndRestored(group_id, [4, 5, 6]);
  await using node = await root.open();
  // 7 stands where 4 stood, so that who had read up to 5 has never seen it.
  for (const at of [7, 5, 4, 6]) await putInto(node, group_id)(at);
  for (const lost of [3, 4, 5]) await expect(after(node, known[lost]!)).rejects.toMatchObject({ code: "place_lost" });
  expect(timesOf((await after(node, known[2]!)).messages)).toEqual([7, 5, 4, 6]);
});

test("a place after the same messages holds, in whatever order they came back", async () => {
  using root = new BackedUp();
  const group_id = await root.found([1, 2, 3]);
  const known = await root.readOnAndRestored(group_id, [4, 5, 6]);
  await using node = await root.open();
  for (const at of [5, 6, 4, 7]) await putInto(node, group_id)(at);
  expect(timesOf((await after(node, known[5]!)).messages)).toEqual([7]);
});

test("a log is the one that was marked whatever has arrived or been pruned since, and no other", () => {
  using root = new MemoryDataRoot();
  const store = root.createGroup(GROUP);
  const log = { ...createLog("error"), warn: () => {} } as never;
  const at = (timestamp: bigint) => keptMessage(message({ timestamp }));
  const isRenewed = () => {
    const before = store.messages.logId();
    renewRolledBackLog({ root, store, log });
    return store.messages.logId() !== before;
  };
  expect(isRenewed()).toBeFalse();
  markLog(root, store);
  expect(isRenewed()).toBeFalse();
  store.messages.putMany([at(1n), at(2n)]);
  markLog(root, store);
  store.messages.putMany([at(3n)]);
  expect(isRenewed()).toBeFalse();
  store.messages.pruneBefore(10n);
  expect(isRenewed()).toBeFalse();
  markLog(root, store);
  const { idAt, lastSeq } = store.messages;
  store.messages.idAt = () => at(9n).id;
  expect(isRenewed()).toBeTrue();
  expect(isRenewed()).toBeFalse();
  markLog(root, store);
  Object.assign(store.messages, { idAt, lastSeq: () => 2 });
  expect(isRenewed()).toBeTrue();
  store.messages.lastSeq = lastSeq;
});

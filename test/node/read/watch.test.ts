import { describe, expect, test } from "bun:test";
import { steadyMs } from "../../../src/core/clock.ts";
import { EntmootError } from "../../../src/core/errors.ts";
import { type GroupId, PublicKey } from "../../../src/core/ids.ts";
import { realClock } from "../../../src/host/real-clock.ts";
import { ChangeSignal } from "../../../src/node/change-signal.ts";
import type { EntmootNode } from "../../../src/node/entmoot-node.ts";
import { GroupRoster } from "../../../src/node/group/group-roster.ts";
import { consumer_advance } from "../../../src/node/operations/consumers.ts";
import { eventsOf } from "../../../src/node/operations/events.ts";
import { type WatchedMessage, watch } from "../../../src/node/operations/messages.ts";
import { roster_change } from "../../../src/node/operations/moots.ts";
import type { RequestOf } from "../../../src/node/operations/operation.ts";
import { watchLogs } from "../../../src/node/read/watch.ts";
import { Turns } from "../../../src/node/turns.ts";
import { MemoryGroupStore } from "../../../src/store/memory/memory-group-store.ts";
import { identity } from "../../support/identity.ts";
import { keptMessage } from "../../support/kept-message.ts";
import { GROUP, message } from "../../support/message.ts";
import { until } from "../../support/nodes.ts";
import { newMoot, nodeWithMoot, timesOf, watched } from "./held.ts";

test("a long log of which nothing matches leaves everybody else their turn", async () => {
  const store = new MemoryGroupStore(GROUP);
  const { messages } = store;
  messages.putMany(Array.from({ length: 1024 }, (_, i) => keptMessage(message({ timestamp: BigInt(i) }))));
  const ended = new AbortController();
  let turns = 0;
  // Every piece of work takes long.
  let ms = 0;
  const count = () => {
    turns += 1;
    if (!ended.signal.aborted) setImmediate(count);
  };
  setImmediate(count);
  const read = messages.arrivedAfter.bind(messages);
  const turnsAtPage: number[] = [];
  messages.arrivedAfter = (after, limit) => {
    turnsAtPage.push(turns);
    if (after >= 1024) ended.abort();
    return read(after, limit);
  };
  const moot = { id: GROUP, store, roster: new GroupRoster(store.roster) };
  const watched = {
    moots: () => [moot],
    moot: () => moot,
    clock: realClock,
    changed: new ChangeSignal(),
    turns: new Turns({ ...realClock, steady: () => steadyMs(ms++ * 1_000) }),
    unopened: () => new Map(),
    local: PublicKey.fromBytes(identity(1).publicKey),
    onPeerEvent: () => () => {},
    onNoteEvent: () => () => {},
  };
  const emit = () => Promise.reject(new EntmootError("internal", "nothing was to match"));
  const call = { caller: "owner", signal: ended.signal, emit, afterAnswer: () => {} } as const;
  await watchLogs(watched, { group_id: GROUP, topic: "nothing", after: [] }, call);
  expect(new Set(turnsAtPage).size).toBe(turnsAtPage.length);
  expect(turnsAtPage.length).toBeGreaterThan(4);
});

describe("a watch", () => {
  test("tells what arrives from now on where nothing else is asked, in the order of arrival", async () => {
    await using it = await nodeWithMoot();
    await it.put(1);
    const events = eventsOf(it.node, watch, { topic: "#" });
    const first = events.next();
    for (const at of [9, 3, 6]) await it.put(at);
    const rows = [(await first).value!, (await events.next()).value!, (await events.next()).value!];
    expect(rows.map((event) => (event as WatchedMessage).seq)).toEqual([2, 3, 4]);
    expect(timesOf(rows as WatchedMessage[])).toEqual([9, 3, 6]);
    await events.return(undefined);
  });

  test("goes on after any place, and a message's own place is where it ends", async () => {
    await using it = await nodeWithMoot();
    for (const at of [5, 4, 3, 2, 1]) await it.put(at);
    const all = await watched(it.node, { after: [] }, 5);
    expect(timesOf(all)).toEqual([5, 4, 3, 2, 1]);
    for (const [index, { place, seq }] of all.entries()) {
      const rest = all.slice(index + 1);
      expect(await watched(it.node, { after: [place] }, rest.length)).toEqual(rest);
      expect(await watched(it.node, { group_id: it.group_id, after: [`${seq}`] }, rest.length)).toEqual(rest);
    }
  });

  test("after places of some moots shows the others, and those joined later, from their first message", async () => {
    await using it = await nodeWithMoot();
    const second = await newMoot(it.node);
    for (const moot of [it, second]) await moot.put(1);
    await it.put(2);
    const [first] = await watched(it.node, { group_id: it.group_id, after: [] }, 1);
    const events = eventsOf(it.node, watch, { topic: "#", after: [first!.place] });
    const next = async () => {
      const { group_id, message: said } = (await events.next()).value as WatchedMessage;
      return `${group_id} ${said.timestamp}`;
    };
    const held = [await next(), await next()];
    expect(held.toSorted()).toEqual([`${it.group_id} 2`, `${second.group_id} 1`].toSorted());
    const asked = next();
    const third = await newMoot(it.node);
    await third.put(7);
    expect(await asked).toBe(`${third.group_id} 7`);
    await events.return(undefined);
  });

  test("from now on shows a moot joined later from its first message too", async () => {
    await using it = await nodeWithMoot();
    await it.put(1);
    const seen = watched(it.node, {}, 1);
    const later = await newMoot(it.node);
    await later.put(5);
    expect((await seen).map(({ group_id, seq }) => [group_id, seq])).toEqual([[later.group_id, 1]]);
  });

  test("of one moot tells nothing of another, and of one topic nothing else", async () => {
    await using it = await nodeWithMoot();
    const other = await newMoot(it.node);
    await other.put(1);
    await it.put(2, { topics: ["other"] });
    await it.put(3, { topics: [] });
    await it.put(4, { topics: ["chat/a"] });
    const { group_id } = it;
    expect(timesOf(await watched(it.node, { group_id, after: [], topic: "chat/#" }, 1))).toEqual([4]);
    expect(timesOf(await watched(it.node, { group_id, after: [] }, 3))).toEqual([2, 3, 4]);
  });

  test("from a consumer goes on where that one acknowledged, and from the first message where it never did", async () => {
    await using it = await nodeWithMoot();
    const other = await newMoot(it.node);
    for (const moot of [it, other]) for (const at of [1, 2]) await moot.put(at);
    const [first] = await watched(it.node, { group_id: it.group_id, after: [] }, 1);
    const acknowledged = { group_id: it.group_id, consumer: "reader", place: first!.place };
    await it.node.call(consumer_advance, acknowledged);
    const rows = await watched(it.node, { consumer: "reader" }, 3);
    expect(rows.map(({ group_id, seq }) => `${group_id} ${seq}`).toSorted()).toEqual(
      [`${it.group_id} 2`, `${other.group_id} 1`, `${other.group_id} 2`].toSorted(),
    );
    // A place counts more than what the consumer is done with.
    const [again] = await watched(it.node, { consumer: "reader", group_id: it.group_id, after: ["0"] }, 1);
    expect(again!.seq).toBe(1);
  });

  test("waits for a slow reader with the next message, and misses none meanwhile", async () => {
    await using it = await nodeWithMoot();
    const seen: number[] = [];
    const hold = Promise.withResolvers<void>();
    const ended = new AbortController();
    let underWay = 0;
    const watching = it.node.call(
      watch,
      { topic: "#", after: [] },
      {
        signal: ended.signal,
        async onEvent(event) {
          underWay += 1;
          expect(underWay).toBe(1);
          await hold.promise;
          underWay -= 1;
          if (event.kind === "message") seen.push(event.seq);
          if (seen.length === 600) ended.abort();
        },
      },
    );
    for (let at = 1; at <= 600; at++) await it.put(at);
    await until(() => underWay === 1);
    expect(seen).toEqual([]);
    hold.resolve();
    await watching;
    expect(seen).toEqual(Array.from({ length: 600 }, (_, at) => at + 1));
  });

  test("tells of members too when asked, of the moot that is watched", async () => {
    await using it = await nodeWithMoot();
    const other = await newMoot(it.node);
    const key = PublicKey.fromBytes(identity(5).publicKey);
    const events = eventsOf(it.node, watch, { topic: "#", group_id: it.group_id, peers: true });
    const first = events.next();
    for (const op of ["add", "remove"] as const) {
      for (const { group_id } of [other, it]) await it.node.call(roster_change, { group_id, op, entmoot_pubkey: key });
    }
    for (const event of ["joined", "left"] as const) {
      const told = event === "joined" ? await first : await events.next();
      expect(told.value!).toMatchObject({ kind: "peer", event, group_id: it.group_id, route: "none" });
    }
    await events.return(undefined);
  });

  test("tells who asks for members that this node itself is in a moot now", async () => {
    await using it = await nodeWithMoot();
    const events = eventsOf(it.node, watch, { topic: "#", peers: true });
    const first = events.next();
    const { group_id } = await newMoot(it.node);
    expect((await first).value!).toMatchObject({ kind: "peer", event: "joined", self: true, group_id });
    await events.return(undefined);
  });

  test("is refused a place that is none, of a moot that is not here, of another moot than asked, or twice", async () => {
    await using it = await nodeWithMoot();
    await using elsewhere = await nodeWithMoot();
    const other = await newMoot(it.node);
    for (const moot of [it, other, elsewhere]) await moot.put(1);
    const placeIn = async (moot: { readonly group_id: GroupId }, node: EntmootNode) =>
      (await watched(node, { group_id: moot.group_id, after: [] }, 1))[0]!.place;
    const [here, there, away] = [
      await placeIn(it, it.node),
      await placeIn(other, it.node),
      await placeIn(elsewhere, elsewhere.node),
    ];
    const { group_id } = it;
    const bad: [Partial<RequestOf<typeof watch>>, string, string][] = [
      [{ after: ["here"] }, "invalid_argument", "place"],
      [{ after: ["3"] }, "invalid_argument", "name the group"],
      [{ after: [away] }, "group_not_found", "not joined"],
      [{ group_id, after: [there] }, "invalid_argument", "found one of another"],
      [{ after: [here, there, here] }, "invalid_argument", "two for group"],
      [{ group_id, after: ["2"] }, "place_lost", "ends at message 1"],
      [{ group_id: elsewhere.group_id }, "group_not_found", "not joined"],
      [{ topic: "a//b" }, "invalid_argument", "topic"],
      [{ consumer: "" }, "invalid_argument", "consumer"],
    ];
    for (const [change, code, words] of bad) {
      await expect(it.node.call(watch, { topic: "#", ...change })).rejects.toMatchObject({
        code,
        message: expect.stringContaining(words),
      });
    }
  });

  test("ends with the node, and by its reader's failure with that", async () => {
    await using it = await nodeWithMoot();
    await it.put(1);
    const onEvent = () => {
      throw new Error("the reader broke");
    };
    await expect(it.node.call(watch, { topic: "#", after: [] }, { onEvent })).rejects.toThrow("the reader broke");
    const watching = it.node.call(watch, { topic: "#" });
    await it.node.close();
    await watching;
  });
});

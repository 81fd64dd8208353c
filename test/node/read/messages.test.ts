import { describe, expect, test } from "bun:test";
import { encodeUtf8 } from "../../../src/core/bytes/utf8.ts";
import { steadyMs } from "../../../src/core/clock.ts";
import { MessageId } from "../../../src/core/ids.ts";
import { message, messages, publish } from "../../../src/node/operations/messages.ts";
import type { RequestOf } from "../../../src/node/operations/operation.ts";
import { MemoryDataRoot } from "../../../src/store/memory/memory-data-root.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { startNode, until } from "../../support/nodes.ts";
import { AUTHORS, newMoot, nodeWithMoot, pagesOf, timesOf } from "./held.ts";

/** As they arrive: not in the order in which they were written. */
const ARRIVED = [50, 10, 40, 20, 30];

describe("messages by time", () => {
  test("come newest first or oldest first, a page at a time, each once", async () => {
    await using it = await nodeWithMoot();
    for (const at of ARRIVED) await it.put(at);
    const asked = { group_id: it.group_id, limit: 2 };
    expect((await pagesOf(it.node, asked)).map(timesOf)).toEqual([[50, 40], [30, 20], [10]]);
    expect((await pagesOf(it.node, { ...asked, order: "asc" })).map(timesOf)).toEqual([[10, 20], [30, 40], [50]]);
    expect((await pagesOf(it.node, { ...asked, limit: 5 })).map(timesOf)).toEqual([[50, 40, 30, 20, 10]]);
  });

  test("say what is in them and that nothing follows the last page", async () => {
    await using it = await nodeWithMoot();
    for (const at of ARRIVED) await it.put(at);
    const page = await it.node.call(messages, { limit: 5 });
    expect(page).toMatchObject({ more: false, next: undefined, place: undefined });
    expect(page.messages.map(({ seq }) => seq)).toEqual([1, 3, 5, 4, 2]);
    expect(page.messages.every(({ group_id }) => group_id === it.group_id)).toBeTrue();
    const [first] = (await it.node.call(messages, { limit: 4 })).messages;
    expect(first!).toEqual(page.messages[0]!);
  });

  test("arriving between two pages move nothing that is still to come", async () => {
    await using it = await nodeWithMoot();
    for (const at of ARRIVED) await it.put(at);
    const first = await it.node.call(messages, { limit: 2 });
    for (const at of [60, 45, 5]) await it.put(at);
    const second = await it.node.call(messages, { limit: 9, page: first.next });
    expect([first, second].map(({ messages: rows }) => timesOf(rows))).toEqual([
      [50, 40],
      [30, 20, 10, 5],
    ]);
  });

  test("end a page before it is too large for anybody", async () => {
    await using it = await nodeWithMoot();
    for (const at of ARRIVED) await it.put(at, { text: "x".repeat(600_000) });
    for (const by of ["time", "arrival"] as const) {
      const pages = await pagesOf(it.node, { by, limit: 100 });
      expect(pages.map((rows) => rows.length)).toEqual([2, 2, 1]);
    }
  });
});

describe("a page token", () => {
  async function paged() {
    const it = await nodeWithMoot();
    for (const at of ARRIVED) await it.put(at);
    const asked = { group_id: it.group_id, order: "asc", topic: "chat", author: AUTHORS[0].nodeId } as const;
    const question = { ...asked, since: 10n, until: 50n, limit: 1 };
    const { next } = await it.node.call(messages, question);
    return { ...it, question, next: next! };
  }

  test("goes on in its own question, with another limit too", async () => {
    await using it = await paged();
    const page = await it.node.call(messages, { ...it.question, page: it.next, limit: 9 });
    expect(timesOf(page.messages)).toEqual([20, 30, 40]);
  });

  test("is refused in any other question", async () => {
    await using it = await paged();
    const other = await newMoot(it.node);
    const changes: Partial<RequestOf<typeof messages>>[] = [
      { group_id: other.group_id },
      { order: "desc" },
      { topic: "chat/#" },
      { topic: undefined },
      { author: AUTHORS[1].nodeId },
      { author: undefined },
      { since: 11n },
      { since: undefined },
      { until: 49n },
      { until: undefined },
    ];
    for (const change of changes) {
      const asked = it.node.call(messages, { ...it.question, ...change, page: it.next });
      await expect(asked).rejects.toMatchObject({ code: "invalid_argument", message: expect.stringContaining("page") });
    }
  });

  test("is refused with any character another, cut, or made longer", async () => {
    await using it = await paged();
    const { next } = it;
    const bad = ["", "x", `${next}A`, next.slice(1), next.slice(0, -1), "é".repeat(next.length)];
    for (let at = 0; at < next.length; at++) {
      bad.push(next.slice(0, at) + (next[at] === "A" ? "B" : "A") + next.slice(at + 1));
    }
    for (const page of bad) {
      const asked = it.node.call(messages, { ...it.question, page });
      await expect(asked).rejects.toMatchObject({ code: "invalid_argument", message: expect.stringContaining("page") });
    }
  });
});

describe("messages by arrival", () => {
  test("come in the order of their numbers, and the place at the end finds what comes later", async () => {
    await using it = await nodeWithMoot();
    for (const at of ARRIVED) await it.put(at);
    expect((await pagesOf(it.node, { by: "arrival", limit: 2 })).map(timesOf)).toEqual([[50, 10], [40, 20], [30]]);
    const all = await it.node.call(messages, { by: "arrival" });
    expect(all.messages.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5]);
    expect(all).toMatchObject({ more: false, next: undefined, place: all.messages.at(-1)!.place });
    const none = await it.node.call(messages, { by: "arrival", after: all.place });
    expect(none).toMatchObject({ messages: [], more: false, place: all.place });
    await it.put(1);
    const later = await it.node.call(messages, { by: "arrival", after: none.place });
    expect(timesOf(later.messages)).toEqual([1]);
  });

  test("go on after any message, named by its place alone or by its number and its moot", async () => {
    await using it = await nodeWithMoot();
    const { node, group_id } = it;
    for (const at of ARRIVED) await it.put(at);
    const other = await newMoot(node);
    await other.put(7);
    const { messages: rows } = await node.call(messages, { group_id, by: "arrival" });
    for (const [index, { place, seq }] of rows.entries()) {
      const rest = ARRIVED.slice(index + 1);
      expect(timesOf((await node.call(messages, { by: "arrival", after: place })).messages)).toEqual(rest);
      const byNumber = await node.call(messages, { group_id, by: "arrival", after: String(seq) });
      expect(timesOf(byNumber.messages)).toEqual(rest);
    }
    const fromStart = await node.call(messages, { group_id, by: "arrival", after: "0" });
    expect(fromStart.messages).toEqual(rows);
    await expect(node.call(messages, { by: "arrival", after: "1" })).rejects.toMatchObject({
      code: "invalid_argument",
    });
  });

  test("go on after one that was pruned since", async () => {
    const root = new MemoryDataRoot();
    await using it = await nodeWithMoot({ root });
    for (const at of ARRIVED) await it.put(at);
    const { messages: rows } = await it.node.call(messages, { by: "arrival" });
    root.openGroup(it.group_id)!.messages.pruneBefore(35n);
    const rest = async (index: number) =>
      timesOf((await it.node.call(messages, { by: "arrival", after: rows[index]!.place })).messages);
    expect([await rest(0), await rest(1), await rest(3), await rest(4)]).toEqual([[40], [40], [], []]);
  });

  test("of a moot that has none give the place from which its first is found", async () => {
    await using it = await nodeWithMoot();
    const { messages: none, place } = await it.node.call(messages, { by: "arrival" });
    expect(none).toEqual([]);
    await it.put(1);
    expect(timesOf((await it.node.call(messages, { by: "arrival", after: place })).messages)).toEqual([1]);
  });

  test("are waited for, until the first that matches", async () => {
    await using it = await nodeWithMoot();
    await it.put(1);
    const { place: after } = await it.node.call(messages, { by: "arrival" });
    const waiting = it.node.call(messages, { by: "arrival", after, topic: "wanted", wait_ms: 60_000 });
    await it.put(2, { topics: ["other"] });
    await it.put(3, { topics: ["wanted"] });
    const { messages: found, place } = await waiting;
    expect(timesOf(found)).toEqual([3]);
    expect(place!).toBe(found[0]!.place);
  });

  test("that do not come in time leave an empty page, which has been looked through", async () => {
    const clock = new ManualClock();
    await using it = await nodeWithMoot({ clock });
    const { place: after } = await it.node.call(messages, { by: "arrival" });
    const before = clock.waiting;
    const waiting = it.node.call(messages, { by: "arrival", after, topic: "wanted", wait_ms: 5_000 });
    await it.put(1, { topics: ["other"] });
    await until(() => clock.waiting > before);
    clock.advance(5_000);
    const { messages: none, more, place } = await waiting;
    expect({ none, more }).toEqual({ none: [], more: false });
    await it.put(2, { topics: ["wanted"] });
    expect(timesOf((await it.node.call(messages, { by: "arrival", after: place })).messages)).toEqual([2]);
    expect(place).not.toBe(after!);
  });

  test("are not waited for any more by who gave up, nor by a node that ends", async () => {
    // Its clock stands, so that no wait ends for want of time.
    const clock = new ManualClock();
    await using it = await nodeWithMoot({ clock });
    const idle = clock.waiting;
    const left = new AbortController();
    const asked = { by: "arrival", wait_ms: 60_000 } as const;
    const givenUp = it.node.call(messages, asked, { signal: left.signal });
    const ending = it.node.call(messages, asked);
    await until(() => clock.waiting === idle + 2);
    left.abort();
    await givenUp.catch(() => {});
    expect(clock.waiting).toBe(idle + 1);
    await it.node.close();
    await ending.catch(() => {});
    expect(clock.steady()).toBe(steadyMs(0));
  });

  test("are looked for far behind what does not match, a bounded number at a time", async () => {
    await using it = await nodeWithMoot();
    const { node, group_id } = it;
    const some = (topics: string[], count: number) =>
      Promise.all(
        Array.from({ length: count }, (_, at) =>
          node.call(publish, { group_id, topics, content: encodeUtf8(`${at}`) }),
        ),
      );
    await some(["other"], 4_200);
    await some(["wanted"], 1);
    const first = await node.call(messages, { by: "arrival", topic: "wanted" });
    expect({ found: first.messages.length, more: first.more }).toEqual({ found: 0, more: true });
    const second = await node.call(messages, { by: "arrival", topic: "wanted", after: first.place });
    expect({ found: second.messages.length, more: second.more }).toEqual({ found: 1, more: false });
    const waited = await node.call(messages, { by: "arrival", topic: "wanted", wait_ms: 60_000 });
    expect(waited.messages).toEqual(second.messages);
  });
});

describe("messages", () => {
  test("are found by topic, author and time alike, by time and by arrival", async () => {
    await using it = await nodeWithMoot();
    await it.put(50, { topics: ["chat/a"] });
    await it.put(10, { topics: ["chat"], by: 1 });
    await it.put(40, { topics: ["other", "chat/b"], by: 1 });
    await it.put(20, { topics: ["other"] });
    await it.put(30, { topics: [] });
    await it.put(60, { topics: ["_entmoot/x"] });
    const cases: [Partial<RequestOf<typeof messages>>, number[]][] = [
      [{}, [10, 20, 30, 40, 50]],
      [{ topic: "chat/#" }, [10, 40, 50]],
      [{ topic: "chat/+" }, [40, 50]],
      [{ topic: "#" }, [10, 20, 30, 40, 50]],
      [{ author: AUTHORS[1].nodeId }, [10, 40]],
      [{ since: 20n, until: 40n }, [20, 30]],
      [{ since: 20n, topic: "other", author: AUTHORS[0].nodeId }, [20]],
      [{ until: 10n }, []],
      [{ topic: "_entmoot/+" }, [60]],
      [{ since: 45n, reserved: true }, [50, 60]],
    ];
    for (const [filter, times] of cases) {
      for (const by of ["time", "arrival"] as const) {
        const pages = await pagesOf(it.node, { ...filter, by, limit: 2 });
        expect(timesOf(pages.flat()).toSorted((a, b) => a - b)).toEqual(times);
      }
    }
  });

  test("are refused where the question makes no sense, in its own words", async () => {
    await using it = await nodeWithMoot();
    const { place } = await it.node.call(messages, { by: "arrival" });
    const bad: [RequestOf<typeof messages>, string][] = [
      [{ limit: 0 }, "limit"],
      [{ limit: 1_001 }, "limit"],
      [{ topic: "a//b" }, "topic"],
      [{ after: place }, "after: not used with by time"],
      [{ wait_ms: 1 }, "wait_ms: not used with by time"],
      [{ by: "arrival", page: "x" }, "page: not used with by arrival"],
      [{ by: "arrival", order: "desc" }, "order"],
      [{ by: "arrival", after: "nowhere" }, "place"],
    ];
    for (const [asked, words] of bad) {
      await expect(it.node.call(messages, asked)).rejects.toMatchObject({
        code: "invalid_argument",
        message: expect.stringContaining(words),
      });
    }
    await expect(it.node.call(messages, { by: "arrival", after: "7", group_id: it.group_id })).rejects.toMatchObject({
      code: "place_lost",
    });
  });

  test("are those of the only moot when none is named, and of none when there are several", async () => {
    await using node = await startNode(undefined, 1);
    await expect(node.call(messages, {})).rejects.toMatchObject({
      code: "group_not_found",
      message: expect.stringContaining("no joined groups"),
    });
    const moot = await newMoot(node);
    await moot.put(1);
    expect(timesOf((await node.call(messages, {})).messages)).toEqual([1]);
    await newMoot(node);
    await expect(node.call(messages, {})).rejects.toThrow("2 groups joined");
  });
});

test("one message is found by its id, as it stands in a page; one that is not held is not found", async () => {
  await using it = await nodeWithMoot();
  await it.put(1);
  await it.put(2);
  const { messages: rows } = await it.node.call(messages, {});
  for (const row of rows) expect(await it.node.call(message, { message_id: row.message.id })).toEqual(row);
  const absent = it.node.call(message, { message_id: MessageId.fromBytes(new Uint8Array(32).fill(9)) });
  await expect(absent).rejects.toMatchObject({ code: "not_found" });
});

import { expect, test } from "bun:test";
import { messages } from "../../../src/node/operations/messages.ts";
import { topics } from "../../../src/node/operations/moots.ts";
import type { RequestOf } from "../../../src/node/operations/operation.ts";
import { backlogOf, type HeldMoot, nodeWithMoot, pagesOf, timesOf, watched } from "./held.ts";

/** What members publish although no pattern covers it, by the time that tells it apart, and what is reserved. */
const ODD = [["c++"], ["issues/#42"], ["/chat"], ["chat/"], ["a//b"], ["1E+02"], []];
const RESERVED = [["_entmoot/policy/v1"], ["_entmoot"]];
const ODD_TIMES = [1, 2, 3, 4, 5, 6, 7];
const RESERVED_TIMES = [8, 9];

type Node = Awaited<ReturnType<typeof nodeWithMoot>>["node"];
type Asked = Pick<RequestOf<typeof messages>, "topic" | "reserved">;

/** Every way to read, each giving what it showed of so many that there should be. */
const WAYS: { readonly [name: string]: (node: Node, asked: Asked, count: number) => Promise<number[]> } = {
  "messages by time": async (node, asked) => timesOf((await pagesOf(node, { ...asked, limit: 2 })).flat()),
  "messages by arrival": async (node, asked) =>
    timesOf((await pagesOf(node, { ...asked, by: "arrival", limit: 2 })).flat()),
  "the whole backlog": async (node, asked) => timesOf((await backlogOf(node, { ...asked, last: "all" })).rows),
  "the latest of the backlog": async (node, asked) => timesOf((await backlogOf(node, { ...asked, last: 99 })).rows),
  "the backlog after a place": async (node, asked) => {
    const group_id = (await node.call(messages, { limit: 1, reserved: true })).messages[0]!.group_id;
    return timesOf((await backlogOf(node, { ...asked, group_id, last: 0, after: ["0"] })).rows);
  },
  "a watch": async (node, asked, count) => timesOf(await watched(node, { ...asked, after: [] }, count)),
  "a watch of a consumer": async (node, asked, count) =>
    timesOf(await watched(node, { ...asked, consumer: "reader" }, count)),
};

async function withOddTopics(): Promise<HeldMoot & AsyncDisposable & { readonly node: Node }> {
  const it = await nodeWithMoot();
  for (const [at, names] of [...ODD, ...RESERVED].entries()) await it.put(at + 1, { topics: names });
  return it;
}

test.each(Object.keys(WAYS))("%s shows what no pattern covers, and what is reserved only when named", async (way) => {
  await using it = await withOddTopics();
  const shown = async (asked: Asked, expected: readonly number[]) => {
    const found = await WAYS[way]!(it.node, asked, expected.length);
    expect(found.toSorted((a, b) => a - b)).toEqual([...expected]);
  };
  await shown({}, ODD_TIMES);
  await shown({ topic: "#" }, ODD_TIMES);
  await shown({ topic: "_entmoot/#" }, RESERVED_TIMES);
  await shown({ topic: "+/#", reserved: true }, RESERVED_TIMES);
  await shown({ reserved: true }, [...ODD_TIMES, ...RESERVED_TIMES]);
});

test("the topics of a moot are listed whether a pattern covers them or not, reserved ones when asked for", async () => {
  await using it = await withOddTopics();
  const listed = async (asked: { readonly reserved?: boolean }) => {
    const answer = await it.node.call(topics, { group_id: it.group_id, ...asked });
    return answer.topics.map(({ topic }) => topic).toSorted();
  };
  expect(await listed({})).toEqual(ODD.flat().toSorted());
  expect(await listed({ reserved: true })).toEqual([...ODD, ...RESERVED].flat().toSorted());
});

test("what is hidden makes no page seem to go on, and hides nothing behind it", async () => {
  await using it = await nodeWithMoot();
  await it.put(1);
  for (let at = 2; at < 9; at++) await it.put(at, { topics: ["_entmoot/x"] });
  for (const by of ["time", "arrival"] as const) {
    const request = { by, limit: 1, ...(by === "time" ? { order: "asc" as const } : {}) };
    const page = await it.node.call(messages, request);
    expect(timesOf(page.messages)).toEqual([1]);
    expect(by === "arrival" || page.more === false).toBe(true);
  }
  await it.put(9);
  expect(timesOf((await pagesOf(it.node, { order: "asc", limit: 1 })).flat())).toEqual([1, 9]);
  expect(timesOf((await backlogOf(it.node, { last: 2 })).rows)).toEqual([1, 9]);
});

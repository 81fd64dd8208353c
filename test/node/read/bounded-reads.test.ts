import { describe, expect, test } from "bun:test";
import { type Clock, steadyMs } from "../../../src/core/clock.ts";
import { realClock } from "../../../src/host/real-clock.ts";
import { messages } from "../../../src/node/operations/messages.ts";
import type { AnswerOf, RequestOf } from "../../../src/node/operations/operation.ts";
import { SqliteDataRoot } from "../../../src/store/sqlite/sqlite-data-root.ts";
import { identity } from "../../support/identity.ts";
import { keptMessage } from "../../support/kept-message.ts";
import { message } from "../../support/message.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";
import { AUTHORS, backlogOf, newMoot, nodeWithMoot, watched } from "./held.ts";

const KIB = 1024;
const PIECE_BYTES = 256 * KIB;

/** On it any work uses up its turn, so that each piece of work has a round of the event loop of its own. */
function tiringClock(): Clock {
  let now = 0;
  const steady = () => {
    now += 5;
    return steadyMs(now);
  };
  return { ...realClock, steady };
}

/** A node on a disk with so many messages of so many bytes, all of one topic and author and none that anybody asks for. */
async function nodeHolding(count: number, bytes: number, topicOf = (_: number) => "other") {
  const directory = new TemporaryDirectory();
  const it = await nodeWithMoot({ root: SqliteDataRoot.open(directory.path, "write"), clock: tiringClock() });
  using root = SqliteDataRoot.open(directory.path, "write");
  const store = root.openGroup(it.group_id)!;
  const content = new Uint8Array(bytes);
  const fields = (at: number) => ({ timestamp: BigInt(at), topics: [topicOf(at)] });
  const said = Array.from({ length: count }, (_, at) =>
    message({ group_id: it.group_id, by: AUTHORS[0], content, ...fields(at) }),
  );
  store.messages.putMany(said.map(keptMessage));
  store[Symbol.dispose]();
  const close = async () => {
    await it.node.close();
    directory[Symbol.dispose]();
  };
  return { ...it, [Symbol.asyncDispose]: close };
}

/** What was answered, and how often the event loop went round meanwhile. */
async function rounds<T>(work: Promise<T>): Promise<{ readonly answer: T; readonly rounds: number }> {
  let count = 0;
  let done = false;
  const round = () => {
    count += 1;
    if (!done) setImmediate(round);
  };
  setImmediate(round);
  const answer = await work;
  done = true;
  return { answer, rounds: count };
}

describe("large messages that nobody asked for are looked through a piece at a time, others having their turn", () => {
  const COUNT = 12;
  const BYTES = 600 * KIB;
  /** A message of this size is a piece of its own; the first needs no turn. */
  const PIECES = COUNT - 1;

  test("in messages, by arrival and by time, waited for or not", async () => {
    await using it = await nodeHolding(COUNT, BYTES, (at) => `many/${at}`);
    const questions: RequestOf<typeof messages>[] = [
      { by: "arrival", topic: "wanted" },
      { by: "arrival", author: AUTHORS[1].nodeId },
      { by: "time", author: AUTHORS[0].nodeId, topic: "many/#" },
    ];
    for (const question of questions) {
      const asked = await rounds(it.node.call(messages, { ...question, limit: 1000 }));
      expect(asked.rounds).toBeGreaterThanOrEqual(question.by === "time" ? 2 : PIECES);
    }
  });

  test("in a backlog", async () => {
    await using it = await nodeHolding(COUNT, BYTES);
    const all = await rounds(backlogOf(it.node, { topic: "wanted", last: "all" }));
    expect(all.answer.rows).toEqual([]);
    expect(all.rounds).toBeGreaterThanOrEqual(PIECES);
    const latest = await rounds(backlogOf(it.node, { topic: "#", last: COUNT }));
    expect(latest.answer.rows.length).toBe(COUNT);
    expect(latest.rounds).toBeGreaterThanOrEqual(2 * PIECES);
  });
});

test("a watch of many moots has a turn for each", async () => {
  await using it = await nodeWithMoot({ clock: tiringClock() });
  const moots = [it];
  for (let more = 0; more < 9; more++) moots.push({ ...it, ...(await newMoot(it.node)) });
  for (const { put } of moots) await put(1);
  const told = await rounds(watched(it.node, { after: [] }, moots.length));
  expect(new Set(told.answer.map(({ group_id }) => group_id)).size).toBe(moots.length);
  expect(told.rounds).toBeGreaterThanOrEqual(moots.length - 1);
});

test("a page by arrival ends after some MiB looked through, and names where to go on", async () => {
  await using it = await nodeHolding(20, 900 * KIB);
  const ask = (after?: string) => it.node.call(messages, { by: "arrival", topic: "wanted", ...(after && { after }) });
  const first = await ask();
  expect({ found: first.messages.length, more: first.more }).toEqual({ found: 0, more: true });
  const second = await ask(first.place);
  expect({ found: second.messages.length, more: second.more }).toEqual({ found: 0, more: false });
  const [end] = (await it.node.call(messages, { by: "time", limit: 1 })).messages;
  expect(second.place).toBe(end!.place);
});

describe("a question by time that hardly anything answers", () => {
  /** Each page, so many of which were needed. */
  async function pages(it: Awaited<ReturnType<typeof nodeHolding>>, question: RequestOf<typeof messages>) {
    const all: AnswerOf<typeof messages>[] = [];
    for (let page: string | undefined; ; ) {
      const answer = await it.node.call(messages, { ...question, ...(page === undefined ? {} : { page }) });
      all.push(answer);
      page = answer.next;
      expect(answer.more).toBe(page !== undefined);
      if (page === undefined) return all;
    }
  }

  test("goes on over pages, a piece at a time, although there are too many topics for the index to tell", async () => {
    const COUNT = 2_100;
    await using it = await nodeHolding(COUNT, 64, (at) => `many/${at}`);
    await it.put(5_000, { topics: ["many/x"], by: 1 });
    for (const order of ["asc", "desc"] as const) {
      const asked = await rounds(pages(it, { topic: "+/x", order }));
      const found = asked.answer.flatMap(({ messages: rows }) => rows);
      expect(found.map(({ message: { timestamp } }) => timestamp)).toEqual([5_000n]);
      expect(asked.rounds).toBeGreaterThanOrEqual(Math.floor(COUNT / 256) - 1);
    }
  });

  test("is answered in pieces of so many bytes where all match", async () => {
    const COUNT = 300;
    await using it = await nodeHolding(COUNT, 64 * KIB, (at) => `many/${at}`);
    const asked = await rounds(pages(it, { topic: "many/+", limit: 1000 }));
    expect(asked.answer.flatMap(({ messages: rows }) => rows).length).toBe(COUNT);
    expect(asked.rounds).toBeGreaterThanOrEqual((COUNT * 64 * KIB) / PIECE_BYTES - 1);
  });

  test("of an author that wrote nothing ends", async () => {
    await using it = await nodeHolding(3_000, 64);
    const asked = await rounds(pages(it, { author: identity(9).nodeId }));
    expect(asked.answer).toMatchObject([{ messages: [], more: false }]);
    expect(asked.rounds).toBeGreaterThanOrEqual(2);
  });
});

import { expect, test } from "bun:test";
import { encodeUtf8 } from "../../src/core/bytes/utf8.ts";
import { type Clock, later } from "../../src/core/clock.ts";
import { MerkleRoot } from "../../src/core/ids.ts";
import { POLICY_PRESETS } from "../../src/core/policy/policy.ts";
import { messageCanonical } from "../../src/core/record/message.ts";
import type { Message } from "../../src/core/record/records.ts";
import { realClock } from "../../src/host/real-clock.ts";
import {
  backlog,
  type MessageRow,
  message as messageNamed,
  messages,
  publish,
} from "../../src/node/operations/messages.ts";
import { topics } from "../../src/node/operations/moots.ts";
import { SqliteDataRoot } from "../../src/store/sqlite/sqlite-data-root.ts";
import { message } from "../support/message.ts";
import { ALICE, nodeWithRawMember } from "../support/raw-member.ts";
import { statusQuestion } from "../support/status-question.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const TEN_YEARS = 3650 * DAY;

/** The founder's node, with a date that a test moves, and a member that says what it likes. */
async function world(options: Parameters<typeof nodeWithRawMember>[0] = {}) {
  let movedMs = 0;
  const clock: Clock = {
    ...realClock,
    after: realClock.after.bind(realClock),
    unix: () => later(realClock.unix(), movedMs),
  };
  const { node, group_id, alice } = await nodeWithRawMember({ clock, ...options });
  const push = (...said: Message[]) => alice.say({ kind: "push", group_id, bodies: said.map(messageCanonical) });
  const dated = (aheadMs: number, fields: Parameters<typeof message>[0] = {}) =>
    message({ by: ALICE, group_id, timestamp: BigInt(Math.floor(clock.unix()) + aheadMs), ...fields });
  const say = (content: string) =>
    node.call(publish, { group_id, topics: ["chat/general"], content: encodeUtf8(content) });
  const told = async (last: number | "all") => {
    const rows: MessageRow[] = [];
    await node.call(backlog, { group_id, topic: "#", last }, { onEvent: (row) => void rows.push(row) });
    return rows.map(({ message }) => message.id);
  };
  const setDate = (byMs: number) => {
    movedMs += byMs;
  };
  return { node, group_id, alice, push, dated, say, told, setDate };
}

const idsOf = (rows: readonly MessageRow[]) => rows.map(({ message }) => message.id);

test("messages dated ten years ahead fill no view, and are held, compared and served like all others", async () => {
  using directory = new TemporaryDirectory();
  const { node, group_id, alice, push, dated, say, setDate, told } = await world({
    root: SqliteDataRoot.open(directory.path, "write"),
  });
  await using _closing = node;
  const before = await say("before");
  const ahead = Array.from({ length: 12 }, (_, n) => dated(TEN_YEARS + 1000 * n));
  await push(...ahead);
  setDate(MINUTE);
  const after = Array.from({ length: 10 }, async (_, n) => say(`after ${n}`));
  const honest = (await Promise.all(after)).map(({ message_id }) => message_id);

  const page = await node.call(messages, { group_id, limit: 10 });
  expect(new Set(idsOf(page.messages))).toEqual(new Set(honest));
  expect(new Set(await told(10))).toEqual(new Set(honest));
  const all = [before.message_id, ...ahead.map(({ id }) => id)];
  expect((await told("all")).slice(0, 13)).toEqual(all);
  const { topics: listed } = await node.call(topics, { group_id, limit: undefined, reserved: undefined });
  expect(Number(listed[0]?.latest_ms)).toBeLessThanOrEqual(Date.now() + MINUTE);

  // Every page of them, both ways, has each once, with when it came.
  for (const order of ["asc", "desc"] as const) {
    const found: MessageRow[] = [];
    for (let page: string | undefined; ; ) {
      const next = await node.call(messages, { group_id, order, limit: 4, ...(page && { page }) });
      found.push(...next.messages);
      page = next.next;
      if (page === undefined) break;
    }
    expect(new Set(idsOf(found)).size).toBe(23);
    expect(found).toHaveLength(23);
    expect(idsOf(order === "asc" ? found : found.toReversed()).slice(0, 13)).toEqual(all);
    expect(found.filter(({ arrived_ms }) => arrived_ms !== undefined)).toHaveLength(12);
  }

  // None is a parent of what was said since.
  const names = new Set(ahead.map(({ id }) => id));
  for (const message_id of honest) {
    const { message } = await node.call(messageNamed, { group_id, message_id });
    expect(message.parents.filter((id) => names.has(id))).toEqual([]);
    expect(message.parents.length).toBeGreaterThan(0);
  }
  const [answer] = await alice.say(statusQuestion(group_id));
  expect(answer).toMatchObject({ kind: "status_resp", message_count: 23 });
  const [listing] = await alice.say({ kind: "range_req", group_id, since_millis: BigInt(Date.now() + DAY) });
  expect(listing).toMatchObject({ ids: ahead.map(({ id }) => id) });
  expect((answer as { merkle_root: MerkleRoot }).merkle_root).not.toBe(MerkleRoot.zero);
});

test("five minutes ahead is within what clocks differ, and has its place by its own date", async () => {
  const { node, group_id, push, dated, say } = await world();
  await using _closing = node;
  const near = dated(4 * MINUTE);
  await push(near);
  const said = await say("a little later, and dated before it");
  const { messages: rows } = await node.call(messages, { group_id });
  expect(idsOf(rows)).toEqual([near.id, said.message_id]);
  expect(rows.map(({ arrived_ms }) => arrived_ms)).toEqual([undefined, undefined]);
  expect((await node.call(messageNamed, { group_id, message_id: said.message_id })).message.parents).toEqual([near.id]);
});

test("a clock that is behind what others said is told, and what nobody would keep is refused with what to do", async () => {
  const { node, group_id, push, dated, say, setDate } = await world();
  await using _closing = node;
  await push(dated(0));
  expect(await say("in time")).toMatchObject({ behind_ms: undefined });
  setDate(-60 * MINUTE);
  const late = await say("an hour late");
  expect(late.behind_ms! / MINUTE).toBeCloseTo(60, 0);
  // What lies ahead now is no parent either.
  expect((await node.call(messageNamed, { group_id, message_id: late.message_id })).message.parents).toEqual([]);
  setDate(-40 * DAY);
  // This moot keeps everything, and so do its members.
  expect((await say("in another month")).behind_ms! / DAY).toBeCloseTo(40, 0);
});

test("what nobody would keep for its age is refused before it is signed, with what to do", async () => {
  const { node, group_id, push, dated, say, setDate } = await world({ policy: POLICY_PRESETS.standard });
  await using _closing = node;
  await push(dated(0));
  setDate(-40 * DAY);
  const error = await say("in another month").catch((error) => error);
  expect(error).toMatchObject({ code: "unavailable" });
  expect(error.message).toMatch(/40 days behind .* past the 30 days that this moot keeps.*timedatectl/);
  expect((await node.call(messages, { group_id })).messages).toHaveLength(1);
});

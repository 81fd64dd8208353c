import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { ClaudeMonitorDoor } from "../../../src/agent/claude/monitor-door.ts";
import { MONITOR_TITLE } from "../../../src/agent/claude/monitor-plugin.ts";
import { MessageId } from "../../../src/core/ids.ts";
import { HastyClock } from "../../support/hasty-clock.ts";
import { FakeSession } from "./fake-session.ts";

const [ONE, TWO] = [1, 2].map((n) => MessageId.fromBytes(new Uint8Array(32).fill(n))) as [MessageId, MessageId];
const [one, two] = [ONE, TWO].map((id) => MessageId.toBase64(id)) as [string, string];
const never = new AbortController().signal;
const textOf = (...ids: string[]) =>
  ids.map((id) => `<entmoot-message id="${id}">\n| pear\n</entmoot-message>`).join("\n");
const mayGive = async () => true;
const handing = { ids: [ONE], text: textOf(one), mayGive };

/** As the host writes what a monitor of that title said at once. */
function eventOf(text: string, title = MONITOR_TITLE): string {
  const escaped = text.trimEnd().replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  const parts = [`<task-id>b1</task-id>`, `<summary>Monitor event: "${title}"</summary>`, `<event>${escaped}</event>`];
  return `<task-notification>\n${parts.join("\n")}\n</task-notification>`;
}

/** The monitor of a session, and what it said. */
function monitorOf(session: FakeSession, takes: (event: string) => void) {
  const said: string[] = [];
  const say = async (text: string) => {
    said.push(text);
    takes(eventOf(text));
  };
  const clock = new HastyClock();
  return { clock, said, door: new ClaudeMonitorDoor({ clock, session, pid: process.pid, say }) };
}

const keepTurn = (session: FakeSession) => (content: string) =>
  session.keep({ type: "user", message: { role: "user", content }, origin: { kind: "task-notification" } });
const keepQueued = (session: FakeSession) => (content: string) =>
  session.keep({ type: "queue-operation", operation: "enqueue", content });

function says(session: FakeSession, status: string, sessionId = session.sessionId): void {
  const text = JSON.stringify({ pid: process.pid, sessionId, status });
  writeFileSync(join(session.configFolder, "sessions", `${process.pid}.json`), text);
}

test("a message is written at once, and its record says that it is read", async () => {
  using session = new FakeSession();
  const { door, said } = monitorOf(session, keepTurn(session));
  expect(await door.hand({ ids: [ONE, TWO], text: textOf(one, two), mayGive }, never)).toMatchObject({ level: "read" });
  expect(said).toEqual([`${textOf(one, two)}\n`]);
  const sought = { ids: [ONE, TWO], agent: `claude ${session.sessionId}` };
  expect([...(await door.look(sought, never)).values()]).toEqual(["read", "read"]);
});

test("what joins a turn between two calls is read, and what is queued is delivered", async () => {
  using session = new FakeSession();
  const joined = monitorOf(session, (prompt) => {
    const attachment = { type: "queued_command", prompt, origin: { kind: "task-notification" } };
    session.keep({ type: "attachment", attachment });
  });
  expect(await joined.door.hand(handing, never)).toMatchObject({ level: "read" });
  const queued = monitorOf(session, keepQueued(session));
  const second = { ids: [TWO], text: textOf(two), mayGive };
  expect(await queued.door.hand(second, never)).toMatchObject({ level: "delivered" });
});

test("what leaves no record is submitted, and nobody says it again by itself", async () => {
  using session = new FakeSession();
  const { door, said } = monitorOf(session, () => {});
  expect(await door.hand(handing, never)).toMatchObject({ level: "submitted" });
  expect(said).toHaveLength(1);
});

test("a session that works is waited for, and one that stays busy is given nothing", async () => {
  using session = new FakeSession();
  says(session, "busy");
  const { clock, door, said } = monitorOf(session, keepTurn(session));
  const hand = door.hand(handing, never);
  while (clock.steady() < 5_000) await new Promise((resolve) => setImmediate(resolve));
  expect(said).toEqual([]);
  says(session, "shell");
  expect(await hand).toMatchObject({ level: "read" });
  says(session, "waiting");
  expect(await door.hand(handing, never)).toEqual({ level: "later", reason: "the session is busy" });
  expect(said).toHaveLength(1);
});

test("once the process shows another session nothing is given, for its records are others", async () => {
  using session = new FakeSession();
  using next = new FakeSession({ beside: session, n: 2 });
  says(session, "idle", next.sessionId);
  const { door, said } = monitorOf(session, () => {});
  expect(await door.hand(handing, never)).toMatchObject({ level: "later", reason: expect.stringContaining("another") });
  expect(said).toEqual([]);
});

test("between two events is as much time as the host wants", async () => {
  using session = new FakeSession();
  const { clock, door } = monitorOf(session, keepTurn(session));
  await door.hand(handing, never);
  const began = clock.steady();
  await door.hand({ ids: [TWO], text: textOf(two), mayGive }, never);
  expect(clock.steady() - began).toBeGreaterThanOrEqual(3_000);
});

test("what is another's by now is not said", async () => {
  using session = new FakeSession();
  const { door, said } = monitorOf(session, () => {});
  expect(await door.hand({ ...handing, mayGive: async () => false }, never)).toMatchObject({ level: "later" });
  expect(said).toEqual([]);
});

test("what another monitor or a member says of a message is no sign of it", async () => {
  using session = new FakeSession();
  const { door } = monitorOf(session, () => {});
  const kept = [
    eventOf(textOf(one), "lines of another"),
    eventOf(`<entmoot-message id="${two}">\n| <entmoot-message id="${one}">\n| &lt;entmoot-message id="${one}"`),
    `${textOf(one)}\n${eventOf("hello")}`,
    eventOf(`about ${one}`),
  ];
  for (const content of kept) keepTurn(session)(content);
  session.keep({ type: "user", message: { role: "user", content: eventOf(textOf(one)) } });
  const agent = `claude ${session.sessionId}`;
  expect([...(await door.look({ ids: [ONE, TWO], agent }, never)).values()]).toEqual(["absent", "read"]);
});

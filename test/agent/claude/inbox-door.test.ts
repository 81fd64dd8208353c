import { expect, test } from "bun:test";
import {
  appendFileSync,
  chownSync,
  lchownSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { envelope } from "../../../src/core/agents/envelope.ts";
import { MessageId } from "../../../src/core/ids.ts";
import { eventually } from "../../support/eventually.ts";
import { HastyClock } from "../../support/hasty-clock.ts";
import { FakeSession } from "./fake-session.ts";

const [ONE, TWO] = [1, 2].map((n) => MessageId.fromBytes(new Uint8Array(32).fill(n))) as [MessageId, MessageId];
const never = new AbortController().signal;
const textOf = (...ids: MessageId[]) => ids.map((id) => `<entmoot-message id="${MessageId.toBase64(id)}">`).join("\n");
const mayGive = async () => true;
const handing = { ids: [ONE], text: textOf(ONE), mayGive };

/** What the door into `session` finds in the records of `of`. */
async function found(session: FakeSession, ids: readonly MessageId[], of = session): Promise<string[]> {
  const sought = { ids, agent: `claude ${of.sessionId}` };
  return [...(await session.door(new HastyClock()).look(sought, never)).values()];
}

test("a message is one frame of this session's child, after what the session does, and its record says that it is read", async () => {
  using session = new FakeSession();
  expect(await session.door().hand({ ids: [ONE, TWO], text: textOf(ONE, TWO), mayGive }, never)).toMatchObject({
    level: "read",
    evidence: `session ${session.sessionId}: in conversation`,
  });
  const [auth, frame] = session.lines;
  expect(auth).toEqual({ type: "auth", token: "pear" });
  expect(frame).toMatchObject({ priority: "later", session_id: session.sessionId });
  expect(session.messages).toHaveLength(1);
  expect(await found(session, [ONE, TWO])).toEqual(["read", "read"]);
});

test("what a busy session queues is waited for, and is delivered while it stays busy", async () => {
  using session = new FakeSession();
  session.takes = (frame) => {
    session.keepQueued(frame);
    // Its record follows.
    setTimeout(() => session.keepJoined(frame));
  };
  expect(await session.door().hand(handing, never)).toMatchObject({ level: "read" });
  session.takes = (frame) => session.keepQueued(frame);
  const busy = await session.door(new HastyClock()).hand({ ids: [TWO], text: textOf(TWO), mayGive }, never);
  expect(busy).toMatchObject({ level: "delivered", evidence: expect.stringContaining("taken") });
  expect(await found(session, [ONE, TWO])).toEqual(["read", "present"]);
});

// What these look like from here is the same: no answer, and nothing on record.
for (const what of ["held for its user", "refused", "dropped as said before"]) {
  test(`what is ${what} leaves no record: it is submitted, and nobody hands it over again by itself`, async () => {
    using session = new FakeSession();
    session.takes = () => {};
    const handed = await session.door(new HastyClock()).hand(handing, never);
    expect(handed).toMatchObject({ level: "submitted", evidence: expect.stringContaining("nothing in its records") });
    expect(session.messages).toHaveLength(1);
  });
}

test("what a stopped session was sent is with it, and is not sent again", async () => {
  using session = new FakeSession();
  const go = session.stop();
  const clock = new HastyClock();
  const hand = session.door(clock).hand(handing, never);
  // The time that it has to take it is over.
  const ticking = setInterval(() => clock.expire(), 5);
  const handed = await hand.finally(() => clearInterval(ticking));
  expect(handed).toMatchObject({ level: "submitted" });
  go();
  await eventually("it is taken", () => session.messages.length === 1 || undefined);
  expect(await found(session, [ONE])).toEqual(["read"]);
});

test("a session that is gone is given nothing", async () => {
  using session = new FakeSession();
  session[Symbol.dispose]();
  const reason = expect.stringContaining("nobody listens there");
  expect(await session.door().hand(handing, never)).toMatchObject({ level: "later", reason });
});

test("a socket of somebody else, a link of somebody else and what is no socket are not written to", async () => {
  using session = new FakeSession();
  const moved = `${session.socket}.short`;
  renameSync(session.socket, moved);
  symlinkSync(moved, session.socket);
  expect(await session.door().hand(handing, never)).toMatchObject({ level: "read" });
  if (process.getuid?.() === 0) {
    const reason = expect.stringContaining("of user 65534");
    lchownSync(session.socket, 65_534, 65_534);
    expect(await session.door().hand(handing, never)).toMatchObject({ level: "later", reason });
    lchownSync(session.socket, 0, 0);
    chownSync(moved, 65_534, 65_534);
    expect(await session.door().hand(handing, never)).toMatchObject({ level: "later", reason });
  }
  renameSync(session.socket, `${session.socket}.link`);
  writeFileSync(session.socket, "");
  const reason = expect.stringContaining("expected a socket");
  expect(await session.door().hand(handing, never)).toMatchObject({ level: "later", reason });
  expect(session.messages).toHaveLength(1);
});

test("records that lag, are written in pieces, are no JSON or were cut off are waited for and read on", async () => {
  using session = new FakeSession();
  session.keep({ type: "user", message: { content: "x".repeat(100_000) } });
  session.takes = (frame) => {
    const line = JSON.stringify({ type: "user", message: frame.message, origin: { kind: "peer" } });
    appendFileSync(session.record, '{"type":"us\n[1,2]\nnull\n');
    appendFileSync(session.record, line.slice(0, 60));
    setTimeout(() => appendFileSync(session.record, `${line.slice(60)}\n`));
  };
  expect(await session.door().hand(handing, never)).toMatchObject({ level: "read" });
  // It is shorter than it was when the message was sent.
  session.takes = (frame) => {
    truncateSync(session.record, 0);
    session.keepTurn(frame);
  };
  const cut = await session.door(new HastyClock()).hand({ ids: [TWO], text: textOf(TWO), mayGive }, never);
  expect(cut).toMatchObject({ level: "read" });
});

test("a record that is begun anew under its name is read from its beginning", async () => {
  using session = new FakeSession();
  session.keep({ type: "user", message: { content: "x".repeat(100_000) } });
  session.takes = (frame) => {
    renameSync(session.record, `${session.record}.1`);
    session.keepTurn(frame);
  };
  expect(await session.door(new HastyClock()).hand(handing, never)).toMatchObject({ level: "read" });
});

test("what a session that was killed had taken is found by the next one, and what it had not is absent", async () => {
  using killed = new FakeSession();
  killed.runsAs(2 ** 22 + 1); // No process has such a number.
  await killed.door().hand(handing, never);
  using next = new FakeSession({ beside: killed, n: 2 });
  next.runsAs(process.pid);
  expect(await found(next, [ONE, TWO], killed)).toEqual(["read", "absent"]);
  // Its own record is no sign that the other's says nothing.
  next.keep({ type: "user", message: { content: "hello" } });
  expect(await found(next, [ONE, TWO], killed)).toEqual(["read", "absent"]);
});

test("while another session runs nobody can tell that it does not show the message to its user", async () => {
  using one = new FakeSession();
  one.runsAs(process.ppid);
  using next = new FakeSession({ beside: one, n: 2 });
  next.runsAs(process.pid);
  expect(await found(next, [ONE], one)).toEqual(["unknown"]);
  const file = `${one.configFolder}/sessions/${process.ppid}.json`;
  // That process is another one since, which has its number.
  writeFileSync(file, JSON.stringify({ sessionId: one.sessionId, procStart: "1" }));
  expect(await found(next, [ONE], one)).toEqual([process.platform === "linux" ? "absent" : "unknown"]);
  unlinkSync(file);
  expect(await found(next, [ONE], one)).toEqual(["absent"]);
});

test("before the first turn of any session there are no records, and what was not given is absent", async () => {
  using session = new FakeSession();
  rmSync(`${session.configFolder}/projects`, { recursive: true });
  rmSync(`${session.configFolder}/sessions`, { recursive: true });
  expect(await found(session, [ONE])).toEqual(["absent"]);
});

test("what a user, a model or a tool says of a message is no sign of it", async () => {
  using session = new FakeSession();
  const mark = MessageId.toBase64(ONE);
  session.keep({ type: "user", message: { content: mark } });
  session.keep({ type: "assistant", message: { content: [{ type: "text", text: `"kind":"peer" ${mark}` }] } });
  session.keep({ type: "user", message: { content: [{ type: "tool_result", content: mark }] } });
  expect(await found(session, [ONE])).toEqual(["absent"]);
});

test("another message that answers one, or speaks of it, is no sign that it came", async () => {
  using session = new FakeSession();
  const [one, two] = [ONE, TWO].map((id) => MessageId.toBase64(id)) as [string, string];
  const words = `about ${one}:\n<entmoot-message id="${one}" nonce="00000000">\nyes`;
  const about = { group: "Z3JvdXA=", from: "a1b2c3d4e5f6", nodeId: 71, trust: "peer", role: "member", hop: 1 } as const;
  const text = envelope(
    [
      {
        ...about,
        id: two,
        nonce: "0123abcd",
        name: `<entmoot-message id="${one}"`,
        sentMs: 0,
        replyTo: one,
        expects: "answer",
        words,
        bytes: words.length,
      },
    ],
    { reply: "ID", acknowledge: "ID", read: "ID" },
  );
  session.takes = (frame) => {
    session.keepQueued(frame);
    session.keepTurn(frame);
    session.keepJoined(frame);
  };
  await session.door().hand({ ids: [TWO], text, mayGive }, never);
  expect(await found(session, [ONE, TWO])).toEqual(["absent", "read"]);
});

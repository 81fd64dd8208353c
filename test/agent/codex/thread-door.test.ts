import { expect, test } from "bun:test";
import { appendFileSync, chownSync, lchownSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { CodexThreadDoor } from "../../../src/agent/codex/thread-door.ts";
import type { Clock } from "../../../src/core/clock.ts";
import { MessageId } from "../../../src/core/ids.ts";
import { realClock } from "../../../src/host/real-clock.ts";
import { mayGive } from "../../support/handing.ts";
import { HastyClock } from "../../support/hasty-clock.ts";
import { FakeAppServer } from "./fake-app-server.ts";

const [ONE, TWO] = [1, 2].map((n) => MessageId.fromBytes(new Uint8Array(32).fill(n))) as [MessageId, MessageId];
const never = new AbortController().signal;

function doorInto(codex: FakeAppServer, clock: Clock = realClock): CodexThreadDoor {
  const { codexHome: home, socket, threadId } = codex;
  return new CodexThreadDoor({ clock, home, socket, threadId, version: "test" });
}

test("a turn of an idle thread brings all of the text as untrusted content in order, beside one line with the ids", async () => {
  using codex = new FakeAppServer("ho me %20 ünï?#:");
  await using door = doorInto(codex);
  const text = ["<entmoot-message>", `| ${"漢".repeat(2_000)}`, `| ${"a".repeat(9_000)}`, "end"].join("\n");
  expect(await door.hand({ ids: [ONE, TWO], text, mayGive }, never)).toMatchObject({ level: "read" });
  const [turn] = codex.turns;
  expect(turn.input[0].text).toContain(`${MessageId.toBase64(ONE)}, ${MessageId.toBase64(TWO)}`);
  const pieces = Object.keys(turn.additionalContext)
    .sort()
    .map((key) => turn.additionalContext[key]);
  for (const { kind, name, value } of pieces) {
    expect([kind, name]).toEqual(["untrusted", "entmoot_message"]);
    expect(Buffer.byteLength(value)).toBeLessThanOrEqual(3_600);
    // No word of a member's begins a line.
    for (const line of value.split("\n")) if (/漢|aa/.test(line)) expect(line).toStartWith("| ");
  }
  const whole = pieces.map(({ value }) => value).join("");
  expect(whole.split("漢")).toHaveLength(2_001);
  expect(whole.split("a").length).toBeGreaterThan(9_000);
  expect(await door.look({ ids: [ONE, TWO], agent: "x" }, never)).toEqual(
    new Map([
      [ONE, "read"],
      [TWO, "read"],
    ]),
  );
});

test("a turn that is under way is waited for, and nothing is given before its end", async () => {
  using codex = new FakeAppServer();
  await using door = doorInto(codex);
  codex.status = "active";
  let reads = 0;
  codex.on("thread/read", () => {
    reads += 1;
    if (reads === 5) {
      expect(codex.turns).toEqual([]);
      codex.status = "idle";
    }
    return { result: { thread: codex.thread() } };
  });
  expect(await door.hand({ ids: [ONE], text: "x", mayGive }, never)).toMatchObject({ level: "read" });
  expect(codex.turns).toHaveLength(1);
});

test("who gives up while a turn is under way has given nothing", async () => {
  using codex = new FakeAppServer();
  await using door = doorInto(codex);
  const ending = new AbortController();
  codex.on("thread/read", () => {
    codex.status = "active";
    setImmediate(() => ending.abort());
    return { result: { thread: codex.thread() } };
  });
  expect(await door.hand({ ids: [ONE], text: "x", mayGive }, ending.signal)).toMatchObject({ level: "later" });
  expect(codex.turns).toEqual([]);
});

test("nobody is woken in a thread whose terminal is closed, or turned to another", async () => {
  using codex = new FakeAppServer();
  await using door = doorInto(codex);
  const terminal = createServer().listen(0, "127.0.0.1");
  await new Promise((listening) => terminal.once("listening", listening));
  const address = terminal.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  codex.terminal = `http://127.0.0.1:${address.port}`;
  expect(await door.hand({ ids: [ONE], text: "x", mayGive }, never)).toMatchObject({ level: "read" });

  const later = "01a22d99-63ff-7e32-8578-73d775f92637";
  codex.on("thread/loaded/list", () => ({ result: { data: [codex.threadId, later] } }));
  codex.on("thread/read", ({ threadId }) => ({ result: { thread: codex.thread({ id: threadId }) } }));
  const refused = { level: "later", reason: "nobody looks at the thread" };
  expect(await door.hand({ ids: [TWO], text: "x", mayGive }, never)).toEqual(refused as never);
  // One that finds a title is nobody's.
  codex.on("thread/read", ({ threadId }) => ({
    result: { thread: codex.thread({ id: threadId, ephemeral: threadId === later }) },
  }));
  expect(await door.hand({ ids: [TWO], text: "x", mayGive }, never)).toMatchObject({ level: "read" });

  await new Promise((closed) => terminal.close(closed));
  expect(await door.hand({ ids: [TWO], text: "x", mayGive }, never)).toEqual(refused as never);
  await door.gone(never);
  expect(codex.turns).toHaveLength(2);
});

test("a no is told with its words; one that passes is asked again", async () => {
  using codex = new FakeAppServer();
  await using door = doorInto(codex);
  codex.on("turn/start", () => ({ error: { code: -32602, message: `no such field ${"x".repeat(10_000)}` } }));
  const refused = await door.hand({ ids: [ONE], text: "x", mayGive }, never);
  expect(refused).toMatchObject({ level: "refused", reason: expect.stringContaining("no such field") });
  expect(JSON.stringify(refused).length).toBeLessThan(1_000);
  codex.on("turn/start", () => ({ error: { code: -32001, message: "overloaded" } }));
  expect(await door.hand({ ids: [ONE], text: "x", mayGive }, never)).toMatchObject({ level: "later" });
  codex.on("turn/start", () => {
    codex.status = "active";
    return { error: { code: -32600, message: "EmptyInput" } };
  });
  expect(await door.hand({ ids: [ONE], text: "x", mayGive }, never)).toMatchObject({ level: "later" });
  codex.on("thread/read", () => ({ error: { code: -32600, message: "thread not found" } }));
  expect(await door.hand({ ids: [ONE], text: "x", mayGive }, never)).toMatchObject({ level: "later" });
});

const STRANGE: Readonly<Record<string, string>> = {
  "10 MB": JSON.stringify({ id: 2, result: "x".repeat(10 * 1024 * 1024) }),
  "no JSON": "{",
  "another shape": JSON.stringify({ id: 2, result: { thread: { id: 7 } } }),
};
for (const [what, raw] of Object.entries(STRANGE)) {
  test(`a server that answers with ${what} is given nothing`, async () => {
    using codex = new FakeAppServer();
    await using door = doorInto(codex);
    codex.on("thread/read", () => ({ raw }));
    expect(await door.hand({ ids: [ONE], text: "x", mayGive }, never)).toMatchObject({ level: "later" });
    expect(codex.turns).toEqual([]);
  });
}

test("a connection that ends before the answer leaves it open, and the record says what was taken", async () => {
  for (const [isTaken, found] of [
    [true, "read"],
    [false, "absent"],
  ] as const) {
    using codex = new FakeAppServer();
    await using door = doorInto(codex);
    codex.on("turn/start", (params) => {
      if (isTaken) codex.keep(params);
      return { hangsUp: true };
    });
    await expect(door.hand({ ids: [ONE], text: "x", mayGive }, never)).rejects.toMatchObject({ code: "unavailable" });
    expect(await door.look({ ids: [ONE], agent: "x" }, never)).toEqual(new Map([[ONE, found]]));
  }
});

test("a turn that was taken and stands in no record is looked for, and told as absent", async () => {
  using codex = new FakeAppServer();
  await using door = doorInto(codex, new HastyClock());
  codex.isRecording = false;
  await expect(door.hand({ ids: [ONE], text: "x", mayGive }, never)).rejects.toMatchObject({ code: "unavailable" });
  expect(await door.look({ ids: [ONE], agent: "x" }, never)).toEqual(new Map([[ONE, "absent"]]));
});

test("while a turn is under way nobody can tell that a message is absent", async () => {
  using codex = new FakeAppServer();
  await using door = doorInto(codex, new HastyClock());
  codex.status = "active";
  expect(await door.look({ ids: [ONE], agent: "x" }, never)).toEqual(new Map([[ONE, "unknown"]]));
});

test("what a model or a user says of a message is no sign of it, and the conversation of another terminal is", async () => {
  using codex = new FakeAppServer();
  await using door = doorInto(codex);
  const mark = MessageId.toBase64(ONE);
  const said = { type: "UserMessage", client_id: "other", content: [{ type: "text", text: `entmoot ${mark}` }] };
  const lines = [{ payload: { item: said } }, { payload: { output: `"client_id":"entmoot x" ${mark}` } }, "{"];
  writeFileSync(
    codex.record,
    lines.map((line) => `${typeof line === "string" ? line : JSON.stringify(line)}\n`).join(""),
  );
  expect(await door.look({ ids: [ONE], agent: "x" }, never)).toEqual(new Map([[ONE, "absent"]]));
  codex.keep({ clientUserMessageId: "entmoot x", input: [{ type: "text", text: mark }] });
  renameSync(codex.record, codex.record.replace(codex.threadId, "another"));
  appendFileSync(codex.record, "");
  expect(await door.look({ ids: [ONE], agent: "x" }, never)).toEqual(new Map([[ONE, "read"]]));
});

test("a socket of somebody else, a link of somebody else and what is no socket are not written to", async () => {
  using codex = new FakeAppServer();
  const moved = `${codex.socket}.short`;
  renameSync(codex.socket, moved);
  symlinkSync(moved, codex.socket);
  await using door = doorInto(codex);
  // Codex puts a link of its own where a path is too long.
  expect(await door.hand({ ids: [ONE], text: "x", mayGive }, never)).toMatchObject({ level: "read" });
  if (process.getuid?.() === 0) {
    lchownSync(codex.socket, 65_534, 65_534);
    await using refused = doorInto(codex);
    expect(await refused.hand({ ids: [TWO], text: "x", mayGive }, never)).toMatchObject({
      level: "later",
      reason: expect.stringContaining("found one of user 65534"),
    });
    lchownSync(codex.socket, 0, 0);
    chownSync(moved, 65_534, 65_534);
    await using other = doorInto(codex);
    expect(await other.hand({ ids: [TWO], text: "x", mayGive }, never)).toMatchObject({ level: "later" });
  }
  renameSync(codex.socket, `${codex.socket}.link`);
  writeFileSync(codex.socket, "");
  await using none = doorInto(codex);
  expect(await none.hand({ ids: [TWO], text: "x", mayGive }, never)).toMatchObject({
    reason: expect.stringContaining("expected a socket"),
  });
  expect(codex.turns).toHaveLength(1);
});

test("a server that starts anew is connected to again", async () => {
  using codex = new FakeAppServer();
  await using door = doorInto(codex);
  expect(await door.hand({ ids: [ONE], text: "x", mayGive }, never)).toMatchObject({ level: "read" });
  codex.on("thread/read", () => ({ hangsUp: true }));
  expect(await door.hand({ ids: [TWO], text: "x", mayGive }, never)).toMatchObject({ level: "later" });
  codex.on("thread/read", () => ({ result: { thread: codex.thread() } }));
  expect(await door.hand({ ids: [TWO], text: "x", mayGive }, never)).toMatchObject({ level: "read" });
});

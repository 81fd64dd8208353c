import { expect, test } from "bun:test";
import { codexHome, ownThread } from "../../../src/agent/codex/own-thread.ts";
import { HostSight } from "../../../src/agent/host-sight.ts";
import { createLog } from "../../../src/host/log.ts";
import { realClock } from "../../../src/host/real-clock.ts";
import { FakeAppServer } from "./fake-app-server.ts";

const OURS = { name: "moot", serverInfo: { name: "entmoot" } };

function partsOf(codex: FakeAppServer, sight: HostSight) {
  return { clock: realClock, log: createLog("warn"), sight, socket: codex.socket, cwd: "/project", version: "test" };
}

test("a call that Codex makes for us tells which thread is ours, whatever our server is called there", async () => {
  using codex = new FakeAppServer();
  const sight = new HostSight();
  codex.servers = [{ name: "other", serverInfo: { name: "other" } }, OURS];
  codex.on("mcpServer/tool/call", ({ server, threadId, tool }) => {
    expect([server, tool]).toEqual(["moot", "entmoot_status"]);
    sight.note({ meta: { threadId } });
    return { result: {} };
  });
  expect(await ownThread(partsOf(codex, sight), new AbortController().signal)).toBe(codex.threadId);
});

test("a thread of another server of ours is asked a few times and is not taken for our own", async () => {
  using codex = new FakeAppServer();
  codex.servers = [OURS];
  const ending = new AbortController();
  let calls = 0;
  codex.on("mcpServer/tool/call", () => {
    calls += 1;
    if (calls === 3) setImmediate(() => ending.abort());
    return { error: { code: -32603, message: "not started" } };
  });
  expect(await ownThread(partsOf(codex, new HostSight()), ending.signal)).toBeUndefined();
  expect(calls).toBe(3);
});

test("a sub-agent's thread has no door", async () => {
  using codex = new FakeAppServer();
  const sight = new HostSight();
  sight.note({ meta: { threadId: codex.threadId } });
  codex.on("thread/read", () => ({ result: { thread: codex.thread({ parentThreadId: "01a22d58" }) } }));
  expect(await ownThread(partsOf(codex, sight), new AbortController().signal)).toBeUndefined();
});

test("what a call says beside its arguments may be anything", () => {
  const sight = new HostSight();
  for (const meta of [undefined, null, 7, { threadId: 7 }, { threadId: "../../etc" }, { threadId: "x".repeat(99) }]) {
    sight.note({ meta });
    expect(sight.threadId).toBeUndefined();
  }
});

test("Codex's folder is what set-up said, or the usual one", () => {
  expect(codexHome({ CODEX_HOME: "/a b", HOME: "/h/oak" })).toBe("/a b");
  expect(codexHome({ CODEX_HOME: "relative", HOME: "/h/oak" })).toBe("/h/oak/.codex");
  expect(codexHome({ HOME: "/h/oak" })).toBe("/h/oak/.codex");
});

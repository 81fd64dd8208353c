import { expect, test } from "bun:test";
import { chownSync } from "node:fs";
import { OpencodeServer } from "../../../src/agent/opencode/opencode-server.ts";
import { ownOpencode } from "../../../src/agent/opencode/own-server.ts";
import { MessageId } from "../../../src/core/ids.ts";
import { realClock } from "../../../src/host/real-clock.ts";
import { mayGive } from "../../support/handing.ts";
import { HastyClock } from "../../support/hasty-clock.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { FakeOpencode, message } from "./fake-opencode.ts";

const [ONE, TWO] = [1, 2].map((n) => MessageId.fromBytes(new Uint8Array(32).fill(n))) as [MessageId, MessageId];
const never = new AbortController().signal;
const handing = { ids: [ONE], text: "x", mayGive };

/** Lets time pass on `clock` until `work` is over. */
async function pass<T>(clock: ManualClock, work: Promise<T>, stepMs: number): Promise<T> {
  let isOver = false;
  void work.catch(() => {}).finally(() => (isOver = true));
  while (!isOver) {
    await new Promise(setImmediate);
    clock.advance(stepMs);
  }
  return await work;
}

test("a message goes into the session at work here, marked with its ids; the server makes the id", async () => {
  using opencode = new FakeOpencode("run %20 ünï");
  for (const id of ["ses_old", "ses_mine"]) opencode.session(id);
  // Later at work, and none of a person's here.
  opencode.session("ses_child", [], { parentID: "ses_mine" });
  opencode.session("ses_other");
  opencode.session("ses_elsewhere", [], { directory: "/elsewhere" });
  opencode.worked = ["ses_child", "ses_elsewhere", "ses_mine", "ses_old"];
  const door = opencode.door();
  expect(await door.hand({ ids: [ONE, TWO], text: "the text", mayGive }, never)).toMatchObject({ level: "read" });
  expect(opencode.sessions.find(({ id }) => id === "ses_mine")!.messages).toHaveLength(2);
  const entmoot = `${MessageId.toBase64(ONE)} ${MessageId.toBase64(TWO)}`;
  expect(opencode.prompts).toEqual([{ parts: [{ type: "text", text: "the text", metadata: { entmoot } }] }]);
  const found = await door.look({ ids: [ONE, TWO], agent: "x" }, never);
  expect([...found.values()]).toEqual(["read", "read"]);
});

test("without a session one is made and shown, once", async () => {
  using opencode = new FakeOpencode();
  const door = opencode.door();
  expect(await door.hand(handing, never)).toMatchObject({ level: "read" });
  expect(await door.hand({ ids: [TWO], text: "y", mayGive }, never)).toMatchObject({ level: "read" });
  expect(opencode.asked.filter((each) => each === "POST /session")).toHaveLength(1);
  expect(opencode.asked.filter((each) => each === "POST /tui/select-session")).toHaveLength(1);
  expect(opencode.sessions[0]!.messages).toHaveLength(4);
});

test("a run that is under way is waited for, and nothing is given before its end", async () => {
  using opencode = new FakeOpencode();
  opencode.session("ses_1");
  opencode.worked = ["ses_1"];
  opencode.busy.add("ses_1");
  let asked = 0;
  opencode.answer = (_method, path) => {
    if (path === "/session/status") asked += 1;
    if (asked === 4) opencode.busy.clear();
    return undefined;
  };
  expect(await opencode.door(new HastyClock()).hand(handing, never)).toMatchObject({ level: "read" });
  expect(opencode.prompts).toHaveLength(1);
  const ending = new AbortController();
  opencode.busy.add("ses_1");
  opencode.answer = () => {
    setImmediate(() => ending.abort());
    return undefined;
  };
  expect(await opencode.door().hand({ ids: [TWO], text: "y", mayGive }, ending.signal)).toMatchObject({
    level: "later",
  });
  expect(opencode.prompts).toHaveLength(1);
});

test("what a session holds already is not given again", async () => {
  using opencode = new FakeOpencode();
  const door = opencode.door();
  await door.hand(handing, never);
  expect(await door.hand(handing, never)).toMatchObject({ level: "delivered" });
  expect(opencode.prompts).toHaveLength(1);
});

test("a server that leaves its first questions unanswered is asked again; a change is asked for once", async () => {
  using opencode = new FakeOpencode();
  opencode.session("ses_1");
  opencode.worked = ["ses_1"];
  const clock = new HastyClock();
  const silent = () => {
    clock.expire();
    return new Promise<Response>(() => {});
  };
  let left = 2;
  opencode.answer = (method) => (method === "GET" && left-- > 0 ? silent() : undefined);
  expect(await opencode.door(clock).hand(handing, never)).toMatchObject({ level: "read" });
  opencode.answer = (method, path) => (method === "POST" && path.endsWith("prompt_async") ? silent() : undefined);
  const unanswered = opencode.door(clock).hand({ ids: [TWO], text: "y", mayGive }, never);
  await expect(unanswered).rejects.toMatchObject({ code: "timeout" });
  const posts = opencode.asked.filter((each) => each.endsWith("prompt_async"));
  expect(posts).toHaveLength(2);
});

test("what is taken and never runs is told as delivered, and what is taken and nowhere is looked for", async () => {
  using opencode = new FakeOpencode();
  const clock = new HastyClock();
  opencode.isRunning = false;
  const delivered = await opencode.door(clock).hand(handing, never);
  expect(delivered).toMatchObject({ level: "delivered", evidence: expect.stringContaining("runs nothing yet") });
  opencode.isRecording = false;
  const lost = opencode.door(clock).hand({ ids: [TWO], text: "y", mayGive }, never);
  await expect(lost).rejects.toMatchObject({ code: "unavailable" });
  const found = await opencode.door().look({ ids: [ONE, TWO], agent: "x" }, never);
  expect([...found.values()]).toEqual(["present", "absent"]);
});

test("a no is told with its words; a session that is gone is another the next time", async () => {
  using opencode = new FakeOpencode();
  const say = (status: number, words: string) => {
    opencode.answer = (_method, path) => (path.endsWith("prompt_async") ? new Response(words, { status }) : undefined);
  };
  say(400, `no such part ${"x".repeat(10_000)}`);
  const refused = await opencode.door().hand(handing, never);
  expect(refused).toMatchObject({ level: "refused", reason: expect.stringContaining("no such part") });
  expect(JSON.stringify(refused).length).toBeLessThan(1_000);
  for (const status of [404, 409, 429]) {
    say(status, "later");
    expect(await opencode.door().hand(handing, never)).toMatchObject({ level: "later" });
  }
  say(500, "failed");
  await expect(opencode.door().hand(handing, never)).rejects.toMatchObject({ code: "unavailable" });
});

const STRANGE: Readonly<Record<string, () => Response>> = {
  "10 MB": () => new Response(`"${"x".repeat(10 * 1024 * 1024)}"`),
  "no JSON": () => new Response("<!doctype html>"),
  "another shape": () => Response.json([{ id: 7 }]),
  "another place": () => Response.redirect("http://127.0.0.1:1/session"),
};
for (const [what, answer] of Object.entries(STRANGE)) {
  test(`a server that answers with ${what} is given nothing`, async () => {
    using opencode = new FakeOpencode();
    opencode.answer = (_method, path) => (path === "/session" ? answer() : undefined);
    expect(await opencode.door().hand(handing, never)).toMatchObject({ level: "later" });
    expect(opencode.prompts).toEqual([]);
  });
}

test("what was given stands in any session of the last two hours, on any page; what cannot be looked through is unknown", async () => {
  using opencode = new FakeOpencode();
  const given = message("user", "msg_a", [{ metadata: { entmoot: MessageId.toBase64(ONE) } }]);
  // The id in a person's or a model's words, or in a model's mark, is none.
  const said = message("user", "msg_b", [{ text: MessageId.toBase64(TWO), metadata: null }]);
  const model = message("assistant", "msg_c", [{ metadata: { entmoot: MessageId.toBase64(TWO) } }]);
  const filler = Array.from({ length: 120 }, (_, n) => message("assistant", `msg_f${n}`, []));
  opencode.session("ses_1", [given, ...filler], { directory: "/elsewhere" });
  opencode.session("ses_2", [said, model]);
  expect([...(await opencode.door().look({ ids: [ONE, TWO], agent: "x" }, never)).values()]).toEqual([
    "present",
    "absent",
  ]);
  opencode.session(
    "ses_3",
    Array.from({ length: 1_100 }, (_, n) => message("assistant", `msg_g${n}`, [])),
  );
  expect([...(await opencode.door().look({ ids: [ONE, TWO], agent: "x" }, never)).values()]).toEqual([
    "present",
    "unknown",
  ]);
  const old = message("user", "msg_h", [{ metadata: { entmoot: MessageId.toBase64(TWO) } }], undefined, 1_000);
  opencode.sessions = [{ id: "ses_4", updated: 2_000, messages: [old] }];
  expect([...(await opencode.door().look({ ids: [TWO], agent: "x" }, never)).values()]).toEqual(["absent"]);
  opencode.answer = () => new Response("", { status: 502 });
  await expect(opencode.door().look({ ids: [TWO], agent: "x" }, never)).rejects.toMatchObject({ code: "unavailable" });
});

test("the door leads nowhere once the server is gone, and a socket of somebody else is not written to", async () => {
  using opencode = new FakeOpencode();
  if (process.getuid?.() === 0) {
    chownSync(opencode.socket, 65_534, 65_534);
    const reason = expect.stringContaining("found one of user 65534");
    expect(await opencode.door().hand(handing, never)).toMatchObject({ level: "later", reason });
    chownSync(opencode.socket, 0, 0);
  }
  const clock = new ManualClock();
  opencode.answer = () => new Response("", { status: 502 });
  await pass(clock, opencode.door(clock).gone(never), 5_000);
  expect(opencode.prompts).toEqual([]);
});

test("a server with a port is asked with its password, and one elsewhere is not asked", async () => {
  const heard: (string | null)[] = [];
  using server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request) => {
      heard.push(request.headers.get("authorization"), new URL(request.url).searchParams.get("directory"));
      return Response.json({});
    },
  });
  const env = { ENTMOOT_OPENCODE_URL: `http://127.0.0.1:${server.port}/x`, OPENCODE_SERVER_PASSWORD: "pear" };
  const own = ownOpencode(env, "/pro ject", 7)!;
  const { never: value } = { never: (await import("valibot")).unknown() };
  await new OpencodeServer(own.address, realClock, "/pro ject").get("/session/status", value, never);
  expect(heard).toEqual([`Basic ${btoa("opencode:pear")}`, "/pro ject"]);
  for (const url of ["http://example.org:80", "https://127.0.0.1", "file:///etc/passwd", "7"]) {
    expect(ownOpencode({ ENTMOOT_OPENCODE_URL: url }, "/project", 7)).toBeUndefined();
  }
  expect(ownOpencode({ OPENCODE_PID: "x" }, "/project", 7)).toBeUndefined();
});

import { expect, test } from "bun:test";
import { eventually } from "../../support/eventually.ts";
import { fakeHost, hosted, scriptIn, someText } from "../../support/hosted.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";

for (const cursor of ["real", "drawn", "none"] as const) {
  test(`a text goes into the line as one paste and is submitted once, cursor: ${cursor}`, async () => {
    await using host = await fakeHost({ takesPastes: true, cursor });
    const text = someText("m1");
    expect(await host.hand(text)).toMatchObject({ level: "submitted" });
    expect(host.submitted()).toEqual([text]);
    // The answer to it is above the line, and the next goes the same way.
    expect(await host.hand(someText("m2"))).toMatchObject({ level: "submitted" });
    expect(host.submitted()).toEqual([text, someText("m2")]);
  });

  test(`an early Enter that is swallowed is pressed again, cursor: ${cursor}`, async () => {
    await using host = await fakeHost({ takesPastes: true, cursor, swallows: 1 }, { config: { enterWaitMs: 700 } });
    const text = someText("m1");
    expect(await host.hand(text)).toMatchObject({ level: "submitted", evidence: expect.stringContaining("2 times") });
    expect(host.submitted()).toEqual([text]);
    expect(host.logged().filter(({ pasted }) => pasted)).toHaveLength(1);
  });
}

test("a program that shows a mark for a paste has taken it", async () => {
  await using host = await fakeHost({ takesPastes: true, cursor: "drawn", marks: true });
  const text = someText("m1");
  expect(await host.hand(text)).toMatchObject({ level: "submitted" });
  expect(host.submitted()).toEqual([text]);
});

test.each([false, true])("after three Enters that do nothing the text is taken back, marks: %p", async (marks) => {
  await using host = await fakeHost(
    { takesPastes: true, cursor: "real", swallows: 9, marks },
    { config: { enterWaitMs: 500 } },
  );
  expect(await host.hand(someText("m1"))).toMatchObject({
    level: "later",
    reason: expect.stringContaining("taken back"),
  });
  expect(host.logged().filter(({ enter }) => enter !== undefined)).toHaveLength(3);
  host.user.type("mine\r");
  const mine = await eventually("the line is the user's alone", () =>
    host.logged().find(({ enter }) => enter === "mine"),
  );
  expect(mine).toBeDefined();
});

test("what can neither be entered nor taken back cannot be told", async () => {
  await using host = await fakeHost(
    { takesPastes: true, cursor: "real", swallows: 9, keeps: true },
    { config: { enterWaitMs: 300 } },
  );
  await expect(host.hand(someText("m1"))).rejects.toMatchObject({ code: "unavailable" });
  expect(host.submitted()).toEqual([]);
});

test("Enter waits until the text is shown", async () => {
  await using host = await fakeHost({ takesPastes: true, cursor: "real", isLate: true });
  const handed = host.hand(someText("m1"));
  await host.logs("pasted");
  expect(host.logged().filter(({ enter }) => enter !== undefined)).toEqual([]);
  host.signal("SIGUSR1");
  expect(await handed).toMatchObject({ level: "submitted" });
  expect(host.submitted()).toEqual([someText("m1")]);
});

test("a text that is never shown is not entered", async () => {
  await using host = await fakeHost(
    { takesPastes: true, cursor: "real", isLate: true },
    { config: { echoWaitMs: 300, enterWaitMs: 500 } },
  );
  await expect(host.hand(someText("m1"))).rejects.toMatchObject({ code: "unavailable" });
  expect(host.logged().filter(({ enter }) => enter !== undefined)).toEqual([]);
});

test("nothing goes to a program at work; once it is done the text does", async () => {
  await using host = await fakeHost({ takesPastes: true, cursor: "real", isWorking: true });
  const handed = host.hand(someText("m1"));
  await host.saw("esc to interrupt");
  expect(host.door.hindrance("x")).toMatchObject({ level: "later", reason: expect.stringContaining("at work") });
  host.signal("SIGUSR1");
  expect(await handed).toMatchObject({ level: "submitted" });
});

test("a hand that waits too long says later, and why; whenReady tells when to ask again", async () => {
  await using host = await fakeHost(
    { takesPastes: true, cursor: "real", isWorking: true },
    { config: { readyWaitMs: 200 } },
  );
  expect(await host.hand(someText("m1"))).toMatchObject({ level: "later", reason: expect.stringContaining("at work") });
  expect(host.logged().filter(({ pasted }) => pasted)).toEqual([]);
  const ready = host.door.whenReady(new AbortController().signal);
  host.signal("SIGUSR1");
  await ready;
  expect(await host.hand(someText("m1"))).toMatchObject({ level: "submitted" });
});

test("no Enter answers a question, and none is pressed when one appears above the text", async () => {
  await using host = await fakeHost(
    { takesPastes: true, cursor: "real", swallows: 9 },
    { config: { readyWaitMs: 300, enterWaitMs: 700 } },
  );
  host.signal("SIGUSR2");
  await host.saw("2. No");
  expect(await host.hand(someText("m1"))).toMatchObject({
    level: "later",
    reason: expect.stringContaining("a choice"),
  });
  host.user.type("\r");
  await host.logs("enter");
  const handed = host.hand(someText("m2"));
  await eventually("an Enter was swallowed", () => host.logged().filter(({ enter }) => enter !== undefined)[1]);
  host.signal("SIGUSR2");
  await expect(handed).rejects.toMatchObject({ code: "unavailable" });
  expect(host.logged().filter(({ isAsking }) => isAsking)).toHaveLength(1);
});

test("a user's draft is left alone, however it was typed, until it is gone", async () => {
  await using host = await fakeHost({ takesPastes: true, cursor: "real" }, { config: { readyWaitMs: 400 } });
  for (const keys of ["half a tho", "\x1b[D", "\x1b[200~pasted\x1b[201~", "\x1b\r"]) {
    host.user.type(keys);
    expect(await host.hand(someText("m1"))).toMatchObject({ level: "later", reason: "its user has begun a line" });
  }
  host.user.type("\r");
  expect(await host.hand(someText("m2"))).toMatchObject({ level: "submitted" });
  expect(host.submitted()).toHaveLength(2);
  expect(host.submitted()[1]).toBe(someText("m2"));
});

test("a draft that outlives an Enter given to a question is left alone", async () => {
  await using host = await fakeHost({ takesPastes: true, cursor: "real" }, { config: { readyWaitMs: 400 } });
  host.user.type("half a thought");
  await host.saw("half a thought");
  host.signal("SIGUSR2");
  await host.saw("2. No");
  await eventually("the screen has it", () => (host.door.hindrance("") ? true : undefined));
  host.user.type("\r");
  await host.logs("enter");
  expect(await host.hand(someText("m1"))).toMatchObject({ level: "later", reason: "its user has begun a line" });
  expect(host.submitted()).toEqual([]);
});

test("what a terminal reports is nobody's typing", async () => {
  await using host = await fakeHost({ takesPastes: true, cursor: "real" }, { config: { readyWaitMs: 5_000 } });
  host.user.type("\x1b[?62;c\x1b[12;40R\x1b[I\x1b]11;rgb:0/0/0\x07");
  expect(host.door.hindrance("")?.reason).not.toBe("its user has begun a line");
});

test("keys typed while a text goes in come behind it", async () => {
  await using host = await fakeHost({ takesPastes: true, cursor: "real", isLate: true });
  const handed = host.hand(someText("m1"));
  await host.logs("pasted");
  host.user.type("mine\r");
  host.signal("SIGUSR1");
  expect(await handed).toMatchObject({ level: "submitted" });
  await eventually("both", () => (host.submitted().length === 2 ? true : undefined));
  expect(host.submitted()).toEqual([someText("m1"), "mine"]);
});

test("a user is not kept waiting for a text that does not show: it is rubbed out", async () => {
  await using host = await fakeHost(
    { takesPastes: true, cursor: "real", isLate: true },
    { config: { keysHeldMs: 50 } },
  );
  const handed = host.hand(someText("m1"));
  await host.logs("pasted");
  host.user.type("mine");
  await expect(handed).rejects.toThrow("began to type");
  host.user.type("\r");
  await eventually("the user's line", () => (host.submitted().length === 1 ? true : undefined));
  expect(host.submitted()).toEqual(["mine"]);
});

test("without marked pastes the lines are joined, so that none is submitted by itself", async () => {
  await using host = await fakeHost({ cursor: "real", swallows: 1 }, { config: { enterWaitMs: 700 } });
  expect(await host.hand(someText("m1"))).toMatchObject({ level: "submitted" });
  expect(host.submitted()).toEqual([someText("m1").replaceAll("\n", " ")]);
});

test("a full screen that takes no pastes is given none", async () => {
  await using host = await fakeHost({ cursor: "real", isAlternate: true }, { config: { readyWaitMs: 300 } });
  expect(await host.hand(someText("m1"))).toMatchObject({
    level: "later",
    reason: expect.stringContaining("full-screen"),
  });
});

test("a program that never reads keeps nothing of it, and the next is not begun", async () => {
  await using host = await fakeHost(
    { takesPastes: true, cursor: "real", isDeaf: true },
    { config: { echoWaitMs: 300, readyWaitMs: 500 } },
  );
  const text = `${"x".repeat(20_000)}\nend`;
  expect(await host.hand(text)).toMatchObject({ level: "later", reason: expect.stringContaining("unread") });
  host.user.type("\x02");
  expect(await host.hand(text)).toMatchObject({ level: "later" });
});

test("a program that ends before Enter has nothing; behind Enter it cannot be told", async () => {
  await using early = await fakeHost({ takesPastes: true, cursor: "real", exitsAt: "paste" });
  expect(await early.hand(someText("m1"))).toMatchObject({ level: "later", reason: expect.stringContaining("ended") });
  expect(await early.ended).toEqual({ status: 3, signal: undefined });
  expect(await early.hand(someText("m2"))).toEqual({ level: "later", reason: "the program has ended" });
  await using late = await fakeHost({ takesPastes: true, cursor: "real", exitsAt: "enter" });
  await expect(late.hand(someText("m1"))).rejects.toMatchObject({ code: "unavailable" });
});

test("one text at a time, and none with control characters", async () => {
  await using host = await fakeHost({ takesPastes: true, cursor: "real" });
  expect(await host.hand("a\x1b[201~\rb")).toMatchObject({ level: "refused" });
  expect(await host.hand("a\x9bb")).toMatchObject({ level: "refused" });
  const [first, second] = await Promise.all([host.hand(someText("m1")), host.hand(someText("m2"))]);
  expect(first).toMatchObject({ level: "submitted" });
  expect(second).toMatchObject({ level: "later" });
  expect(host.submitted()).toEqual([someText("m1")]);
});

test("a long text goes in whole", async () => {
  await using host = await fakeHost({ takesPastes: true, cursor: "real", marks: true });
  const text = `${Array.from({ length: 800 }, (_, at) => `line ${at} ${"é".repeat(20)}`).join("\n")}\nend`;
  expect(await host.hand(text)).toMatchObject({ level: "submitted" });
  expect(host.submitted()).toEqual([text]);
});

test("the window's size goes to the program, and a text is handed over in the new one", async () => {
  await using host = await fakeHost({ takesPastes: true, cursor: "drawn" });
  host.user.resize(50, 20);
  expect(await host.logs("size")).toEqual({ size: [50, 20] });
  expect(await host.hand(someText("m1"))).toMatchObject({ level: "submitted" });
  expect(host.submitted()).toEqual([someText("m1")]);
});

const SHELLS = ["sh", "sh -i", "bash --norc", "ssh -V", "python3"];
test.each(SHELLS)("nothing is handed to %s, which would run it", async (line) => {
  const command = line.split(" ");
  if (Bun.which(command[0]!) === null) return;
  await using shell = await hosted(command);
  expect(await shell.hand("touch /tmp/entmoot-was-here")).toMatchObject({ level: "refused" });
});

test("a script that reads lines is handed one, and a second program in front of it is not", async () => {
  using folder = new TemporaryDirectory();
  const script = scriptIn(
    folder,
    "agent",
    '#!/bin/sh\nwhile read -r line; do echo "got $line"; [ "$line" = shell ] && sh; done\n',
  );
  await using agent = await hosted(["sh", script], { config: { readyWaitMs: 500 } });
  agent.user.type("hello\r");
  await agent.saw("got hello");
  expect(await agent.hand("one\ntwo")).toMatchObject({ level: "submitted" });
  await agent.saw("got one two");
  expect(await agent.hand(`${"é".repeat(3_000)}`)).toMatchObject({
    level: "refused",
    reason: expect.stringContaining("6000"),
  });
  agent.user.type("shell\r");
  await agent.saw("got shell");
  expect(await agent.hand("touch it")).toMatchObject({
    level: "later",
    reason: expect.stringContaining("sh is in front"),
  });
});

test("a line that a busy script does not read is taken back", async () => {
  await using script = await hosted(["sh", "-c", "echo begun; exec sleep 1000"], { config: { enterWaitMs: 300 } });
  await script.saw("begun");
  expect(await script.hand("hello")).toMatchObject({ level: "later", reason: expect.stringContaining("unread") });
});

test("no text goes where a password is asked", async () => {
  await using asking = await hosted(["sh", "-c", "stty -echo; echo ask; read -r secret; echo $secret"], {
    config: { readyWaitMs: 300 },
  });
  await asking.saw("ask");
  expect(await asking.hand("hello")).toMatchObject({ level: "later", reason: expect.stringContaining("password") });
});

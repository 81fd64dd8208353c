import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { eventually } from "../../support/eventually.ts";
import { fakeHost, hosted } from "../../support/hosted.ts";
import { outerTerminal } from "../../support/outer-terminal.ts";

test("the status of the program is the status, and the terminal is as it was", async () => {
  await using outer = await outerTerminal(["sh", "-c", "echo hello; exit 7"]);
  expect(await outer.ended()).toBe(7);
  expect(outer.text()).toBe("hello\r\n");
  expect(outer.isAsBefore()).toBe(true);
});

test("bytes go through as they are, line feeds alone too, and all of them before the end", async () => {
  const all = 'i=1; while [ $i -le 3000 ]; do printf "%s\\n\\033[31mx\\377\\001" $i; i=$((i+1)); done';
  await using outer = await outerTerminal(["sh", "-c", `stty raw; ${all}`]);
  expect(await outer.ended()).toBe(0);
  const expected = Array.from({ length: 3000 }, (_, at) => `${at + 1}\n\x1b[31mx\xff\x01`).join("");
  expect(outer.text()).toBe(expected);
});

test("what is typed arrives as it is typed, Ctrl-C as a signal where the program has that", async () => {
  await using outer = await outerTerminal([
    "sh",
    "-c",
    "trap 'echo caught; exit 3' INT; echo ready; while :; do read -r x; echo got $x; done",
  ]);
  await outer.saw("ready");
  outer.type("hello\r");
  await outer.saw("got hello");
  outer.type("\x03");
  expect(await outer.ended()).toBe(3);
  expect(outer.isAsBefore()).toBe(true);
});

test("raw keys arrive byte by byte", async () => {
  await using outer = await outerTerminal(["sh", "-c", "stty raw -echo; echo ready; head -c 8 | od -An -tx1"]);
  await outer.saw("ready");
  outer.type("\x03\x1a\x11\x13\r\n\x7f\x1b");
  await outer.saw("03 1a 11 13 0d 0a 7f 1b");
  expect(await outer.ended()).toBe(0);
});

test("a program that is killed leaves no mode behind", async () => {
  const modes = "\\033[?1049h\\033[?25l\\033[?2004h\\033[?1003h\\033[?1006h\\033[>1u\\033[?7l\\033=";
  await using outer = await outerTerminal([
    "sh",
    "-c",
    `printf '${modes}'; stty raw -echo; echo $$ ready; exec sleep 1000`,
  ]);
  await outer.saw("ready");
  const pid = await outer.when("its pid", () => /(\d+) ready/.exec(outer.text())?.[1]);
  await outer.when("its modes", () => (outer.screen.view.takesPastes ? true : undefined));
  process.kill(Number(pid), "SIGKILL");
  expect(await outer.ended()).toBe(137);
  await outer.when("no mode left", () => (outer.screen.restoring() === "" ? true : undefined));
  expect(outer.screen.view).toMatchObject({ isAlternate: false, takesPastes: false });
  expect(outer.isAsBefore()).toBe(true);
});

test("told to end, the program is told, and the terminal is as it was", async () => {
  await using outer = await outerTerminal([
    "sh",
    "-c",
    "trap 'exit 5' HUP; printf '\\033[?25l'; echo ready; while :; do sleep 0.1; done",
  ]);
  await outer.saw("ready");
  outer.child.kill("SIGTERM");
  expect(await outer.ended()).toBe(5);
  expect(outer.isAsBefore()).toBe(true);
  await outer.when("no mode left", () => (outer.screen.restoring() === "" ? true : undefined));
});

test("a terminal that hangs up hangs up the program's", async () => {
  await using outer = await outerTerminal(["sh", "-c", "echo $$ ready; exec sleep 1000"]);
  await outer.saw("ready");
  const pid = Number(/(\d+) ready/.exec(outer.text())![1]);
  outer.terminal.close();
  await eventually("the program is gone", () => (isGone(pid) ? true : undefined));
  await outer.child.exited;
});

test("when this process is killed its program goes too", async () => {
  await using outer = await outerTerminal(["sh", "-c", "echo $$ ready; exec sleep 1000"]);
  await outer.saw("ready");
  const pid = Number(/(\d+) ready/.exec(outer.text())![1]);
  outer.child.kill("SIGKILL");
  await eventually("the program is gone", () => (isGone(pid) ? true : undefined));
});

test("the size of the terminal is the program's, from the beginning and as it changes", async () => {
  await using outer = await outerTerminal([
    "sh",
    "-c",
    "trap 'stty size' WINCH; stty size; while :; do sleep 0.1; done",
  ]);
  await outer.saw("24 80");
  outer.terminal.resize(100, 30);
  await outer.saw("30 100");
});

const JOB_LINE = '"$@"; echo stopped with $?; stty -a; read -r line; fg; echo ended with $?';
test.each([
  ["lines", "echo ready; read -r x; echo got $x; exit 4"],
  [
    "keys",
    "stty raw -echo; echo ready; head -c 1 >/dev/null; stty sane; kill -STOP $$; echo back; read -r x; echo got $x; exit 4",
  ],
])(
  "Ctrl-Z gives the terminal back to the shell, and fg takes it again: a program that reads %s",
  async (reads, script) => {
    await using outer = await outerTerminal(["sh", "-c", script], JOB_LINE);
    await outer.saw("ready");
    outer.type("\x1a");
    await outer.saw("stopped with");
    await outer.when("the shell's mode", () => (/ icanon/.test(outer.text()) && outer.isAsBefore() ? true : undefined));
    outer.type("go on\r");
    if (reads === "keys") await outer.saw("back");
    await outer.when("raw again", () => (outer.isAsBefore() ? undefined : true));
    outer.type("more\r");
    await outer.saw("got more");
    await outer.saw("ended with 4");
    expect(outer.isAsBefore()).toBe(true);
  },
);

test("what cannot be run is said, and the terminal is as it was", async () => {
  await expect(hosted(["/nonexistent/agent"])).rejects.toMatchObject({ code: "not_found" });
  await expect(hosted(["/etc/passwd"])).rejects.toMatchObject({ code: "forbidden" });
});

test("a program that writes without end is slowed to what is taken, loses nothing, and hears its user", async () => {
  const lines = "i=0; while :; do echo $i xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; i=$((i+1)); done";
  await using flood = await hosted(["sh", "-c", `trap 'echo caught; exit 9' INT; ${lines}`], {
    config: { readyWaitMs: 300 },
  });
  await eventually("a megabyte", () => (flood.user.shownBytes > 1e6 ? true : undefined));
  expect(await flood.hand("hello")).toMatchObject({ level: "later", reason: expect.stringContaining("at work") });
  let seen = 0;
  flood.user.stand(true);
  const isStill = () => flood.door.hindrance("")?.reason.includes("stands still");
  await eventually("it is stopped", () => isStill() || undefined);
  // What was on its way has come; from here on nothing does.
  const last = await eventually("nothing comes", () => {
    const before = seen;
    seen = flood.user.shownBytes;
    return seen === before ? seen : undefined;
  });
  flood.user.stand(false);
  await eventually("it goes on", () => (flood.user.shownBytes > last ? true : undefined));
  // A terminal forgets at Ctrl-C what is on its way.
  const { shown } = flood.user;
  flood.user.type("\x03");
  expect(await flood.ended).toEqual({ status: 9, signal: undefined });
  const numbers = [...shown.matchAll(/(\d+) x{57}\r\n/g)].map(([, number]) => Number(number)).slice(1);
  expect(numbers.every((number, at) => at === 0 || number === numbers[at - 1]! + 1)).toBe(true);
});

test("a large output arrives whole", async () => {
  await using outer = await outerTerminal([
    process.execPath,
    "-e",
    'process.stdout.write("0123456789abcdef".repeat(500_000) + "end")',
  ]);
  expect(await outer.ended()).toBe(0);
  const expected = createHash("sha256")
    .update(`${"0123456789abcdef".repeat(500_000)}end`)
    .digest("hex");
  expect(createHash("sha256").update(outer.bytes()).digest("hex")).toBe(expected);
});

test("without a user's terminal the program's questions to it are answered", async () => {
  const asks = 'stty raw -echo; printf "\\033[c\\033[6n"; head -c 4 >/dev/null; stty sane; exit 6';
  await using asking = await hosted(["sh", "-c", asks], { user: undefined });
  expect(await asking.ended).toEqual({ status: 6, signal: undefined });
});

test("a hand while the user's window changes, and one after the host has drawn anew, each arrive once", async () => {
  await using host = await fakeHost({ takesPastes: true, cursor: "drawn" });
  const handed = host.hand("first\nsecond");
  host.user.resize(60, 12);
  expect(await handed).toMatchObject({ level: "submitted" });
  expect(host.submitted()).toEqual(["first\nsecond"]);
});

/** A killed process that nobody has asked about yet is gone too. */
function isGone(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).startsWith("Z");
  } catch {
    return true;
  }
}

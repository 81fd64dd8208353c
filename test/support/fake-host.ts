/*
 * A program with a line to type in, as agents have: run as `bun fake-host.ts '{"log":"FILE",…}'`. What it does is appended to
 * the log, one JSON object a line. SIGUSR1 shows what it was late with, and begins or ends work; SIGUSR2 asks a question.
 */
import { appendFileSync } from "node:fs";
import type { FakeHost } from "./hosted.ts";

const host = JSON.parse(process.argv[2] ?? "{}") as FakeHost;
const decoder = new TextDecoder();
const said: string[] = [];
let line = "";
let swallowed = 0;
let isWorking = host.isWorking ?? false;
let isAsking = false;
let isLate = host.isLate ?? false;
let rest = "";
let pasting: string | undefined;
let ticks = 0;

function log(event: object): void {
  appendFileSync(host.log, `${JSON.stringify(event)}\n`);
}

function show(): void {
  const shownLine = host.marks && line.length > 200 ? `[Pasted text #1 +${line.split("\n").length} lines]` : line;
  const cursor = host.cursor === "drawn" ? "\x1b[7m \x1b[27m" : "";
  const composed = `> ${(isLate ? "" : shownLine).replaceAll("\n", "\r\n  ")}`;
  const above = [
    ...said.flatMap((each) => ["", `● ${each}`]).slice(-6),
    ...(isWorking ? [`* Working (${ticks}, esc to interrupt)`] : []),
    ...(isAsking ? ["May it run rm?", "❯ 1. Yes", "  2. No"] : []),
  ];
  const rule = "─".repeat(40);
  const parts = ["\x1b[H\x1b[2J", above.join("\r\n"), "\r\n", rule, "\r\n", composed, cursor];
  if (host.cursor !== "real") parts.push("\r\n", rule, "\r\n", "  ? for shortcuts");
  process.stdout.write(parts.join(""));
}

function enter(): void {
  log({ enter: line, isAsking });
  if (isAsking) {
    isAsking = false;
    return;
  }
  if (line === "" || swallowed < (host.swallows ?? 0)) {
    swallowed++;
    return;
  }
  if (host.exitsAt === "enter") process.exit(3);
  log({ submitted: line });
  said.push(line.split("\n").at(-1)!.slice(0, 30));
  line = "";
}

/** Text with control characters; what a marked paste holds is text whatever it is. */
function read(text: string): void {
  let left = rest + text;
  rest = "";
  while (left !== "") {
    if (pasting !== undefined) {
      const end = left.indexOf("\x1b[201~");
      pasting += end < 0 ? left : left.slice(0, end);
      left = end < 0 ? "" : left.slice(end + 6);
      if (end < 0) return;
      line += pasting.replaceAll("\r", "\n");
      log({ pasted: pasting.length });
      pasting = undefined;
      if (host.exitsAt === "paste") process.exit(3);
    } else if (left.startsWith("\x1b[200~")) {
      pasting = "";
      left = left.slice(6);
    } else if (left.startsWith("\x1b") && left.length < 6) {
      rest = left;
      return;
    } else {
      key(left[0]!);
      left = left.slice(1);
    }
  }
}

function key(char: string): void {
  if (char === "\r") enter();
  else if (char === "\x7f") line = host.keeps ? line : host.marks && line.length > 200 ? "" : line.slice(0, -1);
  else if (char === "\x04") process.exit(7);
  else if (char >= " ") line += char;
}

process.on("SIGUSR1", () => {
  if (isLate) isLate = false;
  else isWorking = !isWorking;
  show();
});
process.on("SIGUSR2", () => {
  isAsking = true;
  show();
});
process.on("SIGHUP", () => {
  log({ hungUp: true });
  process.exit(1);
});
process.stdout.on("resize", () => log({ size: [process.stdout.columns, process.stdout.rows] }));
process.stdin.setRawMode(true);
if (host.takesPastes) process.stdout.write("\x1b[?2004h");
if (host.cursor !== "real") process.stdout.write("\x1b[?25l");
if (host.isAlternate) process.stdout.write("\x1b[?1049h");
if (!host.isDeaf) {
  process.stdin.on("data", (bytes: Buffer) => {
    read(decoder.decode(bytes, { stream: true }));
    show();
  });
}
setInterval(() => {
  ticks++;
  if (isWorking) show();
}, 20);
show();
log({ ready: process.pid });

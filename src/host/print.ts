import { writeSync } from "node:fs";
import { realClock } from "./real-clock.ts";
import { TerminalOutput } from "./terminal-output.ts";

/** Where machine output goes. */
const STDOUT = 1;
const STDERR = 2;

/** What is behind stdout; `null` once it is known that it is no terminal. */
let terminal: TerminalOutput | null | undefined;

/**
 * One JSON value on a line of stdout, as the original escapes it. Blocks until written, so nothing is lost
 * when the process ends next. `process.stdout` would do it too, but costs 8 ms at the first touch.
 */
export function printJson(value: unknown): void {
  printLine(escapeHtml(JSON.stringify(value)));
}

/** One JSON value over several lines of stdout, for a file that people read. */
export function printIndentedJson(value: unknown): void {
  printLine(escapeHtml(JSON.stringify(value, null, 2)));
}

/** One line of text on stdout. Throws the system's `EPIPE` when the reader has gone; `main.ts` ends quietly on it. */
export function printLine(text: string): void {
  writeAll(STDOUT, `${text}\n`);
}

/**
 * As `printLine`, without blocking: for a process that must go on working while its reader does not read.
 * Resolves when the line is taken; rejects with the system's `EPIPE` when the reader has gone.
 */
export function putLine(text: string): Promise<void> {
  if (terminal === undefined) terminal = TerminalOutput.behind(STDOUT, realClock) ?? null;
  if (terminal !== null) return putOnTerminal(terminal, `${text}\n`);
  if (process.stdout.listenerCount("error") === 0) process.stdout.on("error", () => {}); // The callback has it too.
  return new Promise((resolve, reject) => {
    process.stdout.write(`${text}\n`, (error) => (error ? reject(error) : resolve()));
  });
}

/** A stream of the runtime would wait for a terminal, and the whole process with it. */
function putOnTerminal(out: TerminalOutput, text: string): Promise<void> {
  out.write(text);
  return out.idle();
}

/** As `printJson`, without blocking; see `putLine`. */
export function putJson(value: unknown): Promise<void> {
  return putLine(escapeHtml(JSON.stringify(value)));
}

/** Prose on stderr: errors, usage, hints. */
export function printProse(text: string): void {
  writeAll(STDERR, text.endsWith("\n") ? text : `${text}\n`);
}

/** Wire. JSON on the command line and in frames writes these five as escapes; signed forms do not. */
function escapeHtml(json: string): string {
  return json.replace(/[<>&\u2028\u2029]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

function writeAll(fd: number, text: string): void {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(fd, bytes, at);
    } catch (cause) {
      // A pipe shared with a non-blocking process is full: wait for its reader.
      if (!(cause instanceof Error && "code" in cause && cause.code === "EAGAIN")) throw cause;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2);
    }
  }
}

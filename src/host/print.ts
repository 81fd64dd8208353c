import { writeSync } from "node:fs";
import { withoutSecrets } from "../core/admission/secrets.ts";
import { shownJson, shownLines } from "../core/bytes/shown-text.ts";
import { codeOf } from "../core/system-error.ts";
import { isStdoutClosed } from "./closed-stdout.ts";
import { outputFailure, stdoutClosed } from "./output-failure.ts";
import { PatientOutput, STDERR, STDOUT } from "./patient-output.ts";
import { programName } from "./program-name.ts";
import { proseForm } from "./prose-form.ts";
import { realClock } from "./real-clock.ts";
import { TerminalOutput } from "./terminal-output.ts";

/** How prose is written: as it is, or each text as one JSON object on a line, for who reads nothing else on stderr. */
let isProseJson = false;

/** From here on notes, warnings and the log are JSON objects on stderr too. */
export function setJsonProse(isJson: boolean): void {
  isProseJson = isJson;
}

export function isJsonProse(): boolean {
  return isProseJson;
}

/** What is behind stdout; `null` once it is known that it is no terminal. */
let terminal: TerminalOutput | null | undefined;

/**
 * One JSON value on a line of stdout, escaped by `shownJson`. Blocks until written, so nothing is lost
 * when the process ends next. `process.stdout` would do it too, but costs 8 ms at the first touch.
 */
export function printJson(value: unknown): void {
  printJsonText(JSON.stringify(value));
}

/** As `printJson`, for what is JSON already. */
export function printJsonText(json: string): void {
  printWhole(shownJson(json));
}

/** One JSON value over several lines of stdout, for a file that people read. */
export function printIndentedJson(value: unknown): void {
  printJsonText(JSON.stringify(value, null, 2));
}

/** One JSON value on a line of stderr, whatever form prose has. */
export function printJsonFailure(value: unknown): void {
  printFailure(shownJson(JSON.stringify(value)));
}

/** What would be prose, with fields beside it, as one JSON object on a line of stderr: for programs that asked for that. */
export function printJsonNote(note: string, fields: Readonly<Record<string, unknown>>): void {
  printJsonFailure({ note: formed(note), ...fields });
}

/**
 * One line of text on stdout, or several, with nothing in them that could steer a terminal. Throws the system's `EPIPE`
 * when the reader has gone, on which `main.ts` ends quietly, and `output_failed` when stdout takes nothing for another reason.
 */
export function printLine(text: string): void {
  printWhole(shownLines(text));
}

function printWhole(text: string): void {
  if (isStdoutClosed()) throw stdoutClosed();
  try {
    writeAll(STDOUT, `${text}\n`);
  } catch (cause) {
    throw outputFailure(cause);
  }
}

/**
 * As `printJson`, without blocking: for a process that must go on working while its reader does not read.
 * Resolves when the line is taken; rejects with the system's `EPIPE` when the reader has gone.
 */
export function putJson(value: unknown): Promise<void> {
  return putJsonText(JSON.stringify(value));
}

/** As `putJson`, for what is JSON already. */
export function putJsonText(json: string): Promise<void> {
  const text = shownJson(json);
  if (isStdoutClosed()) return Promise.reject(stdoutClosed());
  if (terminal === undefined) terminal = TerminalOutput.behind(STDOUT, realClock) ?? null;
  if (terminal !== null) return putOnTerminal(terminal, `${text}\n`);
  if (process.stdout.listenerCount("error") === 0) process.stdout.on("error", () => {}); // The callback has it too.
  return new Promise((resolve, reject) => {
    process.stdout.write(`${text}\n`, (error) => (error ? reject(outputFailure(error)) : resolve()));
  });
}

/** A stream of the runtime would wait for a terminal, and the whole process with it. */
function putOnTerminal(out: TerminalOutput, text: string): Promise<void> {
  out.write(text);
  return out.idle();
}

/** Prose on stderr: usage, hints, progress. Where nobody can read it, nothing else ends for that. */
export function printProse(text: string): void {
  if (isProseJson) printJsonNote(text.trimEnd(), {});
  else printFailure(formed(text));
}

/** Most texts suggest no command, and what this program is called need not be found out. */
function formed(text: string): string {
  const form = text.includes('"entmootd ') ? proseForm() : undefined;
  return form === undefined ? text : form(text, programName());
}

/** Who draws on the terminal that prose goes to, and so writes it himself. */
let screen: ((line: string) => void) | undefined;

/** Until it is disposed of, what goes to stderr is given to `draw` instead, line by line, where that is a terminal. */
export function drawProse(draw: (line: string) => void): Disposable {
  screen = draw;
  return {
    [Symbol.dispose]() {
      if (screen === draw) screen = undefined;
    },
  };
}

/**
 * One text on stderr, whatever form prose has, without what could steer a terminal: JSON is to be escaped before. A reader
 * that has gone misses it; what was asked for is done all the same.
 */
export function printFailure(text: string): void {
  // Whoever has a link can join: none stands in a log, a note or a failure.
  const shown = shownLines(withoutSecrets(text));
  const line = shown.endsWith("\n") ? shown : `${shown}\n`;
  if (screen !== undefined && process.stderr.isTTY) {
    screen(line.trimEnd());
    return;
  }
  if (patient !== undefined) {
    patient.write(line);
    return;
  }
  try {
    writeAll(STDERR, line);
  } catch {
    // stderr is full, closed or gone.
  }
}

/** From now on nothing on stderr waits for its reader: for a process that others depend on. Idempotent. */
export function neverWaitForStderr(): void {
  patient ??= new PatientOutput(STDERR, realClock, (lines) => {
    printProse(`entmootd: ${lines} lines were left out here, because nobody read them`);
  });
}

let patient: PatientOutput | undefined;

/**
 * As `printJson`, for the one line with which a daemon says that it is there: it neither waits for a reader nor ends when
 * there is none.
 */
export function announceJson(value: unknown): void {
  new PatientOutput(STDOUT, realClock, () => {}).write(`${shownJson(JSON.stringify(value))}\n`);
}

function writeAll(fd: number, text: string): void {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(fd, bytes, at);
    } catch (cause) {
      // A pipe shared with a non-blocking process is full: wait for its reader.
      if (codeOf(cause) !== "EAGAIN") throw cause;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2);
    }
  }
}

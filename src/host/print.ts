import { writeSync } from "node:fs";
import { codeOf } from "../core/system-error.ts";
import { PatientOutput, STDERR, STDOUT } from "./patient-output.ts";
import { realClock } from "./real-clock.ts";

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
  if (process.stdout.listenerCount("error") === 0) process.stdout.on("error", () => {}); // The callback has it too.
  return new Promise((resolve, reject) => {
    process.stdout.write(`${text}\n`, (error) => (error ? reject(error) : resolve()));
  });
}

/** As `printJson`, without blocking; see `putLine`. */
export function putJson(value: unknown): Promise<void> {
  return putLine(escapeHtml(JSON.stringify(value)));
}

/** Prose on stderr: errors, usage, hints. A reader that has gone misses them; what was asked for is done all the same. */
export function printProse(text: string): void {
  const line = text.endsWith("\n") ? text : `${text}\n`;
  if (patient !== undefined) {
    patient.write(line);
    return;
  }
  try {
    writeAll(STDERR, line);
  } catch (error) {
    if (codeOf(error) !== "EPIPE") throw error;
  }
}

/** From now on nothing on stderr waits for its reader: for a process that others depend on. Idempotent. */
export function neverWaitForStderr(): void {
  patient ??= new PatientOutput(STDERR, realClock, (lines) => {
    patient?.write(`entmootd: ${lines} lines were left out here, because nobody read them\n`);
  });
}

let patient: PatientOutput | undefined;

/**
 * As `printJson`, for the one line with which a daemon says that it is there: it neither waits for a reader nor ends when
 * there is none.
 */
export function announceJson(value: unknown): void {
  new PatientOutput(STDOUT, realClock, () => {}).write(`${escapeHtml(JSON.stringify(value))}\n`);
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
      if (codeOf(cause) !== "EAGAIN") throw cause;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2);
    }
  }
}

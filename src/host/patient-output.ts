import { constants, openSync, writeSync } from "node:fs";
import { isatty } from "node:tty";
import type { Clock } from "../core/clock.ts";
import { codeOf } from "../core/system-error.ts";

/** Where machine output and prose go. */
export const STDOUT = 1;
export const STDERR = 2;

/** Ours. What waits for a reader at most; past it lines are left out and counted. */
const WAITING_MAX_BYTES = 256 * 1024;
/** Ours. Between two looks whether a terminal takes something again. */
const LOOK_AGAIN_MS = 100;

/** Where text goes without ever waiting for whoever reads it. `done` is called once it is taken or lost. */
type Sink = (text: string, done: (isLost: boolean) => void) => void;

/**
 * stdout or stderr of a process that must go on working whatever becomes of its reader: a pipe that nobody reads, a
 * terminal that is stopped, a reader that has gone. A little waits; what is more is left out and counted. A reader that
 * has gone is no failure.
 */
export class PatientOutput {
  readonly #sink: Sink;
  readonly #onLeftOut: (lines: number) => void;
  #waitingBytes = 0;
  #leftOut = 0;
  #hasGone = false;

  /** `onLeftOut` is told how many lines were left out, once they are read again. */
  constructor(fd: typeof STDOUT | typeof STDERR, clock: Clock, onLeftOut: (lines: number) => void) {
    const terminal = isatty(fd) ? openAside(fd) : undefined;
    this.#sink = terminal === undefined ? pipeSink(fd) : terminalSink(terminal, clock);
    this.#onLeftOut = onLeftOut;
  }

  write(text: string): void {
    if (this.#hasGone) return;
    const bytes = Buffer.byteLength(text);
    if (this.#waitingBytes + bytes > WAITING_MAX_BYTES) {
      this.#leftOut += 1;
      return;
    }
    this.#waitingBytes += bytes;
    this.#sink(text, (isLost) => {
      this.#waitingBytes -= bytes;
      this.#hasGone ||= isLost;
      if (this.#leftOut === 0 || this.#waitingBytes > 0) return;
      const lines = this.#leftOut;
      this.#leftOut = 0;
      this.#onLeftOut(lines);
    });
  }
}

/** The runtime writes to pipes and sockets without blocking, and to files at once. */
function pipeSink(fd: number): Sink {
  const stream = fd === STDOUT ? process.stdout : process.stderr;
  stream.on("error", () => {}); // The callback has it too.
  return (text, done) => void stream.write(text, (error) => done(error !== null && error !== undefined));
}

/** A terminal blocks whoever writes to it while it is stopped, unless it was opened not to. */
function openAside(fd: number): number | undefined {
  try {
    return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch {
    return undefined; // Another system, or another user's terminal.
  }
}

function terminalSink(fd: number, clock: Clock): Sink {
  const waiting: { bytes: Uint8Array; readonly done: (isLost: boolean) => void }[] = [];
  let isLooking = false;
  const flush = () => {
    isLooking = false;
    for (let next = waiting[0]; next !== undefined; next = waiting[0]) {
      const left = writeSome(fd, next.bytes);
      if (left !== undefined && left.length > 0) {
        next.bytes = left;
        isLooking = true;
        clock.after(LOOK_AGAIN_MS, flush, { idle: true });
        return;
      }
      waiting.shift();
      next.done(left === undefined);
    }
  };
  return (text, done) => {
    waiting.push({ bytes: new TextEncoder().encode(text), done });
    if (!isLooking) flush();
  };
}

/** What the terminal did not take; `undefined` when it is gone. */
function writeSome(fd: number, bytes: Uint8Array): Uint8Array | undefined {
  try {
    return bytes.subarray(writeSync(fd, bytes));
  } catch (error) {
    return codeOf(error) === "EAGAIN" ? bytes : undefined;
  }
}

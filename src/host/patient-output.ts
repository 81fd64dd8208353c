import type { Clock } from "../core/clock.ts";
import { TerminalOutput } from "./terminal-output.ts";

/** Where machine output and prose go. */
export const STDOUT = 1;
export const STDERR = 2;

/** Ours. What waits for a reader at most; past it lines are left out and counted. */
const WAITING_MAX_BYTES = 256 * 1024;

/**
 * stdout or stderr of a process that must go on working whatever becomes of its reader: a pipe that nobody reads, a
 * terminal that is stopped, a reader that has gone. A little waits; what is more is left out and counted. A reader that
 * has gone is no failure.
 */
export class PatientOutput {
  readonly #terminal: TerminalOutput | undefined;
  readonly #stream: NodeJS.WriteStream | undefined;
  readonly #onLeftOut: (lines: number) => void;
  #waitingBytes = 0;
  #leftOut = 0;
  #hasGone = false;

  /** `onLeftOut` is told how many lines a pipe left out, once they are read again; a terminal shows it itself. */
  constructor(fd: typeof STDOUT | typeof STDERR, clock: Clock, onLeftOut: (lines: number) => void) {
    this.#terminal = TerminalOutput.behind(fd, clock);
    this.#onLeftOut = onLeftOut;
    if (this.#terminal !== undefined) return;
    // The runtime writes to pipes and sockets without blocking, and to files at once.
    this.#stream = fd === STDOUT ? process.stdout : process.stderr;
    this.#stream.on("error", () => {}); // The callback has it too.
  }

  write(text: string): void {
    if (this.#terminal !== undefined) this.#terminal.write(text);
    else this.#writeToStream(text);
  }

  #writeToStream(text: string): void {
    if (this.#hasGone) return;
    const bytes = Buffer.byteLength(text);
    if (this.#waitingBytes + bytes > WAITING_MAX_BYTES) {
      this.#leftOut += 1;
      return;
    }
    this.#waitingBytes += bytes;
    this.#stream!.write(text, (error) => {
      this.#waitingBytes -= bytes;
      this.#hasGone ||= error !== null && error !== undefined;
      if (this.#leftOut === 0 || this.#waitingBytes > 0) return;
      const lines = this.#leftOut;
      this.#leftOut = 0;
      this.#onLeftOut(lines);
    });
  }
}

import { closeSync, constants, openSync, writeSync } from "node:fs";
import type { Clock } from "../core/clock.ts";
import { codeOf } from "../core/system-error.ts";

/** Ours. What waits for a terminal that takes nothing, unless said otherwise; past it, whole writes are dropped and counted. */
const WAITING_MAX_BYTES = 256 * 1024;
/** Ours. Between two tries: a terminal that reads is asked again at once, one that stands still now and then. */
const TRY_AGAIN_MS = { first: 1, most: 50 } as const;

/**
 * A terminal that is written to without waiting for it. It may be stopped (Ctrl-S), or nobody may read its other end:
 * a plain write would then hold up the whole process. Up to 256 KiB wait here (or what is said); what does not fit is dropped, and how many
 * writes that were is said when the terminal goes on.
 */
export class TerminalOutput implements Disposable {
  readonly #clock: Clock;
  readonly #gone = new AbortController();
  readonly #waitingMaxBytes: number;
  #fd: number | undefined;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #dropped = 0;
  #again: Disposable | undefined;
  #drained = Promise.withResolvers<void>();

  private constructor(fd: number, clock: Clock, waitingMaxBytes: number) {
    this.#fd = fd;
    this.#clock = clock;
    this.#waitingMaxBytes = waitingMaxBytes;
  }

  /** The terminal behind stdout (1) or stderr (2); `undefined` when there is none, or it lets nobody write but by waiting. */
  static behind(standard: 1 | 2, clock: Clock, waitingMaxBytes = WAITING_MAX_BYTES): TerminalOutput | undefined {
    // Loaded only here: it brings the runtime's sockets with it, 1 ms that no short command should pay.
    if (!process.getBuiltinModule("node:tty").isatty(standard)) return undefined;
    // Opened anew: not to wait is a property of the opening, and that of the standard streams is shared with the shell.
    for (const path of [`/proc/self/fd/${standard}`, "/dev/tty"]) {
      try {
        const fd = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
        return new TerminalOutput(fd, clock, waitingMaxBytes);
      } catch {
        // The next one, or none: after `su` the device may be somebody else's.
      }
    }
    return undefined;
  }

  /** Aborts when the terminal has hung up. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  /** What was written and is not taken yet. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** Whether all that was written is taken. */
  get isIdle(): boolean {
    return this.#waitingBytes === 0;
  }

  /** Resolves when all that was written is taken, or the terminal is gone. */
  idle(): Promise<void> {
    return this.isIdle ? Promise.resolve() : this.#drained.promise;
  }

  /** Bytes are not to be changed afterwards. */
  write(text: string | Uint8Array): void {
    if (this.#fd === undefined || text.length === 0) return;
    const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
    if (this.#waitingBytes > 0 && this.#waitingBytes + bytes.length > this.#waitingMaxBytes) {
      this.#dropped++;
      return;
    }
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    if (this.#again === undefined) this.#flush(TRY_AGAIN_MS.first);
  }

  [Symbol.dispose](): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#end();
  }

  #flush(nextTryMs: number): void {
    this.#again = undefined;
    let tryMs = nextTryMs;
    while (this.#fd !== undefined && this.#waiting.length > 0) {
      const [next] = this.#waiting;
      const taken = this.#try(next!);
      if (taken === undefined) return;
      this.#waitingBytes -= taken;
      if (taken === next!.length) this.#waiting.shift();
      else this.#waiting[0] = next!.subarray(taken);
      if (taken > 0) tryMs = TRY_AGAIN_MS.first;
      else {
        const later = Math.min(2 * tryMs, TRY_AGAIN_MS.most);
        this.#again = this.#clock.after(tryMs, () => this.#flush(later), { idle: true });
        return;
      }
      if (this.#waiting.length === 0 && this.#dropped > 0) this.#tellDropped();
    }
    this.#drained.resolve();
    this.#drained = Promise.withResolvers();
  }

  /** How many bytes were taken; `undefined` when the terminal is gone. */
  #try(bytes: Uint8Array): number | undefined {
    try {
      return writeSync(this.#fd!, bytes);
    } catch (error) {
      const code = codeOf(error);
      if (code === "EAGAIN" || code === "EINTR") return 0;
      closeSync(this.#fd!);
      this.#end();
      this.#gone.abort();
      return undefined;
    }
  }

  #tellDropped(): void {
    const text = new TextEncoder().encode(`[${this.#dropped} lines not shown: the terminal stood still]\r\n`);
    this.#dropped = 0;
    this.#waiting.push(text);
    this.#waitingBytes += text.length;
  }

  #end(): void {
    this.#fd = undefined;
    this.#again?.[Symbol.dispose]();
    this.#again = undefined;
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#drained.resolve();
  }
}

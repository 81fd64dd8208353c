import { constants } from "node:os";
import type { Clock } from "../../core/clock.ts";
import { EntmootError } from "../../core/errors.ts";
import { codeOf } from "../../core/system-error.ts";
import { TerminalDevice } from "./terminal-device.ts";

export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

/** How a program ended: its exit status, or 128 and the number of the signal that ended it, as shells have it. */
export interface ProgramEnd {
  readonly status: number;
  readonly signal: string | undefined;
}

export interface ProgramParts {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly folder: string | undefined;
  readonly size: TerminalSize;
  readonly clock: Clock;
  /** What it wrote, as it came; the bytes are the caller's from then on. */
  readonly onOutput: (bytes: Uint8Array) => void;
  /** All that was typed has gone into its terminal. */
  readonly onDrained: () => void;
}

/** What a terminal's local flags say, by their numbers on Linux and on macOS. */
const LOCAL_FLAGS = process.platform === "darwin" ? { signals: 0x80, lines: 0x100 } : { signals: 0x1, lines: 0x2 };
const ECHO = 0x8;

/** Ours. Behind all that a program wrote before it ended; an application's private words, which no terminal shows. */
const END_MARK = "\x1b_entmoot: ended\x1b\\";
/** Ours. Where the mark finds no room for so long, or cannot be written, its output counts as complete. */
const COMPLETE_MS = 1_000;
const RETRY_MS = 5;

/** A program in a pseudo-terminal of its own, of which it is the session's leader. */
export class HostedProgram implements Disposable {
  /** Settles once it has ended and all that it wrote was given to `onOutput`. */
  readonly ended: Promise<ProgramEnd>;
  readonly #parts: ProgramParts;
  readonly #terminal: Bun.Terminal;
  readonly #child: Bun.Subprocess;
  readonly #device: TerminalDevice | undefined;
  readonly #complete = Promise.withResolvers<void>();
  #queuedBytes = 0;
  #hasEnded = false;
  /** Once it has ended: what came and may be the beginning of the mark. */
  #rest: Uint8Array | undefined;

  /** Throws `not_found` or `forbidden` for a command that cannot be run. */
  constructor(parts: ProgramParts) {
    this.#parts = parts;
    const { opened, device } = TerminalDevice.during(() => this.#spawn());
    this.#child = opened;
    this.#terminal = opened.terminal!;
    this.#device = device;
    this.ended = this.#end();
  }

  get pid(): number {
    return this.#child.pid;
  }

  get device(): TerminalDevice | undefined {
    return this.#device;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Bytes typed that have not gone into the terminal, whose program does not read. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Whether the terminal gathers lines, shows what is typed, and turns Ctrl-C and Ctrl-Z into signals. */
  get modes(): { readonly hasLines: boolean; readonly hasEcho: boolean; readonly hasSignals: boolean } {
    const flags = this.#terminal.closed ? 0 : this.#terminal.localFlags;
    return {
      hasLines: (flags & LOCAL_FLAGS.lines) !== 0,
      hasEcho: (flags & ECHO) !== 0,
      hasSignals: (flags & LOCAL_FLAGS.signals) !== 0,
    };
  }

  type(bytes: Uint8Array): void {
    if (this.#terminal.closed || bytes.length === 0) return;
    this.#queuedBytes += bytes.length;
    this.#terminal.write(bytes.slice());
  }

  resize({ columns, rows }: TerminalSize): void {
    if (!this.#terminal.closed) this.#terminal.resize(columns, rows);
  }

  /** To the program alone, or to all that are in front of its terminal. */
  signal(signal: NodeJS.Signals, group?: number): void {
    try {
      process.kill(group === undefined ? this.pid : -group, signal);
    } catch {
      // Gone meanwhile.
    }
  }

  /** The terminal goes away, as when a window is closed: its programs are told. */
  hangUp(): void {
    this.#complete.resolve();
    if (!this.#terminal.closed) this.#terminal.close();
    this.signal("SIGHUP");
    this.signal("SIGCONT");
  }

  [Symbol.dispose](): void {
    this.#complete.resolve();
    if (!this.#terminal.closed) this.#terminal.close();
    this.#device?.[Symbol.dispose]();
  }

  /** With options, not with a terminal made before: only so does it become the one that its session is controlled by. */
  #spawn(): Bun.Subprocess {
    const { command, args, env, folder, size } = this.#parts;
    try {
      return Bun.spawn([command, ...args], {
        env,
        ...(folder === undefined ? {} : { cwd: folder }),
        terminal: {
          cols: size.columns,
          rows: size.rows,
          data: (_terminal, bytes) => this.#onData(bytes),
          drain: () => {
            this.#queuedBytes = 0;
            this.#parts.onDrained();
          },
        },
      });
    } catch (error) {
      throw notStarted(command, error);
    }
  }

  async #end(): Promise<ProgramEnd> {
    await this.#child.exited;
    this.#hasEnded = true;
    await this.#allOutput();
    const { exitCode, signalCode } = this.#child;
    if (signalCode === null) return { status: exitCode ?? 1, signal: undefined };
    return { status: 128 + (constants.signals[signalCode as NodeJS.Signals] ?? 0), signal: `${signalCode}` };
  }

  /** The end of its output announces itself to nobody, as others may have its terminal open: a mark behind it does. */
  async #allOutput(): Promise<void> {
    this.#rest = new Uint8Array();
    const { clock } = this.#parts;
    using _limit = clock.after(COMPLETE_MS, () => this.#complete.resolve());
    let again: Disposable | undefined;
    const mark = () => {
      if (this.#device?.append(END_MARK) === false) again = clock.after(RETRY_MS, mark);
    };
    mark();
    await this.#complete.promise;
    again?.[Symbol.dispose]();
    const rest = this.#rest;
    this.#rest = undefined;
    if (rest.length > 0) this.#parts.onOutput(rest);
  }

  #onData(bytes: Uint8Array): void {
    if (this.#rest === undefined) {
      this.#parts.onOutput(bytes.slice());
      return;
    }
    const all = Buffer.concat([this.#rest, bytes]);
    const at = all.indexOf(END_MARK);
    if (at < 0) {
      const keptBytes = Math.min(all.length, END_MARK.length - 1);
      this.#rest = all.subarray(all.length - keptBytes);
      if (all.length > keptBytes) this.#parts.onOutput(all.subarray(0, all.length - keptBytes));
      return;
    }
    this.#rest = all.subarray(0, at);
    this.#complete.resolve();
  }
}

function notStarted(command: string, cause: unknown): EntmootError {
  const code = codeOf(cause);
  if (code === "ENOENT") {
    const told = `attach: no program ${JSON.stringify(command)}; expected one that your shell finds, or its path`;
    return new EntmootError("not_found", told, { cause });
  }
  if (code === "EACCES") {
    const told = `attach: ${JSON.stringify(command)} may not be run by this user; expected an executable file`;
    return new EntmootError("forbidden", told, { cause });
  }
  return new EntmootError("unavailable", `attach: ${JSON.stringify(command)} could not be started`, { cause });
}

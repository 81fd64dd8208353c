import type { Clock } from "../core/clock.ts";
import { isInForeground, stoppedByShell } from "./foreground.ts";
import type { TerminalOutput } from "./terminal-output.ts";

/** Ours. After asking to be stopped; when this comes, we were, or nobody is there to do it. */
const STOPPED_MS = 50;
/** Ours. How often a process in the background looks whether it was fetched to the front: no signal says so. */
const LOOK_MS = 1_000;

/** What ends this process without another word, where nothing else takes it. */
const DEADLY = ["SIGABRT", "SIGALRM", "SIGUSR2", "SIGXCPU"] as const;

/** Pastes are marked as such, from here on and no longer. */
const PASTES_MARKED = "\x1b[?2004h";
const PASTES_PLAIN = "\x1b[?2004l";

export interface RawModeParts {
  readonly out: TerminalOutput | undefined;
  readonly clock: Clock;
  /** Has the terminal mark pastes as such: not where it knows no sequences, nor where another program says what it wants. */
  readonly marksPastes: boolean;
  /** What was typed, as it came; an empty piece never comes. */
  readonly onBytes: (bytes: Uint8Array) => void;
  /** Nothing more will be typed. */
  readonly onEnd: () => void;
  /** Typing begins or begins again: what is on the terminal is not known. */
  readonly onBegin: () => void;
  /** Typing ends or pauses; the frame that is drawn stays on the terminal. */
  readonly onLeave: () => string;
}

/**
 * The keyboard, key by key, while this process is in the foreground. Whatever happens (an end, a crash, Ctrl-Z, a
 * signal) the terminal is left as it was found.
 */
export class RawMode implements Disposable {
  readonly #parts: RawModeParts;
  readonly #undo = new DisposableStack();
  #isOn = false;
  #isPaused = false;
  #look: Disposable | undefined;

  constructor(parts: RawModeParts) {
    this.#parts = parts;
    process.stdin.on("data", (bytes: Uint8Array) => parts.onBytes(bytes));
    // A terminal that hangs up is an end, or an error of the system.
    for (const event of ["end", "error", "close"]) process.stdin.once(event, parts.onEnd);
    process.stdin.pause();
    this.#onSignal("SIGCONT", () => this.#begin());
    this.#onSignal("SIGTSTP", this.#onStop);
    for (const signal of DEADLY) this.#onSignal(signal, () => this.#die(signal));
    const onExit = () => this[Symbol.dispose]();
    process.once("exit", onExit);
    this.#undo.defer(() => process.off("exit", onExit));
    this.#begin();
  }

  /** Whether keys arrive. */
  get isOn(): boolean {
    return this.#isOn;
  }

  /** Stops this process and those it was started with, as Ctrl-Z does elsewhere; goes on when the shell says so. */
  suspend(): void {
    // To the whole group: a shell waits for the first of them, which may be npm.
    const pid = stoppedByShell();
    if (pid !== undefined) this.#stop(pid);
  }

  /** Takes no more keys until `resume`; the terminal keeps them. */
  pause(): void {
    this.#isPaused = true;
    process.stdin.pause();
  }

  resume(): void {
    this.#isPaused = false;
    if (this.#isOn) process.stdin.resume();
  }

  [Symbol.dispose](): void {
    if (this.#undo.disposed) return;
    this.#leave();
    this.#look?.[Symbol.dispose]();
    this.#undo.dispose();
  }

  readonly #onStop = () => this.#stop(process.pid);

  /** Without a handler the signal does what it does elsewhere, which is nothing where no shell could wake us again. */
  #stop(pid: number): void {
    this.#leave();
    process.off("SIGTSTP", this.#onStop);
    process.kill(pid, "SIGTSTP");
    this.#parts.clock.after(STOPPED_MS, () => {
      if (this.#undo.disposed) return;
      process.on("SIGTSTP", this.#onStop);
      if (!this.#isOn) this.#begin();
    });
  }

  #die(signal: NodeJS.Signals): void {
    this[Symbol.dispose]();
    process.kill(process.pid, signal);
  }

  #begin(): void {
    if (this.#undo.disposed) return;
    this.#look?.[Symbol.dispose]();
    if (!isInForeground()) {
      this.#isOn = false;
      process.stdin.pause();
      this.#look = this.#parts.clock.after(LOOK_MS, () => this.#begin(), { idle: true });
      return;
    }
    // Set again in any case: whoever stopped us may have changed it.
    process.stdin.setRawMode(true);
    if (this.#parts.marksPastes) this.#parts.out?.write(PASTES_MARKED);
    this.#isOn = true;
    if (!this.#isPaused) process.stdin.resume();
    this.#parts.onBegin();
  }

  #leave(): void {
    if (!this.#isOn) return;
    this.#isOn = false;
    process.stdin.pause();
    this.#parts.out?.write(this.#parts.onLeave() + (this.#parts.marksPastes ? PASTES_PLAIN : ""));
    if (isInForeground()) process.stdin.setRawMode(false);
  }

  #onSignal(signal: NodeJS.Signals, act: () => void): void {
    process.on(signal, act);
    this.#undo.defer(() => process.off(signal, act));
  }
}

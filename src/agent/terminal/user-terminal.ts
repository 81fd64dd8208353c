import type { Clock } from "../../core/clock.ts";
import { stoppedByShell } from "../../host/foreground.ts";
import { RawMode } from "../../host/raw-mode.ts";
import { TerminalOutput } from "../../host/terminal-output.ts";
import type { TerminalSize } from "./hosted-program.ts";

/** The terminal that the user sees and types in. */
export interface UserTerminal extends Disposable {
  readonly size: TerminalSize;
  /** Bytes shown that it has not taken. */
  readonly waitingBytes: number;
  /** Resolves when it has taken all, or is gone. */
  taken(): Promise<void>;
  /** From here on keys come as they are typed. */
  begin(events: UserEvents): void;
  show(bytes: Uint8Array | string): void;
  /** Keys wait where they are until they are wanted again. */
  takeKeys(areTaken: boolean): void;
  /** Whether a shell could wake this process again, once it is stopped. */
  readonly canSuspend: boolean;
  /** Stops this process; `onContinued` is told when it goes on. */
  suspend(): void;
}

export interface UserEvents {
  readonly onKeys: (bytes: Uint8Array) => void;
  readonly onResize: (size: TerminalSize) => void;
  /** It has hung up: nothing more can be shown or typed. */
  readonly onGone: () => void;
  /** After it was stopped, or another program had the terminal: what it shows is not known. */
  readonly onContinued: () => void;
}

/** Ours. What may be shown before the program's terminal has stopped; beyond it would be dropped. */
const WAITING_MAX_BYTES = 16 * 1024 * 1024;

/** The terminal behind this process's stdin and stdout; `undefined` when either is none. */
export function standardTerminal(clock: Clock): UserTerminal | undefined {
  if (!process.stdin.isTTY) return undefined;
  const out = TerminalOutput.behind(1, clock, WAITING_MAX_BYTES);
  return out && new StandardTerminal(out, clock);
}

class StandardTerminal implements UserTerminal {
  readonly #out: TerminalOutput;
  readonly #clock: Clock;
  readonly #undo = new DisposableStack();
  #raw: RawMode | undefined;

  constructor(out: TerminalOutput, clock: Clock) {
    this.#out = out;
    this.#clock = clock;
  }

  get size(): TerminalSize {
    const [columns, rows] = process.stdout.getWindowSize();
    // A terminal that was never told its size has none.
    return { columns: columns || 80, rows: rows || 24 };
  }

  get waitingBytes(): number {
    return this.#out.waitingBytes;
  }

  taken(): Promise<void> {
    return this.#out.idle();
  }

  begin(events: UserEvents): void {
    let isFirst = true;
    const onResize = () => events.onResize(this.size);
    process.stdout.on("resize", onResize);
    this.#undo.defer(() => process.stdout.off("resize", onResize));
    this.#out.gone.addEventListener("abort", events.onGone, { once: true });
    this.#undo.defer(() => this.#out.gone.removeEventListener("abort", events.onGone));
    this.#raw = new RawMode({
      out: this.#out,
      clock: this.#clock,
      marksPastes: false,
      onBytes: events.onKeys,
      onEnd: events.onGone,
      onBegin: () => {
        leaveLineFeeds();
        if (!isFirst) events.onContinued();
        isFirst = false;
      },
      onLeave: () => "",
    });
  }

  show(bytes: Uint8Array | string): void {
    this.#out.write(bytes);
  }

  takeKeys(areTaken: boolean): void {
    if (areTaken) this.#raw?.resume();
    else this.#raw?.pause();
  }

  get canSuspend(): boolean {
    return stoppedByShell() !== undefined;
  }

  suspend(): void {
    this.#raw?.suspend();
  }

  [Symbol.dispose](): void {
    this.#undo.dispose();
    this.#raw?.[Symbol.dispose]();
    this.#out[Symbol.dispose]();
  }
}

/**
 * The runtime's raw mode leaves the terminal turning line feeds into line starts, which a program that has switched that off in
 * its own terminal does not want. What the runtime puts back at the end has it on again.
 */
function leaveLineFeeds(): void {
  try {
    Bun.spawnSync(["stty", "-opost"], { stdin: "inherit", stdout: "ignore", stderr: "ignore" });
  } catch {
    // A system without it shows such a program's line feeds as line starts.
  }
}

import { countText } from "../../core/amounts.ts";
import type { Clock } from "../../core/clock.ts";
import { RawMode } from "../../host/raw-mode.ts";
import { TerminalOutput } from "../../host/terminal-output.ts";
import { atMost } from "../../transport/wait.ts";
import { KeyReader } from "./keys.ts";
import { layOut } from "./layout.ts";
import { type Done, LineEditor, type LineView } from "./line-editor.ts";
import { type Looks, Painter } from "./painter.ts";

/** Ours. Lines that wait to be shown before whoever brings them waits too; and prose, which nobody waits with. */
const LINES_MAX = 256;
const NOTES_MAX = 1_000;
/** Ours. At the end, for a terminal that is slow to take what is left. */
const LAST_MS = 500;

export interface ScreenParts {
  readonly clock: Clock;
  /** A line is finished. `pasted`: it is meant as it stands. */
  readonly onLine: (text: string, pasted: boolean) => void;
  /** Somebody wants to leave, or the terminal is gone. */
  readonly onEnd: () => void;
}

/**
 * A terminal with a line being typed at its bottom and lines that go by above it. A terminal that takes nothing holds up
 * what it shows and nothing else: `put` then waits, notes beyond a thousand are dropped and counted.
 */
export class Screen implements AsyncDisposable {
  readonly #parts: ScreenParts;
  readonly #out: TerminalOutput | undefined;
  readonly #editor = new LineEditor();
  readonly #keys = new KeyReader();
  readonly #painter = new Painter();
  readonly #raw: RawMode | undefined;
  #prompt = "> ";
  #above: string[] = [];
  #notesWaiting = 0;
  #notesDropped = 0;
  /** Ctrl-S: nothing is shown until the next key. */
  #isHeld = false;
  #isDrawing = false;
  #isStale = false;
  #room = Promise.withResolvers<void>();

  constructor(parts: ScreenParts) {
    this.#parts = parts;
    this.#out = TerminalOutput.behind(1, parts.clock);
    this.#out?.gone.addEventListener("abort", parts.onEnd, { once: true });
    process.stdout.on("resize", this.#draw);
    if (!process.stdin.isTTY) return;
    this.#raw = new RawMode({
      out: this.#out,
      clock: parts.clock,
      marksPastes: !this.#looks.isDumb,
      onBytes: (bytes) => this.#onBytes(bytes),
      onEnd: parts.onEnd,
      onBegin: () => this.#begin(),
      onLeave: () => this.#painter.leave(),
    });
    this.#draw();
  }

  /** Whether somebody can type here. */
  get isTyped(): boolean {
    return this.#raw !== undefined;
  }

  /** What stands before the line. */
  set prompt(text: string) {
    this.#prompt = text;
    this.#draw();
  }

  /** Shows a line above the one being typed. Resolves when there is room for the next. */
  async put(line: string): Promise<void> {
    this.#above.push(line);
    this.#draw();
    while (this.#above.length >= LINES_MAX && !this.#out?.gone.aborted) await this.#room.promise;
  }

  /** As `put`, for what nobody waits with. */
  note(line: string): void {
    if (this.#notesWaiting >= NOTES_MAX) {
      this.#notesDropped++;
      return;
    }
    this.#notesWaiting++;
    this.#above.push(line);
    this.#draw();
  }

  /** A line said before, to be brought back with arrow up. */
  remember(line: string): void {
    this.#editor.remember(line);
  }

  /** A line that answered a question: arrow up brings back what was asked about, not this. */
  forget(line: string): void {
    this.#editor.forget(line);
  }

  /** What was begun and not finished, typed or pasted; it stands in the line no longer. */
  takeUnfinished(): string {
    const pasting = this.#keys.giveUp();
    return this.#editor.takeUnfinished() + pasting;
  }

  /** Takes no keys until `resume`. */
  pause(): void {
    this.#raw?.pause();
  }

  resume(): void {
    this.#raw?.resume();
  }

  /** Leaves the terminal as it was found. */
  async [Symbol.asyncDispose](): Promise<void> {
    process.stdout.off("resize", this.#draw);
    this.#isHeld = false;
    this.#draw();
    this.#raw?.[Symbol.dispose]();
    if (this.#out !== undefined) await atMost(this.#parts.clock, LAST_MS, this.#out.idle());
    this.#out?.[Symbol.dispose]();
  }

  get #looks(): Looks & { readonly rows: number } {
    return {
      columns: process.stdout.columns || 80,
      rows: process.stdout.rows || 24,
      isDumb: process.env.TERM === "dumb",
    };
  }

  #begin(): void {
    this.#painter.forget();
    this.#draw();
  }

  #onBytes(bytes: Uint8Array): void {
    for (const key of this.#keys.read(bytes)) {
      this.#isHeld = false;
      const done = this.#editor.press(key);
      if (done !== undefined) this.#act(done);
    }
    this.#draw();
  }

  #act(done: Done): void {
    if (done.kind === "line") this.#parts.onLine(done.text, done.pasted);
    else if (done.kind === "note") this.note(done.text);
    else if (done.kind === "end") this.#parts.onEnd();
    else if (done.kind === "suspend") this.#raw?.suspend();
    else if (done.kind === "hold") this.#isHeld = true;
    else if (done.kind === "redraw") this.#clear();
  }

  #clear(): void {
    this.#painter.forget();
    if (!this.#looks.isDumb) this.#out?.write("\x1b[H\x1b[2J");
  }

  /** Brings the terminal up to date, now or, when it takes nothing, as soon as it does. */
  readonly #draw = (): void => {
    if (this.#isHeld) return;
    if (this.#isDrawing) this.#isStale = true;
    // A terminal that cannot be opened anew is written to as any stream is.
    else if (this.#out === undefined) process.stdout.write(this.#next());
    else this.#drawOn(this.#out);
  };

  #drawOn(out: TerminalOutput): void {
    this.#isStale = false;
    out.write(this.#next());
    if (out.isIdle) return;
    this.#isDrawing = true;
    out.idle().then(() => {
      this.#isDrawing = false;
      if (this.#isStale) this.#draw();
    });
  }

  /** The line, or what keeps it from being typed in. */
  get #view(): LineView {
    const pasting = this.#keys.pastingChars;
    if (pasting === undefined) return this.#editor.view;
    return {
      text: "",
      cursor: 0,
      question: `pasting, ${countText(pasting)} characters so far; where it does not end, Ctrl-C twice: `,
    };
  }

  /** All that waits, and the line as it is now. */
  #next(): string {
    const above = this.#above;
    if (this.#notesDropped > 0) above.push(`[${this.#notesDropped} lines not shown: the terminal stood still]`);
    this.#above = [];
    this.#notesWaiting = 0;
    this.#notesDropped = 0;
    this.#room.resolve();
    this.#room = Promise.withResolvers();
    if (this.#raw?.isOn !== true) return this.#painter.paint(above, undefined, this.#looks);
    const { cursor, question, text } = this.#view;
    const { columns, isDumb, rows } = this.#looks;
    const shown = { prompt: question ?? this.#prompt, text, cursor };
    const frame = layOut(shown, { columns, rowsMax: isDumb ? 1 : Math.max(1, rows - 2) });
    return this.#painter.paint(above, frame, this.#looks);
  }
}

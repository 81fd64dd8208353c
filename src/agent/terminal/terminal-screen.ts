import type { IBufferCell, Terminal } from "@xterm/headless";
import type { TerminalSize } from "./hosted-program.ts";

/** What a screen shows at one moment. */
export interface ScreenView {
  /** From top to bottom, without the blanks at their ends. */
  readonly rows: readonly string[];
  /**
   * Where the next key goes as far as the screen tells: the terminal's cursor, or where that is hidden the only reversed
   * cell, by which programs draw one of their own.
   */
  readonly cursor: { readonly row: number; readonly before: string } | undefined;
  /** The second screen, which full-screen programs use. */
  readonly isAlternate: boolean;
  /** The program has asked for pastes to be marked. */
  readonly takesPastes: boolean;
}

/** Modes a program may leave behind, and what undoes each: most are off in a terminal nobody has touched. */
const OFF_AT_REST = [1, 5, 6, 9, 66, 1000, 1002, 1003, 1004, 1005, 1006, 1015, 1016, 2004, 2026, 2027, 2031, 2048];
const ON_AT_REST = [7, 25];
const ALTERNATE = [47, 1047, 1049];
const PASTES = 2004;
const CURSOR = 25;
/** Ours. A row of reversed cells is a bar or a chosen entry; a cursor is one character. */
const CURSOR_CELLS_MAX = 2;

/**
 * What a program's output makes of a terminal. Told from the bytes alone, so that nothing has to be asked of the terminal
 * that the user sees.
 */
export class TerminalScreen implements Disposable {
  readonly #terminal: Terminal;
  readonly #onChange: () => void;
  /** Of the private modes, those that are not as at rest. */
  readonly #modes = new Set<number>();
  #keyboardLevels = 0;
  #hasOtherKeys = false;
  #hasKeypad = false;
  #pendingBytes = 0;
  #changes = 0;
  #seen: { readonly changes: number; readonly view: ScreenView } | undefined;
  #tookPastes = false;

  private constructor(terminal: Terminal, onChange: () => void) {
    this.#terminal = terminal;
    this.#onChange = onChange;
    this.#follow();
  }

  /** `onReply`: what a terminal answers to a program's questions. `onChange`: all that was fed so far has been taken in. */
  static async open(parts: ScreenMaker): Promise<TerminalScreen> {
    // Loaded only here: it takes 20 ms, which no other command should pay.
    const { default: headless } = await import("@xterm/headless");
    const { columns: cols, rows } = parts.size;
    const terminal = new headless.Terminal({ cols, rows, scrollback: 0, allowProposedApi: true });
    if (parts.onReply !== undefined) terminal.onData(parts.onReply);
    return new TerminalScreen(terminal, parts.onChange);
  }

  /** Fed and not taken in. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /** Counts what was taken in; equal numbers, equal screens. */
  get changes(): number {
    return this.#changes;
  }

  /** Whether the program has ever asked for pastes to be marked. */
  get tookPastes(): boolean {
    return this.#tookPastes;
  }

  get view(): ScreenView {
    if (this.#seen?.changes !== this.#changes) this.#seen = { changes: this.#changes, view: this.#look() };
    return this.#seen!.view;
  }

  feed(bytes: Uint8Array): void {
    this.#pendingBytes += bytes.length;
    this.#terminal.write(bytes, () => {
      this.#pendingBytes -= bytes.length;
      this.#changes++;
      this.#onChange();
    });
  }

  resize({ columns, rows }: TerminalSize): void {
    this.#terminal.resize(Math.max(2, columns), Math.max(1, rows));
    this.#changes++;
  }

  /** What puts a terminal back that this output was sent to; empty where nothing is left behind. */
  restoring(): string {
    const parts = [...OFF_AT_REST, ...ALTERNATE]
      .filter((mode) => this.#modes.has(mode))
      .map((mode) => `\x1b[?${mode}l`);
    for (const mode of ON_AT_REST) if (this.#modes.has(mode)) parts.push(`\x1b[?${mode}h`);
    if (this.#keyboardLevels > 0) parts.unshift(`\x1b[<${this.#keyboardLevels}u`);
    if (this.#hasOtherKeys) parts.push("\x1b[>4m");
    if (this.#hasKeypad) parts.push("\x1b>");
    // In front the end of a sequence that may be half sent; colours and the character set at rest behind.
    return parts.length === 0 ? "" : `\x1b\\${parts.join("")}\x1b[0m\x1b(B\x0f`;
  }

  [Symbol.dispose](): void {
    this.#terminal.dispose();
  }

  /** Each handler says that the terminal is to do its own part too. */
  #follow(): void {
    const { parser } = this.#terminal;
    const set = (isOn: boolean) => (params: (number | number[])[]) => {
      for (const mode of params.flat()) this.#setMode(mode, isOn);
      return false;
    };
    parser.registerCsiHandler({ prefix: "?", final: "h" }, set(true));
    parser.registerCsiHandler({ prefix: "?", final: "l" }, set(false));
    const keyboard = (by: (first: number) => number) => (params: (number | number[])[]) => {
      const level = this.#keyboardLevels + by(Number(params.flat()[0] ?? 0));
      this.#keyboardLevels = Math.min(99, Math.max(0, level));
      return false;
    };
    parser.registerCsiHandler(
      { prefix: ">", final: "u" },
      keyboard(() => 1),
    );
    parser.registerCsiHandler(
      { prefix: "<", final: "u" },
      keyboard((count) => -Math.max(1, count)),
    );
    parser.registerCsiHandler({ prefix: ">", final: "m" }, (params) => {
      const [resource, value] = params.flat();
      if (resource === 4) this.#hasOtherKeys = (value ?? 0) > 0;
      return false;
    });
    parser.registerEscHandler({ final: "=" }, () => this.#setKeypad(true));
    parser.registerEscHandler({ final: ">" }, () => this.#setKeypad(false));
    parser.registerEscHandler({ final: "c" }, () => this.#reset());
    parser.registerCsiHandler({ intermediates: "!", final: "p" }, () => this.#reset());
  }

  #setMode(mode: number, isOn: boolean): void {
    if (mode === PASTES && isOn) this.#tookPastes = true;
    const isAtRest = ON_AT_REST.includes(mode) === isOn;
    if (isAtRest) this.#modes.delete(mode);
    else if (ON_AT_REST.includes(mode) || OFF_AT_REST.includes(mode) || ALTERNATE.includes(mode)) this.#modes.add(mode);
  }

  #setKeypad(isOn: boolean): boolean {
    this.#hasKeypad = isOn;
    return false;
  }

  #reset(): boolean {
    this.#modes.clear();
    this.#keyboardLevels = 0;
    this.#hasOtherKeys = false;
    this.#hasKeypad = false;
    return false;
  }

  #look(): ScreenView {
    const { buffer, rows: height } = this.#terminal;
    const { active } = buffer;
    const lines = Array.from({ length: height }, (_, row) => active.getLine(active.baseY + row));
    const at = this.#modes.has(CURSOR)
      ? this.#drawnCursor()
      : { row: active.cursorY, column: Math.min(active.cursorX, this.#terminal.cols) };
    return {
      rows: lines.map((line) => line?.translateToString(true) ?? ""),
      cursor: at && { row: at.row, before: lines[at.row]?.translateToString(false, 0, at.column) ?? "" },
      isAlternate: active.type === "alternate",
      takesPastes: this.#modes.has(PASTES),
    };
  }

  /** The only run of reversed cells that is short enough for a cursor. */
  #drawnCursor(): { readonly row: number; readonly column: number } | undefined {
    const { buffer, cols, rows } = this.#terminal;
    const { active } = buffer;
    let cell: IBufferCell | undefined;
    const found: { row: number; column: number }[] = [];
    for (let row = 0; row < rows; row++) {
      const line = active.getLine(active.baseY + row);
      for (let column = 0; column < cols; column++) {
        cell = line?.getCell(column, cell);
        if (!cell?.isInverse()) continue;
        const begin = column;
        while (column < cols && line?.getCell(column, cell)?.isInverse()) column++;
        if (column - begin <= CURSOR_CELLS_MAX) found.push({ row, column: begin });
      }
    }
    return found.length === 1 ? found[0] : undefined;
  }
}

/** What a screen is made of. */
export interface ScreenMaker {
  readonly size: TerminalSize;
  readonly onChange: () => void;
  readonly onReply?: ((text: string) => void) | undefined;
}

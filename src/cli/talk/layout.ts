import { terminalText } from "../../view/terminal-text.ts";
import { graphemes, whole } from "./text-steps.ts";

/** WrappedRows of a terminal, and where in them its cursor stands. */
export interface LineFrame {
  readonly rows: readonly string[];
  /** How many columns each row takes. */
  readonly widths: readonly number[];
  readonly cursorRow: number;
  /** What of the cursor's row stands before it. */
  readonly beforeCursor: string;
  readonly cursorColumn: number;
}

export interface LineRoom {
  readonly columns: number;
  /** How many rows the line may take; of a longer one that part is shown in which the cursor is. */
  readonly rowsMax: number;
}

/** Ours. Of a prompt or a question, which are our own words around somebody's name. */
const PROMPT_MAX = 200;

/** What stands for what has no look of its own, or must not reach the terminal. */
const LINE_BREAK = "↵";
const UNSEEN = "·";
const CUT = "…";

/** The line as it is to be seen: the prompt, the text, wrapped before the last column, so that no terminal wraps it itself. */
export function layOut({ prompt, text, cursor }: Typed, { columns, rowsMax }: LineRoom): LineFrame {
  const width = Math.max(2, columns - 1);
  const { from, to } = window(text, cursor, width * rowsMax);
  const rows = new WrappedRows(width);
  for (const char of graphemes(terminalText(prompt, PROMPT_MAX))) rows.add(char);
  if (from > 0) rows.add(CUT);
  for (const char of graphemes(text.slice(from, cursor))) rows.add(shown(char));
  rows.mark();
  for (const char of graphemes(text.slice(cursor, to))) rows.add(shown(char));
  if (to < text.length) rows.add(CUT);
  return rows.frame(rowsMax);
}

/** `cursor` is an index of `text`. */
export interface Typed {
  readonly prompt: string;
  readonly text: string;
  readonly cursor: number;
}

/** The part of a long text around the cursor, in steps, so that it does not move with every key. */
function window(text: string, cursor: number, cells: number): { from: number; to: number } {
  if (text.length <= 4 * cells) return { from: 0, to: text.length };
  const step = Math.max(0, Math.floor((cursor - 2 * cells) / cells) * cells);
  return { from: whole(text, step), to: whole(text, cursor + 2 * cells) };
}

function shown(char: string): string {
  if (char === "\n" || char === "\r\n") return LINE_BREAK;
  return terminalText(char) || UNSEEN;
}

/** WrappedRows being filled. */
class WrappedRows {
  readonly #width: number;
  readonly #rows: string[] = [""];
  readonly #widths: number[] = [0];
  #cursor = { row: 0, column: 0, before: "" };

  constructor(width: number) {
    this.#width = width;
  }

  add(text: string): void {
    // No terminal shows a character on two rows.
    const char = Bun.stringWidth(text) > this.#width ? UNSEEN : text;
    const width = Bun.stringWidth(char);
    if (this.#widths.at(-1)! + width > this.#width) {
      this.#rows.push("");
      this.#widths.push(0);
    }
    this.#rows[this.#rows.length - 1] += char;
    this.#widths[this.#widths.length - 1]! += width;
  }

  /** The cursor stands behind what was added last. */
  mark(): void {
    this.#cursor = { row: this.#rows.length - 1, column: this.#widths.at(-1)!, before: this.#rows.at(-1)! };
  }

  frame(rowsMax: number): LineFrame {
    const { row, column, before } = this.#cursor;
    const top = Math.max(0, Math.min(row - Math.floor(rowsMax / 2), this.#rows.length - rowsMax));
    return {
      rows: this.#rows.slice(top, top + rowsMax),
      widths: this.#widths.slice(top, top + rowsMax),
      cursorRow: row - top,
      cursorColumn: column,
      beforeCursor: before,
    };
  }
}

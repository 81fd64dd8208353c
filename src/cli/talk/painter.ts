import type { LineFrame } from "./layout.ts";

/** What the terminal understands. */
export interface Looks {
  readonly columns: number;
  /** It knows no sequences: TERM=dumb. Frames then have one row. */
  readonly isDumb: boolean;
}

/** Printable ASCII: as wide on every terminal as it is long. */
const PLAIN = /^[ -~]*$/;

/**
 * Keeps one frame at the bottom of a terminal while lines go by above it, and says what to send for that. Where plain
 * characters do, nothing else is sent, so that a transcript of the terminal can be read.
 */
export class Painter {
  #drawn: { readonly frame: LineFrame; readonly columns: number } | undefined;
  #isElsewhere = false;

  /** Takes the frame away, prints `above` where it stood, and draws `next` below, if there is one. */
  paint(above: readonly string[], next: LineFrame | undefined, looks: Looks): string {
    const erased = this.#erase(looks);
    this.#drawn = next === undefined ? undefined : { frame: next, columns: looks.columns };
    const lines = above.map((line) => `${line.replaceAll("\n", "\r\n")}\r\n`).join("");
    return erased + lines + (next === undefined ? "" : draw(next, looks));
  }

  /** Leaves the frame where it is, and goes to the line below it. */
  leave(): string {
    const drawn = this.#drawn?.frame;
    this.#drawn = undefined;
    if (drawn === undefined) return "";
    if (drawn.widths.length === 1 && drawn.widths[0] === 0) return "\r";
    return "\r\n".repeat(drawn.rows.length - drawn.cursorRow);
  }

  /** The terminal's content is not what was sent: somebody else wrote on it, or it was cleared. */
  forget(): void {
    this.#drawn = undefined;
    this.#isElsewhere = true;
  }

  #erase({ columns, isDumb }: Looks): string {
    const start = this.#isElsewhere ? "\r" : "";
    this.#isElsewhere = false;
    if (this.#drawn === undefined) return start;
    const { frame, columns: before } = this.#drawn;
    const isOneRow = frame.rows.length === 1;
    if (isDumb || (isOneRow && PLAIN.test(frame.rows[0]!) && columns === before)) {
      return `\r${" ".repeat(frame.widths[0]!)}\r`;
    }
    const above = rowsAbove(frame, columns);
    return `\r${above > 0 ? `\x1b[${above}A` : ""}\x1b[J`;
  }
}

/** Rows between the first of the frame and the cursor's, on a terminal that may have become narrower since. */
function rowsAbove({ cursorColumn, cursorRow, widths }: LineFrame, columns: number): number {
  const rows = (width: number) => Math.max(1, Math.ceil(width / columns));
  const above = widths.slice(0, cursorRow).reduce((sum, width) => sum + rows(width), 0);
  return above + Math.floor(cursorColumn / columns);
}

function draw({ beforeCursor, cursorColumn, cursorRow, rows, widths }: LineFrame, { isDumb }: Looks): string {
  const [only] = rows;
  const text = rows.join("\r\n");
  const up = rows.length - 1 - cursorRow;
  // To the cursor by writing what stands before it once more: how wide that is, the terminal knows best.
  const isAtEnd = up === 0 && cursorColumn === widths.at(-1);
  const back = isAtEnd ? "" : `${up > 0 ? `\x1b[${up}A` : ""}\r${beforeCursor}`;
  if (isDumb || (rows.length === 1 && PLAIN.test(only!))) return text + back;
  // What is wider than it was taken for is cut at the edge instead of breaking into another row.
  return `\x1b[?7l${text}${back}\x1b[?7h`;
}

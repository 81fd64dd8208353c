const CHARACTERS = new Intl.Segmenter();
/** Of what a person sees as one character. */
const LONGEST = 64;

/**
 * What stands on a terminal after it was sent something: as much of one as programs here use. Wide characters take two
 * cells, rows wrap at the edge unless that is switched off, and the last row scrolls.
 */
export class TinyScreen {
  readonly #columns: number;
  readonly #rows: number;
  /** Cells; the second of a wide character is empty. What has scrolled away stays in front. */
  readonly #cells: string[][] = [[]];
  #row = 0;
  #column = 0;
  #wraps = true;
  #rest = "";

  constructor(columns = 80, rows = 24) {
    this.#columns = columns;
    this.#rows = rows;
  }

  /** All rows, those that scrolled away too, without blanks at their ends. */
  get lines(): string[] {
    return this.#cells.map((row) =>
      Array.from(row, (cell) => cell ?? " ")
        .join("")
        .trimEnd(),
    );
  }

  /** Where the cursor is: the row counted as `lines` are. */
  get cursor(): { readonly row: number; readonly column: number } {
    return { row: this.#row, column: this.#column };
  }

  write(text: string): void {
    let left = this.#rest + text;
    this.#rest = "";
    while (left !== "") {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what terminals are sent.
      const sequence = /^\x1b(\[([?\d;]*)([A-Za-z])|$|\[[?\d;]*$)/.exec(left);
      if (sequence !== null) {
        const [all, , parameters = "", final] = sequence;
        if (final === undefined) {
          this.#rest = all;
          return;
        }
        this.#obey(parameters, final);
        left = left.slice(all.length);
        continue;
      }
      const plain = /^[ -~]+(?=[ -~\r\n])/.exec(left)?.[0];
      const [first] = plain === undefined ? CHARACTERS.segment(left.slice(0, LONGEST)) : [];
      for (const char of plain ?? [first!.segment]) this.#put(char);
      left = left.slice(plain?.length ?? first!.segment.length);
    }
  }

  #put(char: string): void {
    if (char.startsWith("\r")) this.#column = 0;
    if (char === "\r\n") this.#goTo(this.#row + 1);
    else if (char === "\r") return;
    else if (char === "\n") this.#goTo(this.#row + 1);
    else if (char === "\b") this.#column = Math.max(0, this.#column - 1);
    else this.#print(char);
  }

  #print(char: string): void {
    const width = /^[ -~]$/.test(char) ? 1 : Bun.stringWidth(char);
    if (this.#column + width > this.#columns) {
      if (!this.#wraps) return;
      this.#goTo(this.#row + 1);
      this.#column = 0;
    }
    const row = this.#cells[this.#row]!;
    while (row.length < this.#column) row.push(" ");
    row[this.#column] = char;
    for (let cell = 1; cell < width; cell++) row[this.#column + cell] = "";
    this.#column += width;
  }

  #obey(parameters: string, final: string): void {
    const count = Number(parameters) || 1;
    const top = Math.max(0, this.#cells.length - this.#rows);
    if (final === "A") this.#row = Math.max(top, this.#row - count);
    else if (final === "J" && parameters === "") {
      this.#cells.length = this.#row + 1;
      this.#cells[this.#row]!.length = Math.min(this.#cells[this.#row]!.length, this.#column);
    } else if (parameters === "?7") this.#wraps = final === "h";
    else if (parameters !== "?2004") throw new Error(`a sequence that no test expects: ESC [ ${parameters} ${final}`);
  }

  #goTo(row: number): void {
    while (this.#cells.length <= row) this.#cells.push([]);
    this.#row = row;
  }
}

/** Ours. Lines that can be brought back, and how long they are together; the oldest go first. */
const LINES_MAX = 500;
const CHARS_MAX = 8 * 1024 * 1024;

/** What was typed before, and the line that was begun when somebody went looking for it. */
export class History {
  readonly #lines: string[] = [];
  #chars = 0;
  /** Which one is looked at; `#lines.length` is the line being typed. */
  #at = 0;
  #begun = "";

  /** Once for what is the same as the one before it. */
  add(line: string): void {
    if (line !== "" && line !== this.#lines.at(-1)) {
      this.#lines.push(line);
      this.#chars += line.length;
    }
    while (this.#lines.length > LINES_MAX || (this.#chars > CHARS_MAX && this.#lines.length > 1)) {
      this.#chars -= this.#lines.shift()!.length;
    }
    this.#at = this.#lines.length;
  }

  /** Takes away the latest line that says this. */
  forget(line: string): void {
    const found = this.#lines.lastIndexOf(line);
    if (found === -1) return;
    this.#lines.splice(found, 1);
    this.#chars -= line.length;
    if (this.#at > found) this.#at--;
  }

  /** The line before the one that is looked at; `undefined` at the oldest. `typed` is what stands in the line now. */
  older(typed: string): string | undefined {
    if (this.#at === 0) return undefined;
    if (this.#at === this.#lines.length) this.#begun = typed;
    return this.#lines[--this.#at];
  }

  /** The line after it, in the end the one that was begun; `undefined` where that is what is looked at. */
  newer(): string | undefined {
    if (this.#at === this.#lines.length) return undefined;
    return ++this.#at === this.#lines.length ? this.#begun : this.#lines[this.#at];
  }
}

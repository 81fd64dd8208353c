/**
 * Everything a terminal could act on: C0 and C1 controls, line and paragraph separators, and the marks that
 * turn the direction of text, so that a message shows as what it is and cannot drive the reader's terminal.
 */
const CONTROLS = /[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/gu;

const BREAKS = /[\n\r\t\v\f\u2028\u2029]/g;

/** Ours. Longer text is cut on a terminal; `tail` and `query` print all of it. */
const TERMINAL_TEXT_MAX = 4_096;

/** `text` on one line of a terminal: breaks and tabs become blanks, other controls vanish, long text is cut. */
export function terminalText(text: string, max = TERMINAL_TEXT_MAX): string {
  // Cut first: what a stranger sent may be megabytes.
  const cut = text.length > max ? `${text.slice(0, max)}…` : text;
  return cut.toWellFormed().replace(BREAKS, " ").replace(CONTROLS, "");
}

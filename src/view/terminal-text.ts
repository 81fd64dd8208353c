import { shownLine } from "../core/bytes/shown-text.ts";

/** Ours. Longer text is cut on a terminal; `tail` and `query` print all of it. */
export const TERMINAL_TEXT_MAX = 4_096;

/** `text` on one line of a terminal: breaks and tabs become blanks, other controls vanish, long text is cut. */
export function terminalText(text: string, max = TERMINAL_TEXT_MAX): string {
  // Cut first: what a stranger sent may be megabytes.
  return shownLine(text.length > max ? `${text.slice(0, max)}…` : text);
}

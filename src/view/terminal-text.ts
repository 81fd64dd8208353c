import { shownLine } from "../core/bytes/shown-text.ts";
import { trimEnd } from "../core/bytes/text.ts";

/** Ours. Longer text is cut on a terminal; `tail` and `query` print all of it. */
export const TERMINAL_TEXT_MAX = 4_096;
/** Ours. Lines of one text; a text of breaks alone would push everything else off the screen. */
export const TERMINAL_LINES_MAX = 20;
/** Before the further lines of a text, so that none of them is taken for a line of somebody else. */
const INDENT = "    ";

/** `text` on one line of a terminal: breaks and tabs become blanks, other controls vanish, long text is cut. */
export function terminalText(text: string, max = TERMINAL_TEXT_MAX): string {
  // Cut first: what a stranger sent may be megabytes.
  return shownLine(text.length > max ? `${text.slice(0, max)}…` : text);
}

/** As `terminalText`, over as many lines as the text has, up to `TERMINAL_LINES_MAX`, the further ones indented; breaks at its end count for nothing. */
export function terminalLines(text: string): { readonly shown: string; readonly isWhole: boolean } {
  const kept = text.length > TERMINAL_TEXT_MAX ? `${text.slice(0, TERMINAL_TEXT_MAX)}…` : trimEnd(text, "\r\n");
  const lines = kept.split(/\r?\n/, TERMINAL_LINES_MAX + 1);
  const shown = lines.slice(0, TERMINAL_LINES_MAX).map((line) => shownLine(line));
  const isWhole = text.length <= TERMINAL_TEXT_MAX && lines.length <= TERMINAL_LINES_MAX;
  return { shown: shown.join(`\n${INDENT}`) + (lines.length > TERMINAL_LINES_MAX ? ` …` : ""), isWhole };
}

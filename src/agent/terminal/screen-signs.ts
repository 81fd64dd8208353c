import type { ScreenView } from "./terminal-screen.ts";

/** Ours. A question stands near the end of what is shown; further up is what was said before. */
const QUESTION_ROWS = 16;
const STATUS_ROWS = 12;
/** Ours. So many characters of a text's end are looked for: more than a status line says by chance, less than a row. */
const END_CHARACTERS = 32;

/** What frames and margins are drawn with, and blanks: a text is the same however it was wrapped and framed. */
const FRAME = /[\s|\u2500-\u259f]+/g;
/** By which programs show a paste that they took. */
const PASTE_MARK = /\[[^[\]\n]{0,20}past[^[\]\n]{0,60}\]/gi;

/** An entry that is chosen; alone it may be a line said before. */
const CHOSEN = /^[\s│|]*[❯›▶▸➤»>●◉]\s*(?:\d{1,2}[.)]\s|(?:yes|no|ok|allow|approve|deny|reject|accept|cancel|trust)\b)/i;
/** Another entry beside it. */
const NUMBERED = /^[\s│|]*\d{1,2}[.)]\s/;
const WORDED = /^[\s│|○◯]*(?:yes|no|ok|allow|approve|deny|reject|accept|cancel|trust|don't)\b/i;
const ASKS = [
  /[([]\s*y(?:es)?\s*[/|]\s*n(?:o)?(?:\s*[/|][^)\]]{0,20})?\s*[)\]]/i,
  /\b(?:enter|return|space)\b[\s⏎↵]{0,3}(?:to\s+)?(?:confirm|select|choose|approve|accept|toggle|continue)\b/i,
  /\bpress\s+(?:enter|return|any key|y\b|space)/i,
  /\besc(?:ape)?\s+(?:to\s+)?(?:reject|deny|dismiss|go back|exit|close)\b/i,
  /--\s?more\s?--|^\s*\(END\)\s*$/i,
];
const SECRET = /\b(?:password|passphrase|passcode|pin|secret|token)\b[^:\n]{0,60}:\s*$/i;
const WORKS = /\b(?:esc|escape|ctrl[+-]c|\^c)\b[\s)]{0,2}(?:again\s+)?(?:to\s+)?(?:interrupt|cancel|stop|abort)\b/i;

/** What the program asks its user, in a word; `undefined` when nothing is seen of a question. */
export function questionOn({ rows, cursor }: ScreenView): string | undefined {
  // With the empty rows, which part what is said from its answer.
  const shown = rows.slice(0, rows.findLastIndex((row) => row.trim() !== "") + 1).slice(-QUESTION_ROWS);
  const hasChoice = shown.some((row, at) => {
    if (!CHOSEN.test(row)) return false;
    const [near, beside] = [shown.slice(Math.max(0, at - 3), at + 4), shown.slice(Math.max(0, at - 1), at + 2)];
    return near.some((other) => NUMBERED.test(other)) || beside.some((other) => WORDED.test(other));
  });
  if (hasChoice) return "a choice";
  const asked = lastRows(rows, STATUS_ROWS).find((row) => ASKS.some((pattern) => pattern.test(row)));
  if (asked !== undefined) return "a question";
  return cursor !== undefined && SECRET.test(cursor.before) ? "a secret" : undefined;
}

/** Whether it says that it is at work. */
export function saysWorking({ rows }: ScreenView): boolean {
  return lastRows(rows, STATUS_ROWS).some((row) => WORKS.test(row));
}

/** Where a text went that was pasted: its end as a screen shows it, and by what it is known to stand in the line. */
export interface PastedSign {
  /** Squeezed. */
  readonly end: string;
  /** What its last row has before the cursor, as it is shown. */
  readonly before: string | undefined;
  /** The rows below it, where no cursor tells. */
  readonly below: readonly string[] | undefined;
}

/** The sign of `text` on `now` and not on `before`; `undefined` while it is not shown, or nothing tells where. */
export function signOf(text: string, before: ScreenView, now: ScreenView): PastedSign | undefined {
  const marks = marksOn(now);
  const mark = marks.length > marksOn(before).length ? marks.at(-1) : undefined;
  for (const end of [endOf(text), ...(mark === undefined ? [] : [squeeze(mark)])]) {
    if (end === "") continue;
    if (isBeforeCursor(now, end) && !isBeforeCursor(before, end)) {
      return { end, before: now.cursor!.before, below: undefined };
    }
    // The cursor is elsewhere, or unseen: then only one more of it tells this text from one that ends alike.
    if (count(now, end) <= count(before, end)) continue;
    const below = rowsBelow(now, end);
    if (below !== undefined) return { end, before: undefined, below };
  }
  return undefined;
}

/** Whether what was pasted still stands in the line; `unclear` when the screen shows some of what told it, and not all. */
export function standing(view: ScreenView, { end, before, below }: PastedSign): "there" | "gone" | "unclear" {
  if (below === undefined) {
    if (isBeforeCursor(view, end)) return view.cursor?.before === before ? "there" : "unclear";
    return view.cursor === undefined && count(view, end) > 0 ? "unclear" : "gone";
  }
  const now = rowsBelow(view, end);
  if (now === undefined) return "gone";
  const same = now.filter((row, at) => row === below[at]).length;
  if (same === below.length) return "there";
  return same === 0 ? "gone" : "unclear";
}

/** Whether the draft that ended so stands before the cursor. */
export function endsBeforeCursor({ cursor }: ScreenView, draft: string): boolean {
  const end = endOf(draft).slice(-16);
  return end !== "" && cursor !== undefined && squeeze(cursor.before).endsWith(end);
}

/** The line with the cursor, to be known again; `undefined` where it could be any line. */
export function lineLook({ rows, cursor }: ScreenView): string | undefined {
  if (cursor === undefined || cursor.before.trim() === "") return undefined;
  return `${cursor.before}\n${rows[cursor.row]}`;
}

/** What of `text` is looked for: its end. */
function endOf(text: string): string {
  return squeeze(text.slice(-4 * END_CHARACTERS)).slice(-END_CHARACTERS);
}

function isBeforeCursor({ rows, cursor }: ScreenView, end: string): boolean {
  // An empty row with the cursor follows a line that was entered.
  if (cursor === undefined || squeeze(cursor.before) === "") return false;
  return squeeze(
    [...rows.slice(Math.max(0, cursor.row - END_CHARACTERS), cursor.row), cursor.before].join(""),
  ).endsWith(end);
}

/** The two rows below where `end` stands last, each as it is shown. */
function rowsBelow({ rows }: ScreenView, end: string): readonly string[] | undefined {
  for (let row = rows.length - 1; row >= 0; row--) {
    const shown = squeeze(rows.slice(Math.max(0, row - END_CHARACTERS), row + 1).join(""));
    if (squeeze(rows[row]!) !== "" && shown.endsWith(end)) return [rows[row + 1] ?? "", rows[row + 2] ?? ""];
  }
  return undefined;
}

function count({ rows }: ScreenView, end: string): number {
  return squeeze(rows.join("")).split(end).length - 1;
}

function marksOn({ rows }: ScreenView): string[] {
  return rows.join("\n").match(PASTE_MARK) ?? [];
}

function squeeze(text: string): string {
  return text.replace(FRAME, "");
}

function lastRows(rows: readonly string[], most: number): readonly string[] {
  return rows.filter((row) => row.trim() !== "").slice(-most);
}

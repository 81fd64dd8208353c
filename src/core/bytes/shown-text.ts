/*
 * Words of strangers, on their way to somebody's eyes. What steers a terminal, turns the direction of a line or shows as
 * nothing has no place there: C0, DEL and C1 controls, marks of direction, separators of lines and paragraphs, tag
 * characters, unpaired surrogates, and all that Unicode calls default-ignorable or a format character. The marks that
 * Arabic, Syriac and Kaithi write visibly around numbers are such by their class alone and stay.
 */
const HIDDEN =
  "[[\\p{Cc}\\p{Cf}\\p{Cs}\\p{Zl}\\p{Zp}\\p{Default_Ignorable_Code_Point}]--[\\u0600-\\u0605\\u06dd\\u070f\\u0890\\u0891\\u08e2\\u{110bd}\\u{110cd}]]";

/** A picture of several parts, or the choice between two looks of one: its joiners and selectors hide nothing. */
const PART = "\\p{Extended_Pictographic}[\\u{1f3fb}-\\u{1f3ff}]?[\\ufe0e\\ufe0f]?";
const PICTURE = `(?:${PART}(?:\\u200d${PART})*|[0-9#*]\\ufe0f\\u20e3)`;

// By runs: a call for each would cost more than all the rest.
const FOR_EYES = new RegExp(`(${PICTURE}+)|${HIDDEN}+`, "gv");
const IN_JSON = new RegExp(`(?:[<>&]|${HIDDEN})+`, "gv");
const IS_PLAIN = /^[ -~\n]*$/;
const BLANKS = /[\r\t\v\f\u2028\u2029]/g;
const NOT_BLANKS = /[^\n ]/gu;

/**
 * `text` as it may stand on a terminal or in a log, over as many lines as it has: a tab becomes a blank, what else would
 * steer, reorder or hide is left out.
 */
export function shownLines(text: string): string {
  return shown(text, "\n");
}

/** As `shownLines`, on one line: breaks become blanks too. */
export function shownLine(text: string): string {
  return shown(text, " ");
}

function shown(text: string, lineFeed: string): string {
  if (lineFeed === "\n" && IS_PLAIN.test(text)) return text;
  return text.toWellFormed().replace(FOR_EYES, (run, picture: string | undefined) => {
    return picture ?? run.replace(BLANKS, " ").replace(NOT_BLANKS, "").replaceAll("\n", lineFeed);
  });
}

/**
 * The JSON text `json`, for the same value, with everything escaped that must not reach a terminal as it is, and with `<`,
 * `>` and `&` escaped, as the original's output has them. Line feeds, which stand only between values, stay.
 */
export function shownJson(json: string): string {
  return json.replace(IN_JSON, (run) => {
    let escaped = "";
    for (let at = 0; at < run.length; at++) {
      const unit = run.charCodeAt(at);
      escaped += unit === 0x0a ? "\n" : `\\u${unit.toString(16).padStart(4, "0")}`;
    }
    return escaped;
  });
}

import { textOfUnits } from "../bytes/text-units.ts";

const BACKSLASH = 0x5c;
const REPLACEMENT = 0xfffd;
const SEPARATOR = /[\u2028\u2029]/;

/** What a letter behind a backslash stands for; 0 for none. */
const MEANT = new Uint8Array(0x80);
/** The letter behind the backslash that stands for a unit; 0 for none. */
const LETTER = new Uint8Array(0x80);
for (const [letter, unit] of ['""', "\\\\", "b\b", "f\f", "n\n", "r\r", "t\t"]) {
  MEANT[letter!.charCodeAt(0)] = unit!.charCodeAt(0);
  LETTER[unit!.charCodeAt(0)] = letter!.charCodeAt(0);
}
MEANT["/".charCodeAt(0)] = "/".charCodeAt(0);

/** The unit that the escape at `at`, a valid one, stands for. */
export function escapedUnit(json: string, at: number): number {
  return json.charCodeAt(at + 1) === LETTER_U ? hexUnit(json, at + 2) : MEANT[json.charCodeAt(at + 1)]!;
}

/** Units of the escape at `at`. */
export function escapeLength(json: string, at: number): number {
  return json.charCodeAt(at + 1) === LETTER_U ? 6 : 2;
}

const LETTER_U = 0x75;

function hexUnit(json: string, at: number): number {
  return (
    (hexValue(json.charCodeAt(at)) << 12) |
    (hexValue(json.charCodeAt(at + 1)) << 8) |
    (hexValue(json.charCodeAt(at + 2)) << 4) |
    hexValue(json.charCodeAt(at + 3))
  );
}

/** Of a hex digit of any case. */
function hexValue(code: number): number {
  return code <= 0x39 ? code - 0x30 : (code | 0x20) - 0x57;
}

function hexDigit(value: number): number {
  return value < 10 ? 0x30 + value : 0x57 + value;
}

/**
 * Valid JSON text with each of its strings in canonical form: quote, backslash and controls escaped, U+2028 and U+2029
 * too, a lone surrogate U+FFFD, anything else as itself. Unit by unit: there may be an escape in each of very many strings.
 */
export function canonicalStrings(json: string): string {
  if (!json.includes("\\") && !SEPARATOR.test(json)) return json;
  let separators = 0;
  for (let at = json.search(SEPARATOR); at >= 0 && at < json.length; at++) {
    const code = json.charCodeAt(at);
    if (code === 0x2028 || code === 0x2029) separators += 1;
  }
  // No escape becomes longer.
  const units = new Uint16Array(json.length + 5 * separators);
  let to = 0;
  for (let at = 0; at < json.length; at++) {
    const code = json.charCodeAt(at);
    if (code !== BACKSLASH && code !== 0x2028 && code !== 0x2029) {
      units[to++] = code;
      continue;
    }
    let unit = code;
    if (code === BACKSLASH) {
      unit = escapedUnit(json, at);
      at += escapeLength(json, at) - 1;
    }
    const letter = unit < 0x80 ? LETTER[unit]! : 0;
    if (letter !== 0) {
      units[to] = BACKSLASH;
      units[to + 1] = letter;
      to += 2;
    } else if (unit < 0x20 || unit === 0x2028 || unit === 0x2029) {
      units[to] = BACKSLASH;
      units[to + 1] = LETTER_U;
      for (let digit = 0; digit < 4; digit++) units[to + 2 + digit] = hexDigit((unit >> (12 - 4 * digit)) & 0xf);
      to += 6;
    } else if (unit < 0xd800 || unit > 0xdfff) units[to++] = unit;
    else {
      // Text is well-formed, so half a pair is an escape, and its other half the next one.
      const isPaired = unit < 0xdc00 && json.charCodeAt(at + 1) === BACKSLASH && json.charCodeAt(at + 2) === LETTER_U;
      const low = isPaired ? hexUnit(json, at + 3) : 0;
      if (low >= 0xdc00 && low <= 0xdfff) {
        units[to] = unit;
        units[to + 1] = low;
        to += 2;
        at += 6;
      } else units[to++] = REPLACEMENT;
    }
  }
  return textOfUnits(units.subarray(0, to));
}

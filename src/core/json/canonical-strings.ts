import { textOfUnits } from "../bytes/text-units.ts";
import { escapedUnit, escapeLength, escapeLetter } from "./json-escapes.ts";

const BACKSLASH = 0x5c;
const REPLACEMENT = 0xfffd;
const SEPARATOR = /[\u2028\u2029]/;

const LETTER_U = 0x75;

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
    const letter = escapeLetter(unit);
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
      const low = isPaired ? escapedUnit(json, at + 1) : 0;
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

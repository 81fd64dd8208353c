import { textOfUnits } from "../bytes/text-units.ts";
import { JsonReader } from "./json-reader.ts";

/** The two ways a value is written: as senders send it, or as it is hashed and signed. */
export type JsonForm = "wire" | "canonical";

/** Text that is written as it is in both forms. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are escaped.
const PLAIN = /^[^"\\<>&\u0000-\u001f\u2028\u2029\ud800-\udfff]*$/;

/** What `JSON.stringify` leaves as it is and a form escapes. */
const ESCAPED: Readonly<Record<JsonForm, RegExp>> = { wire: /[<>&\u2028\u2029]/, canonical: /[\u2028\u2029]/ };

/**
 * `text` as a JSON string. `JSON.stringify` already escapes as both forms do; U+2028 and U+2029
 * are escaped in both, `<`, `>` and `&` on the wire only. A lone surrogate becomes U+FFFD.
 */
export function jsonString(text: string, form: JsonForm): string {
  if (PLAIN.test(text)) return `"${text}"`;
  return escaped(JSON.stringify(text.isWellFormed() ? text : text.toWellFormed()), form);
}

/** `texts` as a JSON list of strings: written at once, for there may be very many short ones. */
export function jsonStrings(texts: readonly string[], form: JsonForm): string {
  const isPlain = texts.every((text) => text.isWellFormed());
  return escaped(JSON.stringify(isPlain ? texts : texts.map((text) => text.toWellFormed())), form);
}

/** `json` with the escapes of `form`, unit by unit: a call for each, as of a replacement, costs a hundred times as much. */
function escaped(json: string, form: JsonForm): string {
  if (!ESCAPED[form].test(json)) return json;
  const isWire = form === "wire";
  let count = 0;
  for (let at = 0; at < json.length; at++) if (isEscaped(json.charCodeAt(at), isWire)) count += 1;
  const units = new Uint16Array(json.length + 5 * count);
  let to = 0;
  for (let at = 0; at < json.length; at++) {
    const unit = json.charCodeAt(at);
    if (!isEscaped(unit, isWire)) {
      units[to++] = unit;
      continue;
    }
    units[to] = 0x5c;
    units[to + 1] = 0x75;
    units[to + 2] = hexDigit(unit >> 12);
    units[to + 3] = hexDigit((unit >> 8) & 0xf);
    units[to + 4] = hexDigit((unit >> 4) & 0xf);
    units[to + 5] = hexDigit(unit & 0xf);
    to += 6;
  }
  return textOfUnits(units);
}

/** The char code of a digit from 0 to 15. */
function hexDigit(value: number): number {
  return value < 10 ? 0x30 + value : 0x57 + value;
}

function isEscaped(unit: number, isWire: boolean): boolean {
  if (unit === 0x2028 || unit === 0x2029) return true;
  return isWire && (unit === 0x3c || unit === 0x3e || unit === 0x26);
}

/** Any JSON text without blanks, otherwise as written, with the wire's escapes. Throws `malformed_frame`. */
export function compactJson(source: string): string {
  const reader = new JsonReader(source, "json");
  reader.readTokens();
  reader.end();
  return escaped(withoutBlanks(reader.text), "wire");
}

/** JSON text without the blanks outside its strings. */
export function withoutBlanks(json: string): string {
  if (!/[ \t\n\r]/.test(json)) return json;
  const units = new Uint16Array(json.length);
  let to = 0;
  let isWithin = false;
  for (let at = 0; at < json.length; at++) {
    const unit = json.charCodeAt(at);
    if (unit === QUOTE) isWithin = !isWithin;
    else if (isWithin) {
      // What follows a backslash ends no string.
      if (unit === BACKSLASH) {
        units[to++] = unit;
        at += 1;
      }
    } else if (unit === 0x20 || unit === 0x09 || unit === 0x0a || unit === 0x0d) continue;
    units[to++] = json.charCodeAt(at);
  }
  return textOfUnits(units.subarray(0, to));
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

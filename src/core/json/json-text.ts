import { textOfUnits } from "../bytes/text-units.ts";
import { JsonReader } from "./json-reader.ts";

/** The two ways a value is written: as senders send it, or as it is hashed and signed. */
export type JsonForm = "wire" | "canonical";

/** Units whose order differs between UTF-16 and UTF-8. */
const BEYOND_SURROGATES = /[\ud800-\uffff]/;
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

/**
 * Orders keys as their UTF-8 bytes order. UTF-16 units agree except that surrogates (U+10000 and
 * up) must come after U+E000..U+FFFF.
 */
export function compareKeys(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return rank(x) - rank(y);
  }
  return a.length - b.length;
}

function rank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}

/** Any JSON text without blanks, otherwise as written, with the wire's escapes. Throws `malformed_frame`. */
export function compactJson(source: string): string {
  const reader = new JsonReader(source, "json");
  reader.readTokens();
  reader.end();
  return escaped(withoutBlanks(reader.text), "wire");
}

/** JSON text without the blanks outside its strings. */
function withoutBlanks(json: string): string {
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

/**
 * Canonical form of any JSON text: keys sorted by UTF-8 bytes at every depth, the last of
 * duplicate keys kept, numbers as written, no blanks. Throws `malformed_frame`.
 */
export function canonicalJson(source: Uint8Array | string): string {
  const open: Container[] = [];
  /** Of the members whose values are still to come. */
  const keys: string[] = [];
  let root = "null";
  const put = (text: string) => {
    const parent = open.at(-1);
    if (parent === undefined) root = text;
    else if (parent instanceof Map) parent.set(keys.pop()!, text);
    else parent.addElement(text);
  };
  const reader = new JsonReader(source, "json");
  reader.readTokens({
    open: (isObject) => void open.push(isObject ? new Map() : new ElementsText()),
    key: (source) =>
      void keys.push(REWRITTEN.test(source) ? (JSON.parse(source) as string).toWellFormed() : source.slice(1, -1)),
    scalar: (source) => put(rewritten(source)),
    close: () => put(closed(open.pop()!)),
  });
  reader.end();
  return root;
}

/** What a string in JSON text holds that may be written otherwise in canonical form, or that stands for another character. */
const REWRITTEN = /[\\\u2028\u2029]/;

/** A scalar in canonical form. */
function rewritten(source: string): string {
  return source.startsWith('"') && REWRITTEN.test(source) ? jsonString(JSON.parse(source), "canonical") : source;
}

/** A container whose elements are read: the canonical text of each, by its key where they have keys. */
type Container = ElementsText | Map<string, string>;

function closed(container: Container): string {
  if (!(container instanceof Map)) return `[${container.finish()}]`;
  if (container.size === 0) return "{}";
  const members = new ElementsText();
  const add = (key: string, value: string) => members.addElement(`${jsonString(key, "canonical")}:${value}`);
  const keys = [...container.keys()];
  if (keys.some((key) => BEYOND_SURROGATES.test(key))) {
    const byRank = new Map(mapUnits(keys, rank).map((ranked, at) => [ranked, keys[at]!]));
    for (const ranked of [...byRank.keys()].sort()) add(byRank.get(ranked)!, container.get(byRank.get(ranked)!)!);
  } else for (const key of keys.sort()) add(key, container.get(key)!);
  return `{${members.finish()}}`;
}

/** Each of `texts` with each of its units mapped: all in one go, for there may be very many short ones. */
function mapUnits(texts: readonly string[], map: (unit: number) => number): string[] {
  const joined = texts.join("");
  const units = new Uint16Array(joined.length);
  for (let at = 0; at < joined.length; at++) units[at] = map(joined.charCodeAt(at));
  const mapped = textOfUnits(units);
  let from = 0;
  return texts.map(({ length }) => {
    from += length;
    return mapped.slice(from - length, from);
  });
}

/** Ours. Pieces put together at once: each small one is held by what it is a part of until then. */
const PIECES_MAX = 4096;

/**
 * Elements with commas between them, which come by the million, may be small or large and may be nested thousands deep.
 * Concatenation puts nothing together until the whole is read, so that depth costs nothing; small pieces are put
 * together now and then, for they would take far more memory than their text.
 */
class ElementsText {
  #whole = "";
  #pieces = "";
  #count = 0;
  #isEmpty = true;

  addElement(text: string): void {
    this.#pieces += this.#isEmpty ? text : `,${text}`;
    this.#isEmpty = false;
    this.#count += 1;
    if (text.length < PIECES_MAX && this.#count < PIECES_MAX) return;
    // Asking for a character is what puts a text together; a large one waits for the whole.
    if (text.length < PIECES_MAX) this.#pieces.charCodeAt(0);
    this.#whole += this.#pieces;
    this.#pieces = "";
    this.#count = 0;
  }

  finish(): string {
    return this.#whole + this.#pieces;
  }
}

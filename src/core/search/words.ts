/**
 * How text is cut into what is searched for. Words are runs of letters, numbers and marks, folded: in lower case, and without the
 * accents of Latin, Greek and Cyrillic. Scripts that are written without spaces have no words to cut at: of a run of
 * them each character and each pair of neighbours is a term, so that any part of a sentence is found.
 */

/** Ours. Characters and terms of one text that it is found by: what one message may cost whoever keeps it. */
export const SEARCHED_CHARS_MAX = 65_536;
const TERMS_MAX = 16_384;
/** Ours. Of a longer word, which no language has, so much tells it. */
const TERM_CHARS_MAX = 64;

/** A word, or a run of characters written without spaces. */
export interface Segment {
  /** As it is compared. */
  readonly folded: string;
  /** In the text, [start, end). */
  readonly start: number;
  readonly end: number;
  readonly isRun: boolean;
}

const ASCII = /^[\0-\x7f]*$/;
const ASCII_WORD = /[A-Za-z0-9]+/g;
const WORD = /[\p{L}\p{N}\p{M}]+/gu;
const ACCENTS = /[\u0300-\u036f]/g;
const UNSPACED =
  /[\p{scx=Han}\p{scx=Hiragana}\p{scx=Katakana}\p{scx=Thai}\p{scx=Lao}\p{scx=Khmer}\p{scx=Myanmar}]+|[^\p{scx=Han}\p{scx=Hiragana}\p{scx=Katakana}\p{scx=Thai}\p{scx=Lao}\p{scx=Khmer}\p{scx=Myanmar}]+/gu;
const IS_UNSPACED = new RegExp(`^(?:${UNSPACED.source.split("|")[0]})$`, "u");

/** Ours. The part of a text that is searched, decoded from UTF-8. */
export function searchedPart(text: string): string {
  return cutAt(text, SEARCHED_CHARS_MAX);
}

/** Its first `most` units, or one less where these would end within a character. */
export function cutAt(text: string, most: number): string {
  if (text.length <= most) return text;
  const last = text.charCodeAt(most - 1);
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? most - 1 : most);
}

/** The words of `text` and its runs, in order, as many as are searched. */
export function segmentsOf(text: string): Segment[] {
  const segments: Segment[] = [];
  let left = TERMS_MAX;
  const isAscii = ASCII.test(text);
  for (const found of text.matchAll(isAscii ? ASCII_WORD : WORD)) {
    if (left <= 0) break;
    const [word] = found;
    if (isAscii || ASCII.test(word)) {
      segments.push({
        folded: cut(word.toLowerCase()),
        start: found.index,
        end: found.index + word.length,
        isRun: false,
      });
      left -= 1;
      continue;
    }
    for (const piece of word.matchAll(UNSPACED)) {
      const start = found.index + piece.index;
      const isRun = IS_UNSPACED.test(piece[0]);
      const whole = fold(piece[0]);
      const folded = isRun ? [...whole].slice(0, Math.ceil(left / 2)).join("") : cut(whole);
      if (folded === "") continue;
      segments.push({ folded, start, end: start + piece[0].length, isRun });
      left -= isRun ? 2 * folded.length : 1;
    }
  }
  return segments;
}

/** For `asciiSpans`, which leaves nothing to be collected. */
const SPANS = new Int32Array(2 * TERMS_MAX);

/**
 * Where the words of a text that is all ASCII begin and end, one after the other, as many as are searched; `undefined` for any
 * other text. What most texts are, and less than a third of what `segmentsOf` costs. Good until it is called again.
 */
export function asciiSpans(text: string): Int32Array | undefined {
  const { length } = text;
  let from = -1;
  let to = 0;
  for (let at = 0; at < length; at++) {
    const code = text.charCodeAt(at);
    if (code > 0x7f) return undefined;
    if (isAsciiWord(code)) {
      if (from < 0) from = at;
    } else if (from >= 0) {
      if (to < SPANS.length) {
        SPANS[to++] = from;
        SPANS[to++] = at;
      }
      from = -1;
    }
  }
  if (from >= 0 && to < SPANS.length) {
    SPANS[to++] = from;
    SPANS[to++] = length;
  }
  return SPANS.subarray(0, to);
}

/** Whether the word [start, end) of an ASCII text is `folded`, as far as words are compared; without making a text of it. */
export function isAsciiWordAt(text: string, start: number, end: number, folded: string): boolean {
  const { length } = folded;
  if (Math.min(end - start, TERM_CHARS_MAX) !== length) return false;
  for (let at = 0; at < length; at++) {
    const code = text.charCodeAt(start + at);
    const lower = code >= 0x41 && code <= 0x5a ? code + 0x20 : code;
    if (lower !== folded.charCodeAt(at)) return false;
  }
  return true;
}

function isAsciiWord(code: number): boolean {
  const letter = code | 0x20;
  return (letter >= 0x61 && letter <= 0x7a) || (code >= 0x30 && code <= 0x39);
}

/** The terms that a text is found by, each once. */
export function termsOf(text: string): Set<string> {
  const terms = new Set<string>();
  // What most text is needs no places in it.
  if (ASCII.test(text)) {
    const words = text.toLowerCase().match(ASCII_WORD) ?? [];
    const upTo = Math.min(words.length, TERMS_MAX);
    for (let at = 0; at < upTo; at++) terms.add(cut(words[at]!));
    return terms;
  }
  for (const { folded, isRun } of segmentsOf(text)) {
    if (!isRun) terms.add(folded);
    else for (const term of [...folded, ...pairsOf(folded)]) terms.add(term);
  }
  return terms;
}

/** Each two neighbours of a run. */
export function pairsOf(run: string): string[] {
  const characters = [...run];
  return characters.slice(1).map((character, at) => characters[at]! + character);
}

function cut(word: string): string {
  return word.length <= TERM_CHARS_MAX ? word : word.slice(0, TERM_CHARS_MAX);
}

function fold(word: string): string {
  return lowerCase(word.normalize("NFD").replace(ACCENTS, "").normalize("NFC"));
}

/** Character by character, whatever stands beside it and whatever language it is: the dotted capital I has no other of its own. */
export function lowerCase(text: string): string {
  let lower = "";
  for (const character of text) lower += character === "\u0130" ? "i" : character.toLowerCase();
  return lower;
}

/** Ours. No character a person sees is longer; segmenting a whole line for every step would cost with its length. */
const REACH = 128;

const GRAPHEMES = new Intl.Segmenter(undefined, { granularity: "grapheme" });
const IN_WORD = /[\p{L}\p{N}\p{M}_]/u;
const BLANK = /\s/;

/** What a person sees as single characters. */
export function graphemes(text: string): string[] {
  return Array.from(GRAPHEMES.segment(text), ({ segment }) => segment);
}

/** Where the character before `at` begins. */
export function stepLeft(text: string, at: number): number {
  const before = text.slice(whole(text, at - REACH), at);
  const last = graphemes(before).at(-1);
  return at - (last?.length ?? 0);
}

/** Where the character at `at` ends. */
export function stepRight(text: string, at: number): number {
  const [first] = GRAPHEMES.segment(text.slice(at, whole(text, at + REACH)));
  return at + (first?.segment.length ?? 0);
}

/** `at`, or where the character ends that it stands in. */
export function boundaryRight(text: string, at: number): number {
  return at === 0 || at === text.length ? at : Math.max(at, stepRight(text, stepLeft(text, at)));
}

/** `at`, or where the character begins that it stands in. */
export function boundaryLeft(text: string, at: number): number {
  return boundaryRight(text, at) === at ? at : stepLeft(text, at);
}

/** Where the word before `at` begins. */
export function wordLeft(text: string, at: number): number {
  const start = back(text, at, (char) => !IN_WORD.test(char));
  return boundaryLeft(
    text,
    back(text, start, (char) => IN_WORD.test(char)),
  );
}

/** Where the word after `at` ends. */
export function wordRight(text: string, at: number): number {
  const start = on(text, at, (char) => !IN_WORD.test(char));
  return boundaryRight(
    text,
    on(text, start, (char) => IN_WORD.test(char)),
  );
}

/** Where what stands between blanks before `at` begins: more than a word of letters, as Ctrl-W takes it away. */
export function blankLeft(text: string, at: number): number {
  const start = back(text, at, (char) => BLANK.test(char));
  return boundaryLeft(
    text,
    back(text, start, (char) => !BLANK.test(char)),
  );
}

/** `at`, held inside the text and out of a pair of surrogates. */
export function whole(text: string, at: number): number {
  const inside = Math.min(Math.max(at, 0), text.length);
  const isSplit = inside > 0 && /[\udc00-\udfff]/.test(text[inside] ?? "") && /[\ud800-\udbff]/.test(text[inside - 1]!);
  return isSplit ? inside - 1 : inside;
}

function back(text: string, from: number, goesOn: (char: string) => boolean): number {
  let at = from;
  while (at > 0) {
    const start = whole(text, at - 1);
    if (!goesOn(text.slice(start, at))) break;
    at = start;
  }
  return at;
}

function on(text: string, from: number, goesOn: (char: string) => boolean): number {
  let at = from;
  while (at < text.length) {
    const char = String.fromCodePoint(text.codePointAt(at)!);
    if (!goesOn(char)) break;
    at += char.length;
  }
  return at;
}

import type { SearchQuery } from "./search-query.ts";
import { asciiSpans, cutAt, isAsciiWordAt, type Segment, searchedPart, segmentsOf } from "./words.ts";

/** Wire. What stands around what was found, and tokens of a snippet; as SQLite's `snippet(…, '[', ']', '...', 12)`. */
const [OPEN, CLOSE, LEFT_OUT] = ["[", "]", "..."];
const SNIPPET_TOKENS = 12;
const [FULL_STOP, COLON] = [0x2e, 0x3a];
/** Ours. Places in one text that are weighed against each other. */
const HITS_MAX = 64;
/** Ours. Characters of a snippet; twelve words have fewer. */
const SNIPPET_CHARS_MAX = 600;

/**
 * Words, and the characters of runs: where each starts in the text and ends, one number after the other. Objects for them would
 * be most of what a search leaves to be collected.
 */
type Tokens = readonly number[] | Int32Array;

/** Where a needle is: which, from which token on, and how many. */
interface NeedleHit {
  readonly needle: number;
  readonly at: number;
  readonly size: number;
}

/**
 * The part of `content` that says most of what is searched for, with that in brackets; `undefined` when not all of it is there,
 * which is how it is decided whether a message matches.
 */
export function snippetOf(content: string, { needles }: SearchQuery): string | undefined {
  const text = searchedPart(content);
  const spans = asciiSpans(text);
  if (spans !== undefined) return asciiSnippet(text, spans, needles);
  const tokens: number[] = [];
  const hits: NeedleHit[] = [];
  const missing = new Set(needles.keys());
  for (const segment of segmentsOf(text)) {
    const at = tokens.length / 2;
    const added = tokensOf(segment);
    for (const edge of added) tokens.push(edge);
    for (const [needle, { folded, isRun }] of needles.entries()) {
      if (isRun !== segment.isRun) continue;
      const from = isRun ? segment.folded.indexOf(folded) : segment.folded === folded ? 0 : -1;
      if (from < 0) continue;
      missing.delete(needle);
      // Characters of a run are its tokens, where folding left them their places.
      const isPlain = isRun && added.length > 2;
      if (hits.length >= HITS_MAX) continue;
      const before = isPlain ? [...segment.folded.slice(0, from)].length : 0;
      hits.push({ needle, at: at + before, size: isPlain ? [...folded].length : added.length / 2 });
    }
  }
  if (missing.size > 0) return undefined;
  return shown(text, tokens, hits, bestStart(text, tokens, hits));
}

/** The same of a text whose words are at `spans`, without making texts of them. */
function asciiSnippet(text: string, spans: Tokens, needles: SearchQuery["needles"]): string | undefined {
  const hits: NeedleHit[] = [];
  const isMissing = needles.map(() => true);
  for (let at = 0; at < spans.length / 2; at++) {
    for (let needle = 0; needle < needles.length; needle++) {
      const { folded, isRun } = needles[needle]!;
      if (isRun || !isAsciiWordAt(text, spans[2 * at]!, spans[2 * at + 1]!, folded)) continue;
      isMissing[needle] = false;
      if (hits.length < HITS_MAX) hits.push({ needle, at, size: 1 });
    }
  }
  if (isMissing.includes(true)) return undefined;
  return shown(text, spans, hits, bestStart(text, spans, hits));
}

function tokensOf({ end, folded, isRun, start }: Segment): number[] {
  if (!isRun || end - start !== folded.length) return [start, end];
  let at = start;
  return [...folded].flatMap((character) => {
    const from = at;
    at += character.length;
    return [from, at];
  });
}

/** The token with which the best twelve begin: those with the most needles, then the most hits, rather from a sentence's begin. */
function bestStart(text: string, tokens: Tokens, hits: readonly NeedleHit[]): number {
  const length = tokens.length / 2;
  const [only] = hits;
  if (hits.length === 1 && only !== undefined) return startFor(only, text, tokens);
  const sentences = sentenceStarts(text, tokens, hits.at(-1)?.at ?? 0);
  let best = { score: 0, start: 0 };
  const weigh = (score: number, start: number) => {
    if (score > best.score) best = { score, start };
  };
  for (const { at } of hits) {
    const around = scoreOf(hits, at, length);
    weigh(around.score, around.start);
    if (length <= SNIPPET_TOKENS) continue;
    const sentence = sentences.findLast((start) => start <= at) ?? 0;
    if (sentence < at) weigh(scoreOf(hits, sentence, length).score + (sentence === 0 ? 120 : 100), sentence);
  }
  return best.start;
}

/** The same for one hit alone, which most texts have: from its sentence's begin, unless that is too far away. */
function startFor({ at, size }: NeedleHit, text: string, tokens: Tokens): number {
  const length = tokens.length / 2;
  if (length <= SNIPPET_TOKENS) return 0;
  for (let start = at; start >= 0 && start > at - SNIPPET_TOKENS; start--) {
    if (start === 0 || isSentenceStart(text, tokens[2 * start]!)) {
      if (start < at) return start;
      break;
    }
  }
  return centred(at, at + size, length);
}

/** Where twelve tokens begin that have [first, end) in their middle. */
function centred(first: number, end: number, length: number): number {
  const start = first - Math.trunc((SNIPPET_TOKENS - (end - first)) / 2);
  return Math.max(0, Math.min(start, length - SNIPPET_TOKENS));
}

/** How much the twelve tokens from one on say, and where twelve begin that have what they say in their middle. */
function scoreOf(
  hits: readonly NeedleHit[],
  from: number,
  length: number,
): { readonly score: number; readonly start: number } {
  const within = hits.filter(({ at }) => at >= from && at < from + SNIPPET_TOKENS);
  const first = within[0]?.at ?? -1;
  const last = within.at(-1);
  const end = last === undefined ? 0 : last.at + last.size;
  const seen = within.length < 2 ? within.length : new Set(within.map(({ needle }) => needle)).size;
  return { score: seen * 1000 + (within.length - seen), start: centred(first, end, length) };
}

/** Tokens with which sentences begin, up to `last`. */
function sentenceStarts(text: string, tokens: Tokens, last: number): number[] {
  const starts = [0];
  for (let at = 1; at <= last; at++) if (isSentenceStart(text, tokens[2 * at]!)) starts.push(at);
  return starts;
}

/** Whether a sentence ends with nothing but blanks before `start`. */
function isSentenceStart(text: string, start: number): boolean {
  let before = start - 1;
  while (before >= 0 && isBlank(text.charCodeAt(before))) before -= 1;
  if (before === start - 1) return false;
  const mark = text.charCodeAt(before);
  return mark === FULL_STOP || mark === COLON;
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09 || code === 0x0a || code === 0x0d;
}

function shown(text: string, tokens: Tokens, hits: readonly NeedleHit[], first: number): string {
  const last = first + SNIPPET_TOKENS - 1;
  let from = first > 0 ? tokens[2 * first]! : 0;
  let snippet = first > 0 ? LEFT_OUT : "";
  for (const { at, end } of joined(hits)) {
    if (at < first || at > last) continue;
    const [open, close] = [tokens[2 * at]!, tokens[2 * Math.min(end, last + 1) - 1]!];
    snippet += text.slice(from, open) + OPEN + text.slice(open, close) + CLOSE;
    from = close;
  }
  const isWhole = last >= tokens.length / 2 - 1;
  snippet += text.slice(from, isWhole ? text.length : tokens[2 * last + 1]!);
  if (snippet.length > SNIPPET_CHARS_MAX) return cutAt(snippet, SNIPPET_CHARS_MAX) + LEFT_OUT;
  return isWhole ? snippet : snippet + LEFT_OUT;
}

/** Hits that overlap are one: tokens [at, end). */
function joined(hits: readonly NeedleHit[]): { at: number; end: number }[] {
  const spans: { at: number; end: number }[] = [];
  for (const { at, size } of hits.toSorted((a, b) => a.at - b.at)) {
    const last = spans.at(-1);
    if (last !== undefined && at < last.end) last.end = Math.max(last.end, at + size);
    else spans.push({ at, end: at + size });
  }
  return spans;
}

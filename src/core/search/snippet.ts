import type { SearchQuery } from "./search-query.ts";
import { type Segment, searchedPart, segmentsOf } from "./words.ts";

/** Wire. What stands around what was found, and tokens of a snippet; as SQLite's `snippet(…, '[', ']', '...', 12)`. */
const [OPEN, CLOSE, LEFT_OUT] = ["[", "]", "..."];
const SNIPPET_TOKENS = 12;
/** Ours. Places in one text that are weighed against each other. */
const HITS_MAX = 64;
/** Ours. Characters of a snippet; twelve words have fewer. */
const SNIPPET_CHARS_MAX = 600;

/** A word, or one character of a run: [start, end) in the text. */
interface Token {
  readonly start: number;
  readonly end: number;
}

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
  const tokens: Token[] = [];
  const hits: NeedleHit[] = [];
  const missing = new Set(needles.keys());
  for (const segment of segmentsOf(text)) {
    const at = tokens.length;
    const added = tokensOf(segment);
    for (const token of added) tokens.push(token);
    for (const [needle, { folded, isRun }] of needles.entries()) {
      if (isRun !== segment.isRun) continue;
      const from = isRun ? segment.folded.indexOf(folded) : segment.folded === folded ? 0 : -1;
      if (from < 0) continue;
      missing.delete(needle);
      // Characters of a run are its tokens, where folding left them their places.
      const isPlain = isRun && added.length > 1;
      if (hits.length >= HITS_MAX) continue;
      const before = isPlain ? [...segment.folded.slice(0, from)].length : 0;
      hits.push({ needle, at: at + before, size: isPlain ? [...folded].length : added.length });
    }
  }
  if (missing.size > 0) return undefined;
  return shown(text, tokens, hits, bestStart(text, tokens, hits));
}

function tokensOf({ end, folded, isRun, start }: Segment): Token[] {
  if (!isRun || end - start !== folded.length) return [{ start, end }];
  let at = start;
  return [...folded].map((character) => {
    const from = at;
    at += character.length;
    return { start: from, end: at };
  });
}

/** The token with which the best twelve begin: those with the most needles, then the most hits, rather from a sentence's begin. */
function bestStart(text: string, tokens: readonly Token[], hits: readonly NeedleHit[]): number {
  const sentences = sentenceStarts(text, tokens, hits.at(-1)?.at ?? 0);
  let best = { score: 0, start: 0 };
  const weigh = (score: number, start: number) => {
    if (score > best.score) best = { score, start };
  };
  for (const { at } of hits) {
    const around = scoreOf(hits, at, tokens.length);
    weigh(around.score, around.start);
    if (tokens.length <= SNIPPET_TOKENS) continue;
    const sentence = sentences.findLast((start) => start <= at) ?? 0;
    if (sentence < at) weigh(scoreOf(hits, sentence, tokens.length).score + (sentence === 0 ? 120 : 100), sentence);
  }
  return best.start;
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
  const seen = new Set(within.map(({ needle }) => needle)).size;
  const centred = first - Math.trunc((SNIPPET_TOKENS - (end - first)) / 2);
  const start = Math.max(0, Math.min(centred, length - SNIPPET_TOKENS));
  return { score: seen * 1000 + (within.length - seen), start };
}

/** Tokens with which sentences begin, up to `last`. */
function sentenceStarts(text: string, tokens: readonly Token[], last: number): number[] {
  const starts = [0];
  for (let at = 1; at <= last; at++) {
    let before = tokens[at]!.start - 1;
    while (before >= 0 && " \t\n\r".includes(text[before]!)) before -= 1;
    if (before !== tokens[at]!.start - 1 && (text[before] === "." || text[before] === ":")) starts.push(at);
  }
  return starts;
}

function shown(text: string, tokens: readonly Token[], hits: readonly NeedleHit[], first: number): string {
  const last = first + SNIPPET_TOKENS - 1;
  let from = first > 0 ? tokens[first]!.start : 0;
  let snippet = first > 0 ? LEFT_OUT : "";
  for (const { at, end } of joined(hits)) {
    if (at < first || at > last) continue;
    const [open, close] = [tokens[at]!.start, tokens[Math.min(end, last + 1) - 1]!.end];
    snippet += text.slice(from, open) + OPEN + text.slice(open, close) + CLOSE;
    from = close;
  }
  const isWhole = last >= tokens.length - 1;
  snippet += text.slice(from, isWhole ? text.length : tokens[last]!.end);
  if (snippet.length > SNIPPET_CHARS_MAX) return snippet.slice(0, SNIPPET_CHARS_MAX) + LEFT_OUT;
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

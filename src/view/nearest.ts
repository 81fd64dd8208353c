import { EntmootError } from "../core/errors.ts";

/** Ours. Characters of a word that a failure repeats. */
const SHOWN_MAX = 80;

/** The error for a word that is none of those that may be said, with the one it may have been meant for. */
export function unknownWord(label: string, word: string, expected: readonly string[]): EntmootError {
  const found = JSON.stringify(word.slice(0, SHOWN_MAX));
  return new EntmootError(
    "invalid_argument",
    `${label}: expected one of ${expected.join(", ")}, found ${found}${didYouMean(word, expected)}`,
  );
}

/** `; did you mean …?` where one of `candidates` is close to `word`, which need not be written small. */
export function didYouMean(word: string, candidates: Iterable<string>, dash = ""): string {
  const close = nearest(word.toLowerCase(), candidates);
  return close === undefined || close === word ? "" : `; did you mean ${dash}${close}?`;
}

/** The candidate a mistyped word most likely meant, or `undefined` when none is close: of equally close ones that which begins more alike. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  // One slip in short words, one in three letters in long ones; more suggests nonsense.
  let limit = Math.max(1, Math.floor(word.length / 3)) + 1;
  let best: string | undefined;
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - word.length) > limit) continue;
    const distance = editDistance(word, candidate);
    const isCloser = distance < limit || (best !== undefined && distance === limit);
    if (!isCloser || (distance === limit && alike(word, candidate) <= alike(word, best!))) continue;
    limit = distance;
    best = candidate;
  }
  return best;
}

/** How many characters both begin with. */
function alike(a: string, b: string): number {
  let at = 0;
  while (at < a.length && a[at] === b[at]) at++;
  return at;
}

/** Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b`. */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1];
      let cost = Math.min(last[column]! + 1, current[column - 1]! + 1, last[column - 1]! + (same ? 0 : 1));
      if (row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]) {
        cost = Math.min(cost, beforeLast[column - 2]! + 1);
      }
      current.push(cost);
    }
    [beforeLast, last] = [last, current];
  }
  return last[b.length]!;
}

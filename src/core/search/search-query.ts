import { sha256Hex } from "../bytes/sha256.ts";
import { trimSpace } from "../bytes/text.ts";
import { EntmootError } from "../errors.ts";
import { lowerCase, pairsOf, type Segment, segmentsOf } from "./words.ts";

/** Wire. Code points of what is asked for. */
const QUERY_CHARS_MAX = 256;

/** What is searched for: messages that have all of it, in any order. */
export interface SearchQuery {
  /** The words, each once, by one space: what two askers mean alike. */
  readonly text: string;
  /** Of `text`, as cursors have it: lower-case hex SHA-256. */
  readonly hash: string;
  /** Terms that each message has that matches; others may have them too. */
  readonly terms: readonly string[];
  /** Words, and runs that stand within one. */
  readonly needles: readonly Pick<Segment, "folded" | "isRun">[];
}

/** Throws `invalid_argument` for what has no word in it, or is too long. */
export function parseSearchQuery(input: string): SearchQuery {
  const text = trimSpace(input);
  if (text === "") throw refused("empty query");
  // Before it is counted: no code point has more than two units.
  if (text.length > 2 * QUERY_CHARS_MAX || [...text].length > QUERY_CHARS_MAX) {
    throw refused(`query exceeds ${QUERY_CHARS_MAX} characters`);
  }
  const words = text.split(/[^\p{L}\p{N}]+/u).filter((word) => word !== "");
  const normal = [...new Set(words.map(lowerCase))].join(" ");
  const segments = segmentsOf(text);
  if (normal === "" || segments.length === 0) throw refused("query contains no searchable terms");
  const needles = new Map(segments.map((segment) => [segment.folded, segment]));
  const terms = segments.flatMap(({ folded, isRun }) => {
    const pairs = isRun ? pairsOf(folded) : [];
    return pairs.length > 0 ? pairs : [folded];
  });
  return { text: normal, hash: sha256Hex(normal), terms: [...new Set(terms)], needles: [...needles.values()] };
}

function refused(why: string): EntmootError {
  return new EntmootError(
    "invalid_argument",
    `invalid search query: ${why}; give words to look for, such as: policy limits`,
  );
}

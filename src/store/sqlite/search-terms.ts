import { release } from "node:os";
import { BoundedMap } from "../../core/bounded-map.ts";
import { sha256Hex } from "../../core/bytes/sha256.ts";
import { decodeUtf8 } from "../../core/bytes/utf8.ts";
import { indexedTopics, isReserved } from "../../core/policy/topic.ts";
import { SEARCHED_CHARS_MAX, searchedPart, termsOf } from "../../core/search/words.ts";

/**
 * Ours. What stands in the index beside words, told from them by a character that no word has: topics, authors, and the words of messages
 * whose topics are all reserved. When any of it changes, or what `core/search/words.ts` says, this number does.
 */
const RULES = 1;

/** What the terms of a text follow from. */
interface TermsMade {
  readonly rules: number;
  /** The version of Unicode: which characters are letters, and what they are in lower case. */
  readonly unicode: string | undefined;
  /** Of a system whose own tables the runtime uses, its version. */
  readonly system: string;
}

/**
 * Tells indexes apart that may have other terms for the same text: in such a one something would not be found, and what is
 * removed would leave terms behind. Above 0.
 */
export function termsVersion({ rules, system, unicode = "" }: TermsMade): number {
  return 1 + Number.parseInt(sha256Hex(JSON.stringify([rules, unicode, system])).slice(0, 8), 16);
}

/** Of this process. An index with another one is made anew. */
export const TERMS_VERSION = termsVersion({
  rules: RULES,
  unicode: process.versions.unicode,
  system: process.platform === "darwin" ? release() : "",
});
const [TOPIC, RESERVED, AUTHOR] = ["\ue000", "\ue001", "\ue002"];
const TOPIC_HEX = 16;

/** Ours. Topics whose terms are known by heart: most messages have one of a few. */
const TERMS_OF_TOPICS = new BoundedMap<string, string>(256);

const LENIENT = new TextDecoder("utf-8", { ignoreBOM: true });

export interface IndexedText {
  readonly author_node_id: number;
  readonly topics: readonly string[];
  readonly content: Uint8Array;
}

/** What a message is found by. */
export function indexTermsOf({ author_node_id, content, topics }: IndexedText): string[] {
  const words = termsOf(searchedText(content));
  const isHidden = topics.length > 0 && topics.every(isReserved);
  const terms = isHidden ? [...words].map((word) => RESERVED + word) : [...words];
  for (const topic of indexedTopics(topics)) terms.push(topicTerm(topic));
  terms.push(authorTerm(author_node_id));
  return terms;
}

/**
 * What of a message is searched. Where nothing is cut off it does not matter how many signs stand for broken bytes: they part words
 * like any other, and no failure is made of each message that is no text.
 */
function searchedText(content: Uint8Array): string {
  if (content.length <= SEARCHED_CHARS_MAX) return LENIENT.decode(content);
  // No character of UTF-8 has more bytes; one that is cut is no letter.
  return searchedPart(decodeUtf8(content.subarray(0, 3 * SEARCHED_CHARS_MAX)));
}

export function topicTerm(topic: string): string {
  let term = TERMS_OF_TOPICS.get(topic);
  if (term === undefined) {
    term = TOPIC + sha256Hex(topic).slice(0, TOPIC_HEX);
    TERMS_OF_TOPICS.set(topic, term);
  }
  return term;
}

export function authorTerm(author: number): string {
  return AUTHOR + author;
}

/** What FTS5 is asked for one word: no text of a user's is read as a question. */
export function wordMatch(term: string, reserved: boolean): string {
  return reserved ? `(${quoted(term)} OR ${quoted(RESERVED + term)})` : quoted(term);
}

export function quoted(term: string): string {
  return `"${term.replaceAll('"', '""')}"`;
}

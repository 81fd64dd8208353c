import { trimSpace } from "../bytes/text.ts";
import { EntmootError } from "../errors.ts";
import { SaltedSet } from "../salted-map.ts";

/** A topic filter is a list of patterns; a pattern is literals, `+` (one segment) and a last `#` (any rest). */
type TopicFilter = readonly string[];

/** What is wrong with a pattern; the values are the texts users see. */
const PATTERN_FAULTS = {
  empty_pattern: "topic: empty pattern",
  empty_segment: "topic: empty segment in pattern",
  hash_not_alone: "topic: '#' must occupy an entire segment",
  hash_not_last: "topic: '#' must be the final segment",
  plus_not_alone: "topic: '+' must occupy an entire segment",
} as const;
type PatternFault = keyof typeof PATTERN_FAULTS;

/** Ours. Longest pattern taken from outside, for it is held against every message; topics have no limit of their own. */
export const PATTERN_BYTES_MAX = 4096;

/** Ours. Topics of one message that it is found by; no honest message has a tenth of them. */
const TOPICS_INDEXED_MAX = 256;

/** Wire. Topics under it carry what nodes and founders say to nodes. */
export const RESERVED_ROOT = "_entmoot";

/** The first fault of `pattern`, segments read from the left, or `undefined` when it is valid. */
export function patternFault(pattern: string): PatternFault | undefined {
  if (pattern === "") return "empty_pattern";
  const segments = pattern.split("/");
  for (const [at, segment] of segments.entries()) {
    if (segment === "") return "empty_segment";
    if (segment.includes("#")) {
      if (segment !== "#") return "hash_not_alone";
      if (at < segments.length - 1) return "hash_not_last";
    }
    if (segment.includes("+") && segment !== "+") return "plus_not_alone";
  }
  return undefined;
}

/** Throws `invalid_argument` with the text of the fault unless `pattern` is valid. */
export function verifyPattern(pattern: string): void {
  const fault = patternFault(pattern);
  if (fault) throw new EntmootError("invalid_argument", PATTERN_FAULTS[fault]);
}

/** Whether `topic` is a concrete topic: non-empty segments without wildcards. */
export function isTopic(topic: string): boolean {
  if (topic === "" || topic.includes("+") || topic.includes("#")) return false;
  return !topic.startsWith("/") && !topic.endsWith("/") && !topic.includes("//");
}

/**
 * Throws `invalid_argument` for a topic that a reader would take for a pattern: one of its segments is `+` or `#` alone.
 * Other topics that no pattern covers (`c++`, `a//b`) may be published; see `isTopic`.
 */
export function verifyPublishTopic(topic: string): void {
  const wildcard = topic.split("/").find((segment) => segment === "+" || segment === "#");
  if (wildcard === undefined) return;
  throw new EntmootError(
    "invalid_argument",
    `topic ${JSON.stringify(topic.slice(0, 80))}: ${wildcard} as a whole segment is for patterns; a message needs the topic itself`,
  );
}

/**
 * Topics as a message is published under them: without white space around, each once, unless `verbatim`. Throws `invalid_argument` where there
 * is none, or one is empty or would be taken for a pattern.
 */
export function publishTopics(topics: readonly string[], verbatim = false): string[] {
  if (topics.length === 0) throw new EntmootError("invalid_argument", "no topics supplied");
  const said = verbatim ? [...topics] : [...new Set(topics.map(trimSpace))];
  if (said.includes("")) throw new EntmootError("invalid_argument", "empty topic");
  for (const topic of said) verifyPublishTopic(topic);
  return said;
}

/** Whether `pattern` covers `topic`; `false` when either is invalid. Comparison is exact, by code unit. */
export function matchTopic(pattern: string, topic: string): boolean {
  return patternFault(pattern) === undefined && isTopic(topic) && covers(pattern.split("/"), topic);
}

/** Whether any pattern covers `topic`. Invalid patterns are skipped; an empty filter matches nothing. */
export function matchAny(filter: TopicFilter, topic: string): boolean {
  return filter.some((pattern) => matchTopic(pattern, topic));
}

/** A pattern checked and split once, for matching many topics. Throws `invalid_argument` when invalid. */
export function compilePattern(pattern: string): (topic: string) => boolean {
  verifyPattern(pattern);
  const segments = pattern.split("/");
  return (topic) => isTopic(topic) && covers(segments, topic);
}

/** The distinct topics a message is found by: the first 256 of those no longer than a pattern can be. */
export function indexedTopics(topics: readonly string[]): string[] {
  if (topics.length === 0) return [];
  const distinct = new SaltedSet<string>();
  for (const topic of topics) {
    if (distinct.size === TOPICS_INDEXED_MAX) break;
    if (topic.length <= PATTERN_BYTES_MAX) distinct.add(topic);
  }
  return [...distinct];
}

/** Whether `topic` is the reserved root or under it. */
export function isReserved(topic: string): boolean {
  return topic === RESERVED_ROOT || topic.startsWith(`${RESERVED_ROOT}/`);
}

/** What a reader asks for: by a pattern, `undefined` for no filter, and whether also what is reserved and not named. */
export interface TopicsAsked {
  readonly topic?: string | undefined;
  readonly reserved?: boolean | undefined;
}

/** Which messages a reader is shown. */
export interface ShownTopics {
  /** The pattern that all of them match; `undefined` where any message may be shown. */
  readonly pattern: string | undefined;
  /** Whether a message with these topics is. */
  readonly shows: (topics: readonly string[]) => boolean;
}

/**
 * Ours. Without a pattern, and by `#` alone, nothing is filtered: what has no topic, or one that no pattern covers
 * (`c++`, `a//b`), is as much a message as any other. What has reserved topics alone shows when the pattern starts with
 * their root, or when it is asked for. Throws `invalid_argument`.
 */
export function shownTopics({ topic = "#", reserved = false }: TopicsAsked): ShownTopics {
  const matches = compilePattern(topic);
  if (topic === "#") {
    return {
      pattern: undefined,
      shows: (topics) => reserved || topics.length === 0 || !topics.every(isReserved),
    };
  }
  const isNamed = reserved || isReserved(topic);
  return { pattern: topic, shows: (topics) => topics.some((one) => matches(one) && (isNamed || !isReserved(one))) };
}

/** Wire. What an original's `tail` is told of; a message without topics by the exact pattern `#` only. */
export function tailSees(pattern: string, topics: readonly string[]): boolean {
  return topics.length === 0 ? pattern === "#" : topics.some((topic) => matchTopic(pattern, topic));
}

function covers(pattern: readonly string[], concrete: string): boolean {
  // One more than are looked at: a topic may have millions.
  const topic = concrete.split("/", pattern.length + 1);
  for (const [at, segment] of pattern.entries()) {
    if (segment === "#") return true;
    if (at >= topic.length) return false;
    if (segment !== "+" && segment !== topic[at]) return false;
  }
  return pattern.length === topic.length;
}

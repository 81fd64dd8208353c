import { trimSpace } from "../../core/bytes/text.ts";
import { EntmootError } from "../../core/errors.ts";
import { isTopic, publishTopics, verifyPattern } from "../../core/policy/topic.ts";

/** Comma separated topics to publish to, each once, trimmed, empties dropped. Throws `invalid_argument` when none is left or one is a pattern. */
export function parseTopics(label: string, text: string): string[] {
  if (text === "") throw new EntmootError("invalid_argument", `${label}: -topic is required`);
  const topics = splitList(text);
  if (topics.length === 0) throw new EntmootError("invalid_argument", `${label}: -topic had no valid entries`);
  return named(label, () => publishTopics(topics));
}

/** The parts of a comma separated list, trimmed, without empties. */
export function splitList(text: string): string[] {
  return text
    .split(",")
    .map(trimSpace)
    .filter((part) => part !== "");
}

/** What somebody should know who publishes to a topic that no pattern covers; `undefined` when all are covered. */
export function unmatchedTopics(topics: readonly string[]): string | undefined {
  const unmatched = topics.filter((topic) => !isTopic(topic)).map((topic) => JSON.stringify(topic.slice(0, 80)));
  if (unmatched.length === 0) return undefined;
  const subject = unmatched.length === 1 ? "topic" : "topics";
  return `${subject} ${unmatched.join(", ")}: no pattern matches what holds + or #, or an empty segment; readers find it only without -topic or by -topic '#'`;
}

/** Throws `invalid_argument` unless `pattern` is a topic pattern. */
export function requirePattern(label: string, pattern: string): void {
  named(`${label}: -topic`, () => verifyPattern(pattern));
}

function named<Checked>(label: string, check: () => Checked): Checked {
  try {
    return check();
  } catch (cause) {
    if (!(cause instanceof EntmootError)) throw cause;
    throw new EntmootError(cause.code, `${label}: ${cause.message}`, { cause });
  }
}

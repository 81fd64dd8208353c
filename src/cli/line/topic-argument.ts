import { EntmootError } from "../../core/errors.ts";
import { verifyPattern } from "../../core/policy/topic.ts";

/** Comma separated topics, trimmed, empties dropped. Throws `invalid_argument` when none is left. */
export function parseTopics(label: string, text: string): string[] {
  if (text === "") throw new EntmootError("invalid_argument", `${label}: -topic is required`);
  const topics = splitList(text);
  if (topics.length === 0) throw new EntmootError("invalid_argument", `${label}: -topic had no valid entries`);
  return topics;
}

/** The parts of a comma separated list, trimmed, without empties. */
export function splitList(text: string): string[] {
  return text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}

/** Throws `invalid_argument` unless `pattern` is a topic pattern. */
export function requirePattern(label: string, pattern: string): void {
  try {
    verifyPattern(pattern);
  } catch (cause) {
    if (!(cause instanceof EntmootError)) throw cause;
    throw new EntmootError(cause.code, `${label}: -topic: ${cause.message}`, { cause });
  }
}

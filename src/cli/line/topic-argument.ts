import { EntmootError } from "../../core/errors.ts";

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

import { EntmootError } from "../../core/errors.ts";
import { JsonReader } from "../../core/json/json-reader.ts";

/** Ours. How much of what was found an error shows. */
const FOUND_MAX = 60;

/**
 * What a program or a person wrote as one JSON object, held to what reading it as a request would pass over or change:
 * something else than an object, a key that comes twice, half of a surrogate pair. Throws `invalid_argument`.
 */
export function requireRequestJson(label: string, text: string): object {
  if (text.startsWith("\ufeff")) throw refuse(label, "a byte order mark (U+FEFF) before it; leave it out");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw refuse(label, text.trim() === "" ? "nothing" : shown(text));
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw refuse(label, shown(text));
  const repeated = repeatedKey(text);
  if (repeated !== undefined) {
    throw new EntmootError("invalid_argument", `${label}: expected each key once, found ${shown(repeated)} twice`);
  }
  const half = halfSurrogateAt(value);
  if (half !== undefined) {
    const found = "half of a surrogate pair, which is no character";
    throw new EntmootError("invalid_argument", `${label}: ${shown(half)}: expected text, found ${found}`);
  }
  return value;
}

/** A key that comes twice in one object; keys that differ in case alone are read as one. */
export function repeatedKey(text: string): string | undefined {
  const open: Set<string>[] = [];
  let repeated: string | undefined;
  new JsonReader(text, "request").readTokens({
    open: () => open.push(new Set()),
    close: () => open.pop(),
    key(source) {
      const key = JSON.parse(source) as string;
      const keys = open.at(-1)!;
      if (keys.has(key.toLowerCase())) repeated ??= key;
      keys.add(key.toLowerCase());
    },
    scalar: () => {},
  });
  return repeated;
}

/** The key whose text, or a text in whose list, would be signed as another. */
function halfSurrogateAt(value: object): string | undefined {
  const isHalf = (part: unknown): boolean => {
    if (typeof part === "string") return !part.isWellFormed();
    return typeof part === "object" && part !== null && Object.values(part).some(isHalf);
  };
  return Object.entries(value).find(([, part]) => isHalf(part))?.[0];
}

function refuse(label: string, found: string): EntmootError {
  return new EntmootError("invalid_argument", `${label}: expected a JSON object such as {}, found ${found}`);
}

function shown(text: string): string {
  return JSON.stringify(text.length > FOUND_MAX ? `${text.slice(0, FOUND_MAX)}…` : text);
}

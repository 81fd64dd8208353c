import type * as v from "valibot";
import { sizeText } from "../core/amounts.ts";

/** Ours. Of what was found: a stranger wrote it. */
const FOUND_MAX = 80;
/** Ours. From here on a limit is one of bytes, which is easier read in units. */
const SIZE_MIN = 1024;

const KINDS: Readonly<Record<string, string>> = {
  Object: "an object",
  Array: "a list",
  string: "a text",
  number: "a number",
  boolean: "true or false",
};

/** What a schema without words of its own says of a value that it refuses, for people. */
export function schemaWords({ expected, kind, received, type }: v.BaseIssue<unknown>): string {
  const found = clipped(KINDS[received] ?? received);
  // In an object the missing key is what was expected.
  if (kind === "schema" && type.endsWith("object") && expected?.startsWith('"')) return "expected it, found none";
  if (type === "safe_integer") return `expected a whole number, found ${found}`;
  return `expected ${expectedWords(expected ?? "something else", type)}, found ${found}`;
}

function expectedWords(expected: string, type: string): string {
  const [, sign, limit = ""] = /^([<>])=(\d+)$/.exec(expected) ?? [];
  if (sign !== undefined) {
    const amount = Number(limit) >= SIZE_MIN && type.endsWith("value") ? sizeText(Number(limit)) : limit;
    return `${sign === "<" ? "at most" : "at least"} ${amount}${type.endsWith("length") ? " of them" : ""}`;
  }
  if (expected.startsWith("(")) return expected.slice(1, -1).replaceAll(" | ", " or ");
  return KINDS[expected] ?? expected;
}

function clipped(text: string): string {
  return text.length > FOUND_MAX ? `${text.slice(0, FOUND_MAX)}…` : text;
}

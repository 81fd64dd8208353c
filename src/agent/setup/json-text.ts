import { EntmootError } from "../../core/errors.ts";

/** Ours. Settings are nested a few deep. */
const DEPTH_MAX = 64;

interface Member {
  readonly key: string;
  readonly from: number;
  readonly valueFrom: number;
  readonly to: number;
}

interface ObjectText {
  readonly open: number;
  readonly close: number;
  readonly members: readonly Member[];
}

/**
 * `text`, a JSON object that may hold comments and commas before its ends, with one value in it set, or taken away
 * (`undefined`). Every other byte stays. Throws `invalid_argument` for what is no such text.
 */
export function withJsonKey(text: string, keys: readonly string[], value: unknown): string {
  const whole = text.trim() === "" ? "{}\n" : text;
  return changed(whole, skipBlanks(whole, 0), keys, {
    value,
    depth: 1,
    unit: /^[ \t]+(?=")/m.exec(whole)?.[0] ?? "  ",
  });
}

interface KeyChange {
  readonly value: unknown;
  readonly depth: number;
  readonly unit: string;
}

function changed(text: string, at: number, [key, ...rest]: readonly string[], change: KeyChange): string {
  const object = objectAt(text, at);
  const found = object.members.findLast((member) => member.key === key);
  if (found !== undefined && rest.length > 0) {
    return changed(text, found.valueFrom, rest, { ...change, depth: change.depth + 1 });
  }
  if (change.value === undefined) return found === undefined ? text : without(text, object, found);
  const value = rest.reduceRight<unknown>((inner, name) => ({ [name]: inner }), change.value);
  const shown = JSON.stringify(value, undefined, change.unit).replaceAll("\n", `\n${change.unit.repeat(change.depth)}`);
  if (found !== undefined) return spliced(text, found.valueFrom, found.to, shown);
  const line = `\n${change.unit.repeat(change.depth)}${JSON.stringify(key)}: ${shown}`;
  const last = object.members.at(-1);
  if (last !== undefined) return spliced(text, last.to, last.to, `,${line}`);
  const close = `\n${change.unit.repeat(change.depth - 1)}`;
  return spliced(
    text,
    object.open + 1,
    object.open + 1,
    text.slice(object.open + 1, object.close).includes("\n") ? line : `${line}${close}`,
  );
}

function without(text: string, { members, open }: ObjectText, gone: Member): string {
  const at = members.indexOf(gone);
  const [before, after] = [members[at - 1], members[at + 1]];
  if (before !== undefined) return spliced(text, before.to, gone.to, "");
  if (after !== undefined) return spliced(text, gone.from, after.from, "");
  const comma = skipBlanks(text, gone.to);
  return spliced(text, open + 1, text[comma] === "," ? comma + 1 : gone.to, "");
}

function spliced(text: string, from: number, to: number, put: string): string {
  return text.slice(0, from) + put + text.slice(to);
}

function objectAt(text: string, open: number): ObjectText {
  if (text[open] !== "{") throw new EntmootError("invalid_argument", "expected a JSON object");
  const members: Member[] = [];
  for (let at = skipBlanks(text, open + 1); ; ) {
    if (text[at] === "}") return { open, close: at, members };
    const from = at;
    const keyEnd = valueEnd(text, from);
    const colon = skipBlanks(text, keyEnd);
    if (text[from] !== '"' || text[colon] !== ":") throw new EntmootError("invalid_argument", "expected JSON");
    const valueFrom = skipBlanks(text, colon + 1);
    const to = valueEnd(text, valueFrom);
    members.push({ key: JSON.parse(text.slice(from, keyEnd)), from, valueFrom, to });
    at = skipBlanks(text, to);
    if (text[at] === ",") at = skipBlanks(text, at + 1);
    else if (text[at] !== "}") throw new EntmootError("invalid_argument", "expected JSON");
  }
}

/** Where the value that begins at `from` ends. */
function valueEnd(text: string, from: number): number {
  let depth = 0;
  for (let at = from; at < text.length; ) {
    const sign = text[at]!;
    if (sign === '"') at = stringEnd(text, at);
    else if (sign === "{" || sign === "[") {
      depth += 1;
      if (depth > DEPTH_MAX) throw new EntmootError("invalid_argument", `expected at most ${DEPTH_MAX} levels`);
      at += 1;
    } else if (sign === "}" || sign === "]") {
      if (depth === 0) return at;
      depth -= 1;
      at += 1;
    } else {
      const next = skipBlanks(text, at);
      if (depth === 0 && (next > at || sign === "," || sign === ":")) return at;
      at = Math.max(next, at + 1);
      continue;
    }
    if (depth === 0) return at;
  }
  return text.length;
}

function stringEnd(text: string, from: number): number {
  for (let at = from + 1; at < text.length; at++) {
    if (text[at] === "\\") at += 1;
    else if (text[at] === '"') return at + 1;
  }
  throw new EntmootError("invalid_argument", "expected the end of a text");
}

/** Behind blanks, line feeds and comments. */
function skipBlanks(text: string, from: number): number {
  const blanks = /(?:[\s\uFEFF]|\/\/[^\n]*|\/\*[\s\S]*?\*\/)*/y;
  blanks.lastIndex = from;
  return from + (blanks.exec(text)?.[0].length ?? 0);
}

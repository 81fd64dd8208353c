import { textOfUnits } from "../bytes/text-units.ts";
import { canonicalStrings } from "./canonical-strings.ts";
import { escapedUnit, escapeLength } from "./json-escapes.ts";
import { JsonReader } from "./json-reader.ts";
import { withoutBlanks } from "./json-text.ts";
import { comparePlaces, isAscending, type KeyPlaces, keyOrder } from "./key-order.ts";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const COMMA = 0x2c;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/**
 * Canonical form of any JSON text: keys sorted by UTF-8 bytes at every depth, the last of
 * duplicate keys kept, numbers as written, no blanks. Throws `malformed_frame`.
 */
export function canonicalJson(source: Uint8Array | string): string {
  const reader = new JsonReader(source, "json");
  reader.readTokens();
  reader.end();
  const text = canonicalStrings(withoutBlanks(reader.text));
  return text.includes("{") ? (new ObjectSorter(text).run() ?? text) : text;
}

/** An object or a list whose end is still to come. */
interface Container {
  from: number;
  /** How many members the objects around it have so far; of a list -1. */
  base: number;
  /** Of a list: the part up to `done`, in which an object was sorted. */
  readonly pieces: Pieces;
  done: number;
}

/**
 * Valid JSON text on its way to canonical form, in which only objects are still to be sorted. Whatever stands as it
 * should is left where it is and never looked at one by one: lists come a hundred thousand deep in all, and objects
 * with as many keys.
 */
class ObjectSorter {
  readonly #text: string;
  /** Containers that are open, and behind them such as were and are used again. */
  readonly #containers: Container[] = [];
  #depth = 0;
  /** Of the members of all open objects, inner ones last: where the key begins and ends within its quotes, and the end. */
  readonly #starts: number[] = [];
  readonly #keyEnds: number[] = [];
  readonly #ends: number[] = [];
  /** Of members by their number: the value, where it does not stand so in the text. */
  readonly #values = new Map<number, string>();
  /** There was a key that stands for other text than is between its quotes. */
  #hasEscapes = false;
  #root: string | undefined;

  constructor(text: string) {
    this.#text = text;
  }

  /** `undefined` when the text is in canonical form. */
  run(): string | undefined {
    const text = this.#text;
    for (let at = 0; at < text.length; at++) {
      switch (text.charCodeAt(at)) {
        case QUOTE:
          at = this.#string(at);
          break;
        case OPEN_OBJECT:
          this.#open(at, this.#starts.length);
          break;
        case OPEN_ARRAY:
          this.#open(at, -1);
          break;
        case CLOSE_OBJECT:
          this.#endMember(at);
          this.#close(at + 1);
          break;
        case CLOSE_ARRAY:
          this.#close(at + 1);
          break;
        case COMMA:
          this.#endMember(at);
      }
    }
    return this.#root;
  }

  /** Passes the string at `from`, a key or a value; where its closing quote stands. */
  #string(from: number): number {
    const text = this.#text;
    let isEscaped = false;
    let end = from + 1;
    for (let code = text.charCodeAt(end); code !== QUOTE; code = text.charCodeAt(++end)) {
      if (code !== BACKSLASH) continue;
      isEscaped = true;
      end += 1;
    }
    if (text.charCodeAt(end + 1) === COLON) {
      this.#hasEscapes ||= isEscaped;
      this.#starts.push(from + 1);
      this.#keyEnds.push(end);
      this.#ends.push(0);
    }
    return end;
  }

  #open(at: number, base: number): void {
    const container = this.#containers[this.#depth];
    this.#depth += 1;
    if (container === undefined) this.#containers.push({ from: at, base, pieces: new Pieces(), done: at });
    else {
      container.from = at;
      container.base = base;
      container.done = at;
    }
  }

  /** At a comma or the end of the innermost container. */
  #endMember(at: number): void {
    const { base } = this.#containers[this.#depth - 1]!;
    if (base >= 0 && this.#ends.length > base) this.#ends[this.#ends.length - 1] = at;
  }

  #close(end: number): void {
    this.#depth -= 1;
    const { base, done, from, pieces } = this.#containers[this.#depth]!;
    if (base >= 0) {
      const sorted = this.#object(base);
      this.#forgetMembers(base);
      if (sorted !== undefined) this.#put(from, end, sorted);
    } else if (done !== from) {
      pieces.add(this.#text.slice(done, end));
      this.#put(from, end, pieces.take());
    }
  }

  /** The value in `[from, end)` is `sorted` in canonical form. */
  #put(from: number, end: number, sorted: string): void {
    const around = this.#containers[this.#depth - 1];
    if (this.#depth === 0 || around === undefined) this.#root = sorted;
    else if (around.base >= 0) this.#values.set(this.#starts.length - 1, sorted);
    else {
      around.pieces.add(this.#text.slice(around.done, from));
      around.pieces.add(sorted);
      around.done = end;
    }
  }

  #forgetMembers(base: number): void {
    if (this.#values.size > 0) for (let at = base; at < this.#starts.length; at++) this.#values.delete(at);
    this.#starts.length = base;
    this.#keyEnds.length = base;
    this.#ends.length = base;
  }

  /** The object of the members from `base` on; `undefined` where it stands so in the text. */
  #object(base: number): string | undefined {
    const count = this.#starts.length - base;
    if (count === 0) return undefined;
    let isChanged = false;
    if (this.#values.size > 0) for (let at = 0; at < count && !isChanged; at++) isChanged = this.#values.has(base + at);
    const keys = this.#keys(base);
    if (!isChanged && isAscending(keys)) return undefined;
    const order = keyOrder(keys);
    // Of duplicates the last, which stands behind the others.
    let kept = 0;
    for (let at = 0; at < count; at++) {
      const isLast = at + 1 === count || comparePlaces(keys, order[at]!, order[at + 1]!) !== 0;
      if (isLast) order[kept++] = order[at]! - keys.from + base;
    }
    return !isChanged && kept > UNITS_MIN ? this.#copied(order, kept) : this.#joined(order, kept);
  }

  /** What the keys of the members from `base` on stand for. */
  #keys(base: number): KeyPlaces {
    const keys = { text: this.#text, starts: this.#starts, ends: this.#keyEnds, from: base, to: this.#starts.length };
    return this.#hasEscapes ? unescapedKeys(keys) : keys;
  }

  /** Members that are written as they stand: unit by unit, for a piece of text for each costs several times as much. */
  #copied(members: Uint32Array | number[], count: number): string {
    const text = this.#text;
    let length = 1;
    for (let at = 0; at < count; at++) length += this.#ends[members[at]!]! - this.#starts[members[at]!]! + 2;
    const units = new Uint16Array(length);
    let to = 0;
    for (let at = 0; at < count; at++) {
      units[to++] = at === 0 ? OPEN_OBJECT : COMMA;
      const end = this.#ends[members[at]!]!;
      for (let from = this.#starts[members[at]!]! - 1; from < end; from++) units[to++] = text.charCodeAt(from);
    }
    units[to] = CLOSE_OBJECT;
    return textOfUnits(units);
  }

  #joined(members: Uint32Array | number[], count: number): string {
    const pieces = new Pieces();
    for (let at = 0; at < count; at++) pieces.add(`${at === 0 ? "{" : ","}${this.#member(members[at]!)}`);
    pieces.add("}");
    return pieces.take();
  }

  #member(member: number): string {
    const text = this.#text;
    const start = this.#starts[member]! - 1;
    const value = this.#values.get(member);
    return value === undefined
      ? text.slice(start, this.#ends[member])
      : text.slice(start, this.#keyEnds[member]! + 2) + value;
  }
}

/** Ours. A piece of text for each of fewer members costs less than an array of their units. */
const UNITS_MIN = 64;

/** Ours. Pieces put together at once: each small one is held by what it is a part of until then. */
const PIECES_MAX = 4096;

/**
 * Pieces of a text, which come by the million, may be small or large and may be nested thousands deep.
 * Concatenation puts nothing together until the whole is read, so that depth costs nothing; small pieces are put
 * together now and then, for they would take far more memory than their text.
 */
class Pieces {
  #whole = "";
  #pieces = "";
  #count = 0;

  add(text: string): void {
    this.#pieces += text;
    this.#count += 1;
    if (text.length < PIECES_MAX && this.#count < PIECES_MAX) return;
    // Asking for a character is what puts a text together; a large one waits for the whole.
    if (text.length < PIECES_MAX) this.#pieces.charCodeAt(0);
    this.#whole += this.#pieces;
    this.#pieces = "";
    this.#count = 0;
  }

  /** All of it; there is nothing of it left here. */
  take(): string {
    const text = this.#whole + this.#pieces;
    this.#whole = "";
    this.#pieces = "";
    this.#count = 0;
    return text;
  }
}

/** The same keys without escapes, in a text of their own. */
function unescapedKeys({ ends, from, starts, text, to }: KeyPlaces): KeyPlaces {
  let length = 0;
  for (let place = from; place < to; place++) length += ends[place]! - starts[place]!;
  const units = new Uint16Array(length);
  const [newStarts, newEnds]: [number[], number[]] = [[], []];
  let end = 0;
  for (let place = from; place < to; place++) {
    newStarts.push(end);
    for (let at = starts[place]!; at < ends[place]!; at++) {
      const code = text.charCodeAt(at);
      units[end++] = code === BACKSLASH ? escapedUnit(text, at) : code;
      if (code === BACKSLASH) at += escapeLength(text, at) - 1;
    }
    newEnds.push(end);
  }
  return { text: textOfUnits(units.subarray(0, end)), starts: newStarts, ends: newEnds, from: 0, to: to - from };
}

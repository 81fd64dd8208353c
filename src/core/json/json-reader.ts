import { decodeUtf8 } from "../bytes/utf8.ts";
import { escapeLength } from "./json-escapes.ts";
import { malformed, shorten } from "./json-fault.ts";

/** Wire. Objects and arrays together; peers refuse the 10,001st level, also inside ignored keys. */
const JSON_DEPTH_MAX = 10_000;

/**
 * Ours. Known keys that stand in an object again, in one text. No writer repeats one; each is read as if it were the
 * first, and ten bytes of it cost several times what ten bytes of anything else do.
 */
const REPEATED_KEYS_MAX = 1024;

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const LETTER_N = 0x6e;
const MINUS = 0x2d;
const ZERO = 0x30;
const BACKSLASH = 0x5c;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;

/** Hears the parts of a value in order; strings come as source text with their quotes. */
export interface JsonTokens {
  open(isObject: boolean): void;
  key(source: string): void;
  scalar(source: string): void;
  close(isObject: boolean): void;
}

export type ReadId = (text: string, key: string | number | undefined) => Uint8Array | undefined;

/** How a text is read; without it, as a frame. */
export interface JsonReading {
  readonly unknownKeys?: "ignore" | "refuse";
  readonly readId?: ReadId | undefined;
}

/**
 * A cursor over one JSON text (RFC 8259). Numbers stay source text, duplicate keys are all
 * reported, and no depth of input can exhaust the stack. Every refusal is `malformed_frame`
 * and names the path, what was expected and what was found.
 */
export class JsonReader {
  readonly text: string;
  readonly refuseUnknownKeys: boolean;
  /** For text that a person wrote: 32 bytes in other forms than the wire's, `key` being whose value it is; `undefined`: it is none. */
  readonly readId: ReadId | undefined;
  /** Where the cursor is, for error messages: keys and list indexes from the root. */
  readonly path: (string | number)[] = [];
  readonly #label: string;
  #at = 0;
  #depth = 0;
  #repeatedKeys = 0;

  constructor(input: Uint8Array | string, label: string, { readId, unknownKeys }: JsonReading = {}) {
    this.text = typeof input === "string" ? input.toWellFormed() : decodeUtf8(input);
    this.#label = label;
    this.refuseUnknownKeys = unknownKeys === "refuse";
    this.readId = readId;
  }

  /** Char code that starts the next value, or NaN at the end. */
  peek(): number {
    this.#blanks();
    return this.text.charCodeAt(this.#at);
  }

  /** Consumes `null` if that is the next value. */
  readNull(): boolean {
    return this.#readWord("null");
  }

  /** The next value if it is `true` or `false`; otherwise `undefined`, nothing consumed. */
  readBoolean(): boolean | undefined {
    if (this.#readWord("true")) return true;
    return this.#readWord("false") ? false : undefined;
  }

  /** Source text of the next value if it is a number; otherwise `undefined`, nothing consumed. */
  readNumber(): string | undefined {
    const first = this.peek();
    if (!(first === MINUS || isDigit(first))) return undefined;
    const start = this.#at;
    const next = this.text.charCodeAt(start + 1);
    // One digit alone is the number there can be most of.
    if (isDigit(first) && (next === COMMA || next === CLOSE_ARRAY)) {
      this.#at += 1;
      return this.text[start];
    }
    NUMBER.lastIndex = start;
    if (!NUMBER.test(this.text)) return undefined;
    this.#at = NUMBER.lastIndex;
    return this.text.slice(start, this.#at);
  }

  /**
   * Adds the bytes that stand next in a list, in plain digits with a comma behind each, to `values`; what is written in
   * another way is left for the next reading. There may be a million of them, in text that somebody chose.
   */
  passPlainBytes(values: number[]): void {
    const text = this.text;
    for (;;) {
      this.#blanks();
      const start = this.#at;
      let at = start;
      let value = 0;
      let code = text.charCodeAt(at);
      for (; isDigit(code); code = text.charCodeAt(++at)) {
        // A zero ahead of others makes no number.
        if (value > 25 || (value === 0 && at > start)) return;
        value = 10 * value + code - ZERO;
      }
      while (isBlank(code)) code = text.charCodeAt(++at);
      if (code !== COMMA || at === start || value > 0xff) return;
      values.push(value);
      this.#at = at + 1;
    }
  }

  /** The next value if it is a string, well-formed; otherwise `undefined`, nothing consumed. */
  readString(): string | undefined {
    return this.peek() === QUOTE ? this.#string() : undefined;
  }

  /** Consumes an object without keys if that is the next value, in one reading: a list may hold most of a million. */
  readEmptyObject(): boolean {
    if (this.peek() !== OPEN_OBJECT || this.text.charCodeAt(this.#at + 1) !== CLOSE_OBJECT) return false;
    if (this.#depth === JSON_DEPTH_MAX) return false;
    this.#at += 2;
    return true;
  }

  /** Walks the object that is next; `field` must consume the value of `key`. False when it is no object. */
  readObject(field: (key: string) => void): boolean {
    if (this.peek() !== OPEN_OBJECT) return false;
    this.#open();
    if (this.peek() !== CLOSE_OBJECT) {
      do {
        if (this.peek() !== QUOTE) this.fail("a key");
        const key = this.#string();
        this.#expect(COLON, '":"');
        field(key);
      } while (this.#another(CLOSE_OBJECT, '"," or "}"'));
    }
    this.#close();
    return true;
  }

  /** Walks the array that is next; `element` must consume one value. False when it is no array. */
  readArray(element: (index: number) => void): boolean {
    if (this.peek() !== OPEN_ARRAY) return false;
    this.#open();
    if (this.peek() !== CLOSE_ARRAY) {
      let index = 0;
      do element(index++);
      while (this.#another(CLOSE_ARRAY, '"," or "]"'));
    }
    this.#close();
    return true;
  }

  /** Source text of the next value, whatever it is. */
  readRaw(): string {
    this.#blanks();
    const start = this.#at;
    this.readTokens();
    return this.text.slice(start, this.#at);
  }

  /** Consumes the next value, whatever it is, without recursion, and tells `tokens` of each part. */
  readTokens(tokens?: JsonTokens): void {
    const first = this.peek();
    if (tokens === undefined && first !== OPEN_OBJECT && first !== OPEN_ARRAY) {
      this.#scalar(first);
      return;
    }
    const closers: number[] = [];
    for (;;) {
      const code = this.peek();
      if (code === OPEN_OBJECT || code === OPEN_ARRAY) {
        const closer = code === OPEN_OBJECT ? CLOSE_OBJECT : CLOSE_ARRAY;
        this.#open();
        tokens?.open(closer === CLOSE_OBJECT);
        if (this.peek() !== closer) {
          closers.push(closer);
          if (closer === CLOSE_OBJECT) this.#key(tokens);
          continue;
        }
        this.#close();
        tokens?.close(closer === CLOSE_OBJECT);
      } else {
        const start = this.#at;
        this.#scalar(code);
        tokens?.scalar(this.text.slice(start, this.#at));
      }
      for (;;) {
        const closer = closers[closers.length - 1];
        if (closer === undefined) return;
        if (this.#another(closer, closer === CLOSE_OBJECT ? '"," or "}"' : '"," or "]"')) {
          if (closer === CLOSE_OBJECT) this.#key(tokens);
          break;
        }
        this.#close();
        tokens?.close(closer === CLOSE_OBJECT);
        closers.pop();
      }
    }
  }

  /** Call for each known key that its object had before. */
  noteRepeatedKey(): void {
    if (++this.#repeatedKeys > REPEATED_KEYS_MAX)
      this.fail(`at most ${REPEATED_KEYS_MAX} keys that repeat`, "one more");
  }

  /** Refuses anything but blanks after the value. */
  end(): void {
    if (!Number.isNaN(this.peek())) this.fail("the end");
  }

  /** Throws `malformed_frame`. Without `found`, what stands at the cursor is described. */
  fail(expected: string, found = this.#found()): never {
    throw malformed(this.#label, this.path, expected, found);
  }

  #scalar(code: number): void {
    if (code === QUOTE) this.#passString();
    else if (
      !(code === LETTER_N && this.readNull()) &&
      this.readNumber() === undefined &&
      this.readBoolean() === undefined
    ) {
      this.fail("a value");
    }
  }

  #key(tokens: JsonTokens | undefined): void {
    if (this.peek() !== QUOTE) this.fail("a key");
    const start = this.#at;
    this.#passString();
    tokens?.key(this.text.slice(start, this.#at));
    this.#expect(COLON, '":"');
  }

  #another(closer: number, expected: string): boolean {
    const code = this.peek();
    if (code === COMMA) {
      this.#at += 1;
      return true;
    }
    if (code !== closer) this.fail(expected);
    return false;
  }

  #open(): void {
    if (++this.#depth > JSON_DEPTH_MAX) this.fail(`at most ${JSON_DEPTH_MAX} levels of nesting`, "one more");
    this.#at += 1;
  }

  #close(): void {
    this.#depth -= 1;
    this.#at += 1;
  }

  #expect(code: number, expected: string): void {
    if (this.peek() !== code) this.fail(expected);
    this.#at += 1;
  }

  #readWord(word: string): boolean {
    this.#blanks();
    if (!this.text.startsWith(word, this.#at)) return false;
    this.#at += word.length;
    return true;
  }

  #blanks(): void {
    for (;;) {
      const code = this.text.charCodeAt(this.#at);
      if (!isBlank(code)) return;
      this.#at += 1;
    }
  }

  #string(): string {
    const text = this.text;
    const start = this.#at + 1;
    let escaped = false;
    for (let at = start; ; at++) {
      const code = text.charCodeAt(at);
      if (code === QUOTE) {
        if (!escaped) {
          this.#at = at + 1;
          return text.slice(start, at);
        }
        const value = this.#unescaped(start, at);
        this.#at = at + 1;
        return value;
      }
      if (code === BACKSLASH) {
        escaped = true;
        at += 1;
      } else if (!(code >= 0x20)) {
        // An escape before it is the first fault.
        if (escaped) this.#refuseEscape(start, at);
        this.#at = at;
        this.fail("a character of the string or a closing quote");
      }
    }
  }

  /** As `#string`, for who does not ask what it says: there may be an escape in each of very many. */
  #passString(): void {
    const text = this.text;
    let at = this.#at + 1;
    for (let code = text.charCodeAt(at); code !== QUOTE; code = text.charCodeAt(++at)) {
      if (code === BACKSLASH) {
        const length = escapeLength(text, at);
        if (length === 0) {
          this.#at = at;
          this.fail("a valid escape");
        }
        at += length - 1;
      } else if (!(code >= 0x20)) {
        this.#at = at;
        this.fail("a character of the string or a closing quote");
      }
    }
    this.#at = at + 1;
  }

  /** The string from `start` to its closing quote at `end`. The built-in parser takes the escapes that we take, and hundreds a microsecond. */
  #unescaped(start: number, end: number): string {
    try {
      // A lone surrogate can only come from an escape.
      return (JSON.parse(this.text.slice(start - 1, end + 1)) as string).toWellFormed();
    } catch (cause) {
      this.#refuseEscape(start, end);
      throw cause;
    }
  }

  /** Fails at the first escape in `[start, end)` that is none. */
  #refuseEscape(start: number, end: number): void {
    const text = this.text;
    for (let at = text.indexOf("\\", start); at >= 0 && at < end; ) {
      const length = escapeLength(text, at);
      if (length === 0) {
        this.#at = at;
        this.fail("a valid escape");
      }
      at = text.indexOf("\\", at + length);
    }
  }

  #found(): string {
    this.#blanks();
    const char = String.fromCodePoint(this.text.codePointAt(this.#at) ?? 0);
    if (this.#at >= this.text.length) return "the end of the input";
    if (char === '"') return "a string";
    if (char === "{") return "an object";
    if (char === "[") return "an array";
    NUMBER.lastIndex = this.#at;
    const word =
      NUMBER.exec(this.text)?.[0] ?? /^(?:true|false|null)/.exec(this.text.slice(this.#at, this.#at + 5))?.[0];
    return word === undefined ? `character ${JSON.stringify(char)}` : shorten(word);
  }
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

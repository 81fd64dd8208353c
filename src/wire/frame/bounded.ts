import { sizeText } from "../../core/amounts.ts";
import { decodeUtf8, encodeUtf8 } from "../../core/bytes/utf8.ts";
import { EntmootError } from "../../core/errors.ts";
import { type Codec, labelled, list, omittedList, schemaOf } from "../../core/json/json-codec.ts";
import type { CheckedPlace } from "../../core/json/json-fault.ts";
import { bytes, int, text, u32 } from "../../core/json/json-scalars.ts";

/** What a list of the original's decodes to when it was absent or `null`; writes `null` again, where `[]` writes `[]`. */
const ABSENT_LIST: readonly never[] = Object.freeze([]);

/** `element` for a list of at most `max`: the element past it is refused before it is read. */
function refusePast<T>(max: number, element: Codec<T>): Codec<T> {
  return {
    ...element,
    read(reader, previous) {
      // A list puts the index of the element on the path before it reads it.
      const index = reader.path.at(-1);
      if (typeof index === "number" && index >= max) reader.fail(`at most ${max} of ${element.label}`, "one more");
      return element.read(reader, previous);
    },
  };
}

/** The same for a list in memory. */
function checkAtMost<T>(max: number, element: Codec<T>, value: unknown, place: CheckedPlace): void {
  if (!Array.isArray(value)) place.fail(`a list of ${element.label}`, value);
  if (value.length > max) place.fail(`at most ${max} of ${element.label}`, value, `${value.length}`);
}

/** A list without omit rule that nobody signs, so readers need not tell `null` from empty: see `ABSENT_LIST`. */
export function plainList<T>(element: Codec<T>, max: number): Codec<readonly T[]> {
  const inner = list(refusePast(max, element));
  const unwrap = (value: readonly T[]) => (value === ABSENT_LIST ? null : value);
  return {
    label: inner.label,
    schema() {
      return { type: "array", items: schemaOf(element), maxItems: max };
    },
    zero: () => ABSENT_LIST,
    read: (reader, previous) => inner.read(reader, unwrap(previous)) ?? ABSENT_LIST,
    check(value, place) {
      checkAtMost(max, element, value, place);
      inner.check!(value, place);
    },
    write(value, form) {
      requireAtMost(max, value.length, inner.label);
      return inner.write(unwrap(value), form);
    },
  };
}

/** A list of at most `max` that is left out when empty. */
export function shortList<T>(element: Codec<T>, max: number): Codec<readonly T[]> {
  const inner = omittedList(refusePast(max, element));
  return {
    ...inner,
    schema: () => ({ type: "array", items: schemaOf(element), maxItems: max }),
    check(value, place) {
      checkAtMost(max, element, value, place);
      inner.check!(value, place);
    },
    write(value, form) {
      requireAtMost(max, value.length, inner.label);
      return inner.write(value, form);
    },
  };
}

/** Text of at most `maxBytes` of UTF-8. */
export function boundedText(label: string, maxBytes: number): Codec<string> {
  return {
    ...labelled(label, text),
    schema: () => ({ type: "string", maxLength: maxBytes }),
    read(reader, previous) {
      const value = text.read(reader, previous);
      const size = byteLength(value);
      if (size > maxBytes) reader.fail(`${label} of at most ${sizeText(maxBytes)}`, sizeText(size));
      return value;
    },
    check(value, place) {
      if (typeof value !== "string") return place.fail("a string", value);
      // No UTF-16 unit takes more than three bytes of UTF-8.
      const size = value.length * 3 <= maxBytes ? 0 : byteLength(value);
      if (size > maxBytes) place.fail(`${label} of at most ${sizeText(maxBytes)}`, value, sizeText(size));
    },
    write(value, form) {
      requireAtMost(maxBytes, byteLength(value), `bytes of ${label}`);
      return text.write(value, form);
    },
  };
}

/** As `boundedText`, for words meant for people: what is too long is cut off when it is written. */
export function clippedText(label: string, maxBytes: number): Codec<string> {
  const inner = boundedText(label, maxBytes);
  return { ...inner, check: text.check!, write: (value, form) => text.write(clip(value, maxBytes), form) };
}

/** The bounds as a document says them; nothing where what a frame holds is the only bound. */
function sizeWords(min: number, max: number): string {
  return max === Number.MAX_SAFE_INTEGER ? "" : `, ${min} to ${max} bytes`;
}

/** A byte string of `min` to `max` bytes, never `null`. A struct that needs it must list it as required. */
export function boundedBytes(label: string, { min, max }: { min: number; max: number }): Codec<Uint8Array> {
  return {
    label,
    schema: () => ({ type: "string", contentEncoding: "base64", title: `${label}${sizeWords(min, max)}` }),
    zero: () => new Uint8Array(0),
    read(reader) {
      const value = bytes.read(reader, null) ?? reader.fail(label, "null");
      if (value.length < min || value.length > max) {
        reader.fail(`${label} of ${min} to ${max} bytes`, `${value.length} bytes`);
      }
      return value;
    },
    check(value, place) {
      if (!(value instanceof Uint8Array) || value.length < min || value.length > max) {
        place.fail(max === Number.MAX_SAFE_INTEGER ? label : `${label} of ${min} to ${max} bytes`, value);
      }
    },
    write(value, form) {
      if (value.length < min) tooShort(label, min, value.length);
      requireAtMost(max, value.length, `bytes of ${label}`);
      return bytes.write(value, form);
    },
  };
}

/** One of a fixed set of words, exactly. */
export function oneOf<const T extends string>(label: string, words: readonly [T, ...T[]]): Codec<T> {
  const known = new Set<string>(words);
  return {
    label,
    schema: () => ({ type: "string", enum: [...words] }),
    zero: () => words[0],
    read(reader, previous) {
      const word = text.read(reader, previous);
      if (!known.has(word)) reader.fail(`${label}: ${words.join(", ")}`, JSON.stringify(word.slice(0, 40)));
      return word as T;
    },
    check(value, place) {
      if (typeof value !== "string" || !known.has(value)) place.fail(`${label}: ${words.join(", ")}`, value);
    },
    write: (value, form) => text.write(value, form),
  };
}

/** `uint16` held as a number: ports. */
export const u16: Codec<number> = {
  ...u32,
  label: "uint16",
  schema: () => ({ type: "integer", minimum: 0, maximum: 0xffff }),
  read(reader, previous) {
    const value = u32.read(reader, previous);
    if (value > 0xffff) reader.fail("uint16 from 0 to 65535", String(value));
    return value;
  },
  check(value, place) {
    u32.check!(value, place);
    if ((value as number) > 0xffff) place.fail("uint16 from 0 to 65535", value);
  },
};

/** Ours. The last instant that dates of this platform can say, Unix milliseconds (ECMA-262, 21.4.1.1). */
const INSTANT_MAX = 8.64e15;

/** An instant in Unix milliseconds, from 1970 on; 0 often stands for none. */
export const instantMs: Codec<number> = {
  ...int,
  label: "instant",
  schema: () => ({ type: "integer", minimum: 0, maximum: INSTANT_MAX }),
  read(reader, previous) {
    const value = int.read(reader, previous);
    if (value < 0 || value > INSTANT_MAX) reader.fail(`Unix milliseconds up to ${INSTANT_MAX}`, String(value));
    return value;
  },
  check(value, place) {
    int.check!(value, place);
    const ms = value as number;
    if (ms < 0 || ms > INSTANT_MAX) place.fail(`Unix milliseconds up to ${INSTANT_MAX}`, value);
  },
};

/** A number of things, from 0. */
export const count: Codec<number> = {
  ...int,
  label: "count",
  schema: () => ({ type: "integer", minimum: 0 }),
  read(reader, previous) {
    const value = int.read(reader, previous);
    if (value < 0) reader.fail("a count from 0", String(value));
    return value;
  },
  check(value, place) {
    int.check!(value, place);
    if ((value as number) < 0) place.fail("a count from 0", value);
  },
};

function byteLength(value: string): number {
  return encodeUtf8(value).length;
}

function clip(value: string, maxBytes: number): string {
  const encoded = encodeUtf8(value);
  if (encoded.length <= maxBytes) return value;
  let end = maxBytes;
  while (end > 0 && (encoded[end]! & 0xc0) === 0x80) end -= 1;
  return decodeUtf8(encoded.subarray(0, end));
}

function requireAtMost(max: number, found: number, what: string): void {
  if (found > max)
    throw new EntmootError("invalid_argument", `frame: expected at most ${max} in ${what}, got ${found}`);
}

function tooShort(label: string, min: number, found: number): never {
  throw new EntmootError("invalid_argument", `frame: expected at least ${min} bytes of ${label}, got ${found}`);
}

import { type Codec, labelled, list, omittedList } from "../core/json-codec.ts";
import { bytes, text, u32 } from "../core/json-scalars.ts";

/** What a list of the original's decodes to when it was absent or `null`; writes `null` again, where `[]` writes `[]`. */
export const ABSENT_LIST: readonly never[] = Object.freeze([]);

/** `element` for a list of at most `max`: the element past it is refused before it is read. */
export function atMost<T>(max: number, element: Codec<T>): Codec<T> {
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

/** A list without omit rule that nobody signs, so readers need not tell `null` from empty: see `ABSENT_LIST`. */
export function plainList<T>(element: Codec<T>, max: number): Codec<readonly T[]> {
  const inner = list(atMost(max, element));
  const unwrap = (value: readonly T[]) => (value === ABSENT_LIST ? null : value);
  return {
    label: inner.label,
    zero: () => ABSENT_LIST,
    read: (reader, previous) => inner.read(reader, unwrap(previous)) ?? ABSENT_LIST,
    write: (value, form) => inner.write(unwrap(value), form),
  };
}

/** A list of at most `max` that is left out when empty. */
export function shortList<T>(element: Codec<T>, max: number): Codec<readonly T[]> {
  return omittedList(atMost(max, element));
}

/** Text of at most `maxBytes` of UTF-8. */
export function boundedText(label: string, maxBytes: number): Codec<string> {
  return {
    ...labelled(label, text),
    read(reader, previous) {
      const value = text.read(reader, previous);
      // A UTF-16 unit is at most three bytes of UTF-8.
      if (value.length * 3 > maxBytes && Buffer.byteLength(value) > maxBytes) {
        reader.fail(`${label} of at most ${maxBytes} bytes`, `${Buffer.byteLength(value)} bytes`);
      }
      return value;
    },
  };
}

/** A byte string of `min` to `max` bytes, never `null`. A struct that needs it must list it as required. */
export function boundedBytes(label: string, { min, max }: { min: number; max: number }): Codec<Uint8Array> {
  return {
    label,
    zero: () => new Uint8Array(0),
    read(reader) {
      const value = bytes.read(reader, null) ?? reader.fail(label, "null");
      if (value.length < min || value.length > max) {
        reader.fail(`${label} of ${min} to ${max} bytes`, `${value.length} bytes`);
      }
      return value;
    },
    write: (value, form) => bytes.write(value, form),
  };
}

/** One of a fixed set of words, exactly. */
export function oneOf<const T extends string>(label: string, words: readonly [T, ...T[]]): Codec<T> {
  const known = new Set<string>(words);
  return {
    label,
    zero: () => words[0],
    read(reader, previous) {
      const word = text.read(reader, previous);
      if (!known.has(word)) reader.fail(`${label}: ${words.join(", ")}`, JSON.stringify(word.slice(0, 40)));
      return word as T;
    },
    write: (value, form) => text.write(value, form),
  };
}

/** `uint16` held as a number: ports. */
export const u16: Codec<number> = {
  ...u32,
  label: "uint16",
  read(reader, previous) {
    const value = u32.read(reader, previous);
    if (value > 0xffff) reader.fail("uint16 from 0 to 65535", String(value));
    return value;
  },
};

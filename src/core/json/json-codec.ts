import { encodeUtf8 } from "../bytes/utf8.ts";
import { CheckedPlace } from "./json-fault.ts";
import { JsonReader, type JsonReading } from "./json-reader.ts";
import { ANY_JSON, type JsonSchema } from "./json-schema.ts";
import { type JsonForm, jsonString } from "./json-text.ts";
import { compareKeys } from "./key-order.ts";

/**
 * How one kind of value stands in JSON. A record's shape is written once, out of the codecs here
 * and in json-scalars.ts; reading (with the leniency of the network's readers), the wire form and
 * the canonical form all follow from it.
 */
export interface Codec<T> {
  /** What errors call the value: `uint32`, `message id`, `roster entry`. */
  readonly label: string;
  /** The value of an absent key. May be shared: nobody changes it. */
  zero(): T;
  /**
   * Consumes one JSON value. `previous` is what an earlier duplicate key left, or `zero()`:
   * `null` keeps it, objects merge into it, lists are read over it. Throws `malformed_frame`.
   */
  read(reader: JsonReader, previous: T): T;
  /** JSON text of `value`. */
  write(value: T, form: JsonForm): string;
  /**
   * Refuses a value in memory that reading its JSON would refuse, without writing it. A codec made of another whose `read`
   * it narrows narrows this too. Without it `checkValue` writes and reads the value.
   */
  check?(value: unknown, place: CheckedPlace): void;
  /** True when the key is dropped instead of written. Without it the key is always written. */
  omits?(value: T): boolean;
  /** What documents say of it; reading and writing never look at it. */
  schema?(): JsonSchema;
}

/** The value type of a codec. */
export type Decoded<C> = C extends Codec<infer T> ? T : never;

/** One codec per key, in the order of the wire. */
type Fields<T> = { readonly [Key in keyof T]-?: Codec<T[Key]> };

/**
 * Reads the one JSON value `input` holds. Missing keys get their zero value, unknown ones are
 * ignored unless `unknownKeys: "refuse"`; ids are standard base64 unless `readId` takes other forms. Throws `malformed_frame` naming path, expected and found.
 */
export function decodeJson<T>(codec: Codec<T>, input: Uint8Array | string, reading?: JsonReading): T {
  const reader = new JsonReader(input, codec.label, reading);
  const value = codec.read(reader, codec.zero());
  reader.end();
  return value;
}

/**
 * Holds a value in memory, whose types nobody may have checked, to what reading its JSON holds it to. Throws
 * `malformed_frame` naming path, expected and found.
 */
export function checkValue<T>(codec: Codec<T>, value: unknown): void {
  checkPart(codec, value, new CheckedPlace(codec.label));
}

function checkPart<T>(codec: Codec<T>, value: unknown, place: CheckedPlace): void {
  if (codec.check === undefined) decodeJson(codec, codec.write(value as T, "wire"));
  else codec.check(value, place);
}

/** Bytes as senders write them: struct order, `<`, `>`, `&` escaped. Never hashed or signed. */
export function encodeWire<T>(codec: Codec<T>, value: T): Uint8Array<ArrayBuffer> {
  return encodeUtf8(codec.write(value, "wire"));
}

/** Bytes that are hashed, signed and stored: keys sorted by UTF-8 bytes, no blanks. */
export function encodeCanonical<T>(codec: Codec<T>, value: T): Uint8Array<ArrayBuffer> {
  return encodeUtf8(codec.write(value, "canonical"));
}

interface Field {
  readonly key: string;
  readonly codec: Codec<unknown>;
  /** `"key":` */
  readonly prefix: string;
  /** One bit, to tell whether it came; none past the first 31. */
  readonly bit: number;
}

/**
 * An object with fixed keys. Keys match exactly, else by Unicode simple folding; `null` keeps what
 * was there. `required` keys must come with a value other than `null` in every occurrence of the
 * object, which also makes `null` for the object itself an error.
 */
export function struct<T extends object>(
  label: string,
  fields: Fields<T>,
  options: { readonly required?: readonly (keyof T & string)[] } = {},
): Codec<Readonly<T>> {
  const required = options.required ?? [];
  const wire: Field[] = Object.entries<Codec<unknown>>(fields).map(([key, codec], i) => ({
    key,
    codec,
    prefix: `${jsonString(key, "wire")}:`,
    bit: i < 31 ? 1 << i : 0,
  }));
  const canonical = wire.toSorted((a, b) => compareKeys(a.key, b.key));
  const byKey = new Map(wire.map((field) => [field.key, field]));
  const byFoldedKey = new Map(wire.map((field) => [foldKey(field.key), field]));
  const longest = Math.max(0, ...wire.map(({ key }) => key.length));

  // One for all: a list of a million empty objects must not become a million times all their fields.
  const zero = Object.freeze(Object.fromEntries(wire.map(({ key, codec }) => [key, codec.zero()])) as T);
  return {
    label,
    schema() {
      const properties = Object.fromEntries(wire.map(({ key, codec }) => [key, schemaOf(codec)]));
      return { type: "object", properties, ...(required.length === 0 ? {} : { required: [...required] }) };
    },
    zero: () => zero,
    read(reader, previous) {
      if (required.length === 0 && (reader.readEmptyObject() || reader.readNull())) return previous;
      // Copied when a field comes, so that an empty object costs no more than a `null`.
      let value: Record<string, unknown> | undefined;
      const seen: string[] = [];
      let came = 0;
      const isObject = reader.readObject((key) => {
        // Folding keeps the number of units, so what is longer than any key is none.
        const field = byKey.get(key) ?? (key.length > longest ? undefined : byFoldedKey.get(foldKey(key)));
        if (field === undefined) {
          if (reader.refuseUnknownKeys) reader.fail("a known key", JSON.stringify(key.slice(0, 64)));
          reader.readTokens();
          return;
        }
        reader.path.push(field.key);
        if ((came & field.bit) !== 0) reader.noteRepeatedKey();
        came |= field.bit;
        const isRequired = required.length > 0 && (required as readonly string[]).includes(field.key);
        if (!isRequired || !reader.readNull()) {
          value ??= { ...previous } as Record<string, unknown>;
          value[field.key] = field.codec.read(reader, value[field.key]);
          if (isRequired) seen.push(field.key);
        }
        reader.path.pop();
      });
      if (!isObject) reader.fail(`${label} object`);
      for (const key of required) if (!seen.includes(key)) reader.fail(`a ${key}`, "none");
      return (value ?? previous) as T;
    },
    check(value, place) {
      if (typeof value !== "object" || value === null || Array.isArray(value)) place.fail(`${label} object`, value);
      let missing: string | undefined;
      for (const { key, codec } of wire) {
        const inner = (value as Record<string, unknown>)[key];
        if ((inner === undefined || inner === null) && (required as readonly string[]).includes(key)) {
          missing ??= key;
          continue;
        }
        place.path.push(key);
        checkPart(codec, inner, place);
        place.path.pop();
      }
      if (missing !== undefined) place.fail(`a ${missing}`, undefined);
    },
    write(value, form) {
      const record = value as Record<string, unknown>;
      let text = "{";
      for (const { key, codec, prefix } of form === "wire" ? wire : canonical) {
        const inner = record[key];
        if (codec.omits?.(inner)) continue;
        text += text.length === 1 ? prefix : `,${prefix}`;
        text += codec.write(inner, form);
      }
      return `${text}}`;
    },
  };
}

/** A list without omit rule: absent or `null` stays `null`, apart from `[]`, in every form. */
export function list<T>(element: Codec<T>): Codec<readonly T[] | null> {
  return {
    label: `list of ${element.label}`,
    schema() {
      return { type: ["array", "null"], items: schemaOf(element) };
    },
    zero: () => null,
    read: (reader, previous) => readList(element, reader, previous),
    check: (value, place) => (value === null ? undefined : checkList(element, value, place)),
    write: (value, form) => (value === null ? "null" : writeList(element, value, form)),
  };
}

/** A list that is left out when empty: absent, `null` and `[]` are one value. */
export function omittedList<T>(element: Codec<T>): Codec<readonly T[]> {
  return {
    label: `list of ${element.label}`,
    schema() {
      return { type: "array", items: schemaOf(element) };
    },
    zero: () => NONE,
    read: (reader, previous) => readList(element, reader, previous) ?? NONE,
    check: (value, place) => checkList(element, value, place),
    write: (value, form) => writeList(element, value, form),
    omits: (value) => value.length === 0,
  };
}

/** A value that may be absent: left out when `undefined`, which is also what `null` reads as. */
export function optional<T>(codec: Codec<T>): Codec<T | undefined> {
  return {
    label: codec.label,
    schema() {
      return schemaOf(codec);
    },
    zero: () => undefined,
    read: (reader, previous) => (reader.readNull() ? undefined : codec.read(reader, previous ?? codec.zero())),
    check: (value, place) => (value === undefined ? undefined : checkPart(codec, value, place)),
    write: (value, form) => codec.write(value as T, form),
    omits: (value) => value === undefined,
  };
}

/** A number, text, boolean or id that is left out when it is the zero value. */
export function omitted<T extends string | number | bigint | boolean>(codec: Codec<T>): Codec<T> {
  return { ...codec, omits: (value) => value === codec.zero() };
}

/** `codec` under another name in errors. */
export function labelled<T>(label: string, codec: Codec<T>): Codec<T> {
  return { ...codec, label };
}

/** `codec` with a sentence for documents: what the value means, its unit, what an absent one stands for. */
export function documented<T>(description: string, codec: Codec<T>): Codec<T> {
  return { ...codec, schema: () => ({ ...schemaOf(codec), description }) };
}

/** What documents say of a value; nothing where its codec says nothing. */
export function schemaOf<T>(codec: Codec<T>): JsonSchema {
  return codec.schema?.() ?? ANY_JSON;
}

const NONE: readonly never[] = Object.freeze([]);

/**
 * What a list was before a shorter duplicate replaced it, with the elements of the shorter one in
 * front: a third duplicate that is longer again is read over these. Handed on from list to list,
 * so that a thousand short duplicates of a long list cost one copy of it.
 */
const LONGER = new WeakMap<readonly unknown[], unknown[]>();

function readList<T>(element: Codec<T>, reader: JsonReader, previous: readonly T[] | null): T[] | null {
  if (reader.readNull()) return null;
  const longer = previous === null ? undefined : (LONGER.get(previous) as T[] | undefined);
  const under = longer ?? previous ?? NONE;
  const values: T[] = [];
  const isArray = reader.readArray((index) => {
    reader.path.push(index);
    values.push(element.read(reader, index < under.length ? under[index]! : element.zero()));
    reader.path.pop();
  });
  if (!isArray) reader.fail(`a list of ${element.label}`);
  if (values.length > 0 && values.length < under.length) {
    const kept = longer ?? [...under];
    for (const [i, value] of values.entries()) kept[i] = value;
    LONGER.set(values, kept);
  }
  return values;
}

function checkList<T>(element: Codec<T>, values: unknown, place: CheckedPlace): void {
  if (!Array.isArray(values)) place.fail(`a list of ${element.label}`, values);
  for (let i = 0; i < values.length; i++) {
    place.path.push(i);
    checkPart(element, values[i], place);
    place.path.pop();
  }
}

function writeList<T>(element: Codec<T>, values: readonly T[], form: JsonForm): string {
  let text = "[";
  for (let i = 0; i < values.length; i++) {
    if (i > 0) text += ",";
    text += element.write(values[i]!, form);
  }
  return `${text}]`;
}

const FOLDING = /[A-Z\u017f\u212a]/;

/**
 * U+017F and U+212A are the only letters outside ASCII that fold into it, and all our keys are ASCII: what becomes of other
 * letters is never looked at.
 */
function foldKey(key: string): string {
  return FOLDING.test(key) ? key.toLowerCase().replaceAll("\u017f", "s") : key;
}

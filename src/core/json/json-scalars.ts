import { decodeBase64 } from "../bytes/base64.ts";
import { ForksDigest, GroupId, MerkleRoot, MessageId, PublicKey, RosterEntryId } from "../ids.ts";
import { canonicalJson } from "./canonical-json.ts";
import type { Codec } from "./json-codec.ts";
import type { CheckedPlace } from "./json-fault.ts";
import type { JsonReader } from "./json-reader.ts";
import { compactJson, jsonString } from "./json-text.ts";

const INTEGER = /^-?[0-9]+$/;
const ID_32 = /^[0-9a-f]{64}$/;
const NO_BYTES = new Uint8Array(0);

/** `uint8` held as a number. */
export const u8 = smallInteger("uint8", 0, 0xff);
/** `uint32` held as a number: node ids, rounds. */
export const u32 = smallInteger("uint32", 0, 0xffff_ffff);
/** A count held as a number. The network's own type is 64 bits wide; past 2^53 is read as the last exact one. */
export const int: Codec<number> = {
  label: "integer",
  schema: () => ({ type: "integer" }),
  zero: () => 0,
  read(reader, previous) {
    const value = i64.read(reader, BigInt(previous));
    return Number(value > SAFE_MAX ? SAFE_MAX : value < -SAFE_MAX ? -SAFE_MAX : value);
  },
  check: (value, place) => (Number.isSafeInteger(value) ? undefined : place.fail("integer", value)),
  write: String,
};
const SAFE_MAX = BigInt(Number.MAX_SAFE_INTEGER);
/** `uint64`. */
export const u64 = wideInteger("uint64", 0n, 2n ** 64n - 1n);
/** `int64`, for timestamps in Unix milliseconds. */
export const i64 = wideInteger("int64", -(2n ** 63n), 2n ** 63n - 1n);

/** `true` or `false`; `null` keeps what was there. */
export const bool: Codec<boolean> = {
  label: "boolean",
  schema: () => ({ type: "boolean" }),
  zero: () => false,
  read: (reader, previous) => (reader.readNull() ? previous : (reader.readBoolean() ?? reader.fail("true or false"))),
  check: (value, place) => (typeof value === "boolean" ? undefined : place.fail("true or false", value)),
  write: (value) => (value ? "true" : "false"),
};

/** Well-formed text; `null` keeps what was there. */
export const text: Codec<string> = {
  label: "text",
  schema: () => ({ type: "string" }),
  zero: () => "",
  read: (reader, previous) => (reader.readNull() ? previous : (reader.readString() ?? reader.fail("a string"))),
  check: (value, place) => (typeof value === "string" ? undefined : place.fail("a string", value)),
  write: jsonString,
};

/** A byte string without omit rule: `null` and empty are two values and sign differently. */
export const bytes: Codec<Uint8Array | null> = {
  label: "byte string",
  schema: () => ({ type: ["string", "null"], contentEncoding: "base64" }),
  zero: () => null,
  read: readBytes,
  check: (value, place) => (value === null ? undefined : checkBytes(value, place)),
  write: (value) => (value === null ? "null" : `"${value.toBase64()}"`),
};

/** A byte string that is left out when empty: absent, `null` and `""` are one value. */
export const omittedBytes: Codec<Uint8Array> = {
  label: "byte string",
  schema: () => ({ type: "string", contentEncoding: "base64" }),
  zero: () => NO_BYTES,
  read: (reader, previous) => readBytes(reader, previous) ?? NO_BYTES,
  check: checkBytes,
  write: (value) => `"${value.toBase64()}"`,
  omits: (value) => value.length === 0,
};

/** Exactly `length` bytes as base64; `null` is an error, absent is all zero. */
export function fixedBytes(label: string, length: number): Codec<Uint8Array> {
  return {
    label,
    schema: () => ({ type: "string", contentEncoding: "base64", title: `${label}, ${length} bytes` }),
    zero: () => new Uint8Array(length),
    read: (reader) => readFixed(reader, label, length),
    check(value, place) {
      if (!(value instanceof Uint8Array && value.length === length)) place.fail(`${label} of ${length} bytes`, value);
    },
    write: (value) => `"${value.toBase64()}"`,
  };
}

export const groupId = id32("group id", GroupId);
export const messageId = id32("message id", MessageId);
export const rosterEntryId = id32("roster entry id", RosterEntryId);
export const merkleRoot = id32("merkle root", MerkleRoot);
export const forksDigest = id32("forks digest", ForksDigest);
/** For records of ours: those of the original hold keys as `bytes`, of any length. */
export const publicKey = id32("public key", PublicKey);

/**
 * Any JSON value, kept as its source text; left out when `undefined`. An explicit `null` is the
 * text `null`, not absent. Written without blanks, and sorted in the canonical form; numbers
 * stay as written in both. Writing throws `malformed_frame` when the text is not JSON.
 */
export const rawJson: Codec<string | undefined> = {
  label: "json",
  zero: () => undefined,
  read: (reader) => reader.readRaw(),
  check(value, place) {
    if (value === undefined || value === "") return;
    if (typeof value !== "string") return place.fail("JSON text", value);
    compactJson(value);
  },
  write: (value, form) => (form === "wire" ? compactJson(value ?? "null") : canonicalJson(value ?? "null")),
  omits: (value) => value === undefined || value === "",
};

function id32<T extends string>(
  label: string,
  kind: { fromBytes(bytes: Uint8Array): T; toBase64(id: T): string; readonly zero: T },
): Codec<T> {
  return {
    label,
    schema: () => ({ type: "string", contentEncoding: "base64", minLength: 44, maxLength: 44, title: label }),
    zero: () => kind.zero,
    read: (reader) => kind.fromBytes(readFixed(reader, label, 32)),
    check(value, place) {
      if (typeof value !== "string" || !ID_32.test(value)) place.fail(`${label} of 32 bytes in hex`, value);
    },
    write: (value) => `"${kind.toBase64(value)}"`,
  };
}

function smallInteger(label: string, min: number, max: number): Codec<number> {
  return {
    label,
    schema: () => ({ type: "integer", minimum: min, maximum: max }),
    zero: () => 0,
    read(reader, previous) {
      if (reader.readNull()) return previous;
      const source = readInteger(reader, label, min < 0);
      const value = Number(source);
      if (value < min || value > max) reader.fail(`${label} from ${min} to ${max}`, source.slice(0, 40));
      // `-0` is a zero that prints as one but is not equal to it everywhere.
      return value === 0 ? 0 : value;
    },
    check(value, place) {
      if (!Number.isInteger(value)) place.fail(label, value);
      if ((value as number) < min || (value as number) > max) place.fail(`${label} from ${min} to ${max}`, value);
    },
    write: String,
  };
}

function wideInteger(label: string, min: bigint, max: bigint): Codec<bigint> {
  return {
    label,
    schema: () => ({ type: "integer", format: label }),
    zero: () => 0n,
    read(reader, previous) {
      if (reader.readNull()) return previous;
      const source = readInteger(reader, label, min < 0n);
      // Twenty characters hold every 64-bit value; parsing a longer literal would cost its square.
      const value = source.length > 20 ? undefined : BigInt(source);
      if (value !== undefined && value >= min && value <= max) return value;
      return reader.fail(`${label} from ${min} to ${max}`, source.slice(0, 40));
    },
    check(value, place) {
      if (typeof value !== "bigint") return place.fail(label, value);
      if (value < min || value > max) place.fail(`${label} from ${min} to ${max}`, value);
    },
    write: String,
  };
}

function readInteger(reader: JsonReader, label: string, signed: boolean): string {
  const source = reader.readNumber() ?? reader.fail(label);
  if (!INTEGER.test(source) || (!signed && source.startsWith("-"))) reader.fail(label, `number ${source.slice(0, 40)}`);
  return source;
}

function checkBytes(value: unknown, place: CheckedPlace): void {
  if (!(value instanceof Uint8Array)) place.fail("a byte string", value);
}

function readFixed(reader: JsonReader, label: string, length: number): Uint8Array {
  const encoded = reader.readString() ?? reader.fail(`${label} of ${length} bytes in base64`);
  if (length === 32 && reader.readId !== undefined) {
    const id = reader.readId(encoded, reader.path.at(-1));
    return id ?? reader.fail(`${label} of 32 bytes in base64 or hex`, "other text");
  }
  const value = decodeBase64(encoded) ?? reader.fail(`${label} in standard padded base64`, "other text");
  if (value.length !== length) reader.fail(`${label} of ${length} bytes`, `${value.length} bytes`);
  return value;
}

/** What a byte string was before a shorter duplicate replaced it; see `LONGER` in json-codec.ts. */
const LONGER = new WeakMap<Uint8Array, Uint8Array>();

function readBytes(reader: JsonReader, previous: Uint8Array | null): Uint8Array | null {
  if (reader.readNull()) return null;
  const encoded = reader.readString();
  if (encoded !== undefined) {
    return decodeBase64(encoded) ?? reader.fail("standard padded base64", "other text");
  }
  const longer = previous === null ? undefined : LONGER.get(previous);
  const under = longer ?? previous ?? NO_BYTES;
  const values: number[] = [];
  const isArray = reader.readArray(() => {
    reader.passPlainBytes(values);
    reader.path.push(values.length);
    values.push(u8.read(reader, under[values.length] ?? 0));
    reader.path.pop();
  });
  if (!isArray) reader.fail("a byte string in base64");
  const value = new Uint8Array(values);
  if (value.length > 0 && value.length < under.length) {
    const kept = longer ?? under.slice();
    kept.set(value);
    LONGER.set(value, kept);
  }
  return value;
}

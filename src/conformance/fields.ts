import { EntmootError } from "../core/errors.ts";
import type { VectorCase } from "./subject.ts";

/*
 * What a case holds, read strictly: a field that is missing or of another type must fail the case, and
 * must never be taken for the refusal the case expects. Checks read all fields before they act.
 */

/** Bytes of a hex field. */
export function hexField(vector: VectorCase, field: string): Uint8Array<ArrayBuffer> {
  return parseHex(vector[field], field);
}

/** Text of a hex field whose bytes are UTF-8. */
export function hexText(vector: VectorCase, field: string): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(hexField(vector, field));
}

/** Bytes of a list of hex texts. */
export function hexListField(vector: VectorCase, field: string): Uint8Array<ArrayBuffer>[] {
  return listField(vector, field).map((entry, at) => parseHex(entry, `${field}.${at}`));
}

export function listField(vector: VectorCase, field: string): readonly unknown[] {
  const value: unknown = vector[field];
  if (!Array.isArray(value)) throw wrong(field, "a list");
  return value;
}

export function textField(vector: VectorCase, field: string): string {
  const value: unknown = vector[field];
  if (typeof value !== "string") throw wrong(field, "a text");
  return value;
}

export function numberField(vector: VectorCase, field: string): number {
  const value: unknown = vector[field];
  if (typeof value !== "number") throw wrong(field, "a number");
  return value;
}

export function booleanField(vector: VectorCase, field: string): boolean {
  const value: unknown = vector[field];
  if (typeof value !== "boolean") throw wrong(field, "true or false");
  return value;
}

/** An object inside a case, read with the same functions. */
export function objectField(vector: VectorCase, field: string): VectorCase {
  return asObject(vector[field], field);
}

/** The objects of a list inside a case. */
export function objectListField(vector: VectorCase, field: string): VectorCase[] {
  return listField(vector, field).map((entry, at) => asObject(entry, `${field}.${at}`));
}

function asObject(value: unknown, field: string): VectorCase {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw wrong(field, "an object");
  return value as VectorCase;
}

function parseHex(value: unknown, field: string): Uint8Array<ArrayBuffer> {
  if (typeof value !== "string" || value.length % 2 !== 0 || !/^[0-9a-f]*$/.test(value)) {
    throw wrong(field, "lower-case hex");
  }
  return Uint8Array.fromHex(value);
}

function wrong(field: string, expected: string): EntmootError {
  return new EntmootError("invalid_argument", `${field}: expected ${expected}`);
}

import { EntmootError } from "../../core/errors.ts";
import type { SqlValue } from "./sqlite-file.ts";

/**
 * Turns column values into typed ones. A row that another program changed gives
 * `data_root_invalid` naming file, table and row, not a crash further on.
 */
export class RowReader {
  readonly #path: string;
  readonly #table: string;

  constructor(path: string, table: string) {
    this.#path = path;
    this.#table = table;
  }

  /** A blob of `length` bytes, or of any length from `length.min` to `length.max`. */
  bytes(value: SqlValue | undefined, row: SqlValue | undefined, length: number | Range): Uint8Array {
    const { min, max } = typeof length === "number" ? { min: length, max: length } : length;
    if (!(value instanceof Uint8Array)) this.#fail(row, min === max ? `${min} bytes` : "bytes", value);
    if (value.length < min || value.length > max) {
      this.#fail(row, min === max ? `${min} bytes` : `${min} to ${max} bytes`, value);
    }
    return value;
  }

  /** 32 bytes as 64 hex digits. */
  hex32<Id extends string>(value: SqlValue | undefined, row: SqlValue | undefined): Id {
    return this.bytes(value, row, 32).toHex() as Id;
  }

  /** A whole number from `min` (0 unless told) to `max` (2^53 - 1 unless told). */
  number(value: SqlValue | undefined, row: SqlValue | undefined, range: Partial<Range> = {}): number {
    const { min = 0, max = Number.MAX_SAFE_INTEGER } = range;
    const found = typeof value === "bigint" && BigInt.asIntN(54, value) === value ? Number(value) : value;
    if (typeof found !== "number" || !Number.isSafeInteger(found) || found < min || found > max) {
      this.#fail(row, `a whole number from ${min} to ${max}`, value);
    }
    return found;
  }

  /** An int64; the statement must give integers as `bigint`. */
  int64(value: SqlValue | undefined, row: SqlValue | undefined): bigint {
    if (typeof value !== "bigint") this.#fail(row, "an integer", value);
    return value;
  }

  text(value: SqlValue | undefined, row: SqlValue | undefined): string {
    if (typeof value !== "string") this.#fail(row, "a text", value);
    return value;
  }

  /** What `decode` gives; what it throws is told with file, table and row. */
  decoded<T>(row: SqlValue | undefined, decode: () => T): T {
    try {
      return decode();
    } catch (error) {
      return this.#fail(row, "a readable record", (error as Error).message, error);
    }
  }

  #fail(row: SqlValue | undefined, expected: string, found: unknown, cause?: unknown): never {
    throw new EntmootError(
      "data_root_invalid",
      `${this.#path}: table ${this.#table}, row ${show(row)}: expected ${expected}, found ${describe(found)}; restore the file from a backup`,
      { cause },
    );
  }
}

/** Numbers of messages: negative for those set apart. */
export const SEQ = { min: Number.MIN_SAFE_INTEGER };

interface Range {
  readonly min: number;
  readonly max: number;
}

function describe(value: unknown): string {
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (typeof value === "string") return JSON.stringify(value.length > 200 ? `${value.slice(0, 200)}…` : value);
  return value === null || value === undefined ? "nothing" : `${value}`;
}

function show(row: SqlValue | undefined): string {
  if (row instanceof Uint8Array) return row.toHex();
  return typeof row === "string" ? JSON.stringify(row) : `${row}`;
}

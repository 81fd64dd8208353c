import { expect } from "bun:test";
import { EntmootError, type ErrorCode } from "../../src/core/errors.ts";

/** Throws unless `body` fails with `code`. */
export function expectCode(code: ErrorCode, body: () => unknown): EntmootError {
  try {
    body();
  } catch (error) {
    expect(error).toBeInstanceOf(EntmootError);
    expect((error as EntmootError).code).toBe(code);
    return error as EntmootError;
  }
  throw new Error(`expected ${code}, but nothing was thrown`);
}

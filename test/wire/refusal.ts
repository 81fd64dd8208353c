import { EntmootError, type ErrorCode } from "../../src/core/errors.ts";

/** The code `run` is refused with, or `undefined` when it is not. Anything thrown that is no refusal goes on. */
export function refusalOf(run: () => unknown): ErrorCode | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    if (error instanceof EntmootError) return error.code;
    throw error;
  }
}

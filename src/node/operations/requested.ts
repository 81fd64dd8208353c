import { EntmootError } from "../../core/errors.ts";

/**
 * Runs `read`, which holds a request to its schema. What that refuses is an argument of whoever asks, so it fails with
 * `invalid_argument` through every door; `malformed_frame` is left to frames.
 */
export function requested<Request>(read: () => Request): Request {
  try {
    return read();
  } catch (cause) {
    if (!(cause instanceof EntmootError && cause.code === "malformed_frame")) throw cause;
    throw new EntmootError("invalid_argument", cause.message, { cause });
  }
}

import { EntmootError, type ErrorCode } from "../core/errors.ts";
import { type ControlCode, STATUS } from "../core/failure-table.ts";
import type { GroupId } from "../core/ids.ts";
import { type Decoded, decodeJson, encodeWire, optional, struct } from "../core/json/json-codec.ts";
import { groupId } from "../core/json/json-scalars.ts";
import { boundedText, clippedText, count } from "../wire/frame/bounded.ts";
import { ControlError, controlFailure } from "./control-error.ts";

/** How an operation's failure stands in its frame. May gain keys. */
const failure = struct(
  "failure",
  {
    code: boundedText("code", 64),
    message: clippedText("message", 4096),
    group_id: optional(groupId),
    /** Milliseconds; with `rate_limited`. */
    retry_after_ms: optional(count),
  },
  { required: ["code", "message"] },
);

/** Ours. With room for keys of later versions. */
export const FAILURE_MAX = 16 * 1024;

export function encodeFailure(error: unknown, group?: GroupId): Uint8Array {
  const { message } = controlFailure(error);
  const code: ErrorCode = error instanceof EntmootError ? error.code : "internal";
  const retryAfterMs = error instanceof EntmootError ? error.retryAfterMs : undefined;
  return encodeWire(failure, { code, message, group_id: group, retry_after_ms: retryAfterMs });
}

/** The error a caller gets. A code of a later version counts as `internal` and is named in upper case. */
export function decodeFailure(body: Uint8Array): ControlError {
  const { code, message, retry_after_ms }: Decoded<typeof failure> = decodeJson(failure, body);
  const known = Object.hasOwn(STATUS, code);
  const controlCode: ControlCode | string = known ? STATUS[code as ErrorCode].control : code.toUpperCase();
  return new ControlError(controlCode, message, known ? (code as ErrorCode) : "internal", retry_after_ms);
}

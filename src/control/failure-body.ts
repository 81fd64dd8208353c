import { EntmootError, type ErrorCode } from "../core/errors.ts";
import { type ControlCode, STATUS } from "../core/failure-table.ts";
import type { GroupId } from "../core/ids.ts";
import { type Decoded, decodeJson, encodeWire, optional, struct } from "../core/json/json-codec.ts";
import { groupId } from "../core/json/json-scalars.ts";
import { boundedText, clippedText, count, shortList } from "../wire/frame/bounded.ts";
import { ControlError, controlFailure } from "./control-error.ts";

/** Ours. Six times what a place has, for those of later versions. */
const PLACE_MAX = 256;

/** Ours. Lost places that a failure tells one by one: with their texts it fits into a frame. */
const LOST_MAX = 16;

const lostPlace = struct(
  "lost place",
  {
    group_id: groupId,
    place: boundedText("place", PLACE_MAX),
    after_all: boundedText("place", PLACE_MAX),
    after_new: boundedText("place", PLACE_MAX),
  },
  { required: ["group_id", "place", "after_all", "after_new"] },
);

/** How an operation's failure stands in its frame. May gain keys. */
const failure = struct(
  "failure",
  {
    code: boundedText("code", 64),
    message: clippedText("message", 4096),
    group_id: optional(groupId),
    /** Milliseconds; with `rate_limited`. */
    retry_after_ms: optional(count),
    /** With `place_lost`: from where all is read again, and from where only what comes; of the first that is lost. */
    after_all: optional(boundedText("place", PLACE_MAX)),
    after_new: optional(boundedText("place", PLACE_MAX)),
    lost: shortList(lostPlace, LOST_MAX),
  },
  { required: ["code", "message"] },
);

/** Ours. With room for keys of later versions. */
export const FAILURE_MAX = 16 * 1024;

export function encodeFailure(error: unknown, group?: GroupId): Uint8Array {
  const { message } = controlFailure(error);
  const code: ErrorCode = error instanceof EntmootError ? error.code : "internal";
  const retryAfterMs = error instanceof EntmootError ? error.retryAfterMs : undefined;
  const places = error instanceof EntmootError ? error.places.slice(0, LOST_MAX) : [];
  return encodeWire(failure, {
    code,
    message,
    group_id: group,
    retry_after_ms: retryAfterMs,
    after_all: places[0]?.all,
    after_new: places[0]?.fresh,
    lost: places.map(({ all, fresh, groupId: group_id, lost }) => ({
      group_id,
      place: lost,
      after_all: all,
      after_new: fresh,
    })),
  });
}

/** The error a caller gets. A code of a later version counts as `internal` and is named in upper case. */
export function decodeFailure(body: Uint8Array): ControlError {
  const { code, lost, message, retry_after_ms }: Decoded<typeof failure> = decodeJson(failure, body);
  const known = Object.hasOwn(STATUS, code);
  const controlCode: ControlCode | string = known ? STATUS[code as ErrorCode].control : code.toUpperCase();
  const places = lost.map((one) => ({
    groupId: one.group_id,
    lost: one.place,
    all: one.after_all,
    fresh: one.after_new,
  }));
  return new ControlError(controlCode, message, known ? (code as ErrorCode) : "internal", {
    retryAfterMs: retry_after_ms,
    places,
  });
}

import type { GroupId } from "./ids.ts";

/** Every way an operation can fail that someone outside can act on. */
export type ErrorCode =
  | "invalid_argument"
  | "malformed_frame"
  | "frame_too_large"
  | "unknown_frame"
  | "signature_invalid"
  | "roster_rejected"
  | "not_member"
  | "forbidden"
  | "group_not_found"
  | "not_found"
  | "conflict"
  | "place_lost"
  | "too_few"
  | "expired"
  | "rate_limited"
  | "identity_invalid"
  | "data_root_invalid"
  | "already_running"
  | "control_unavailable"
  | "unavailable"
  | "disk_full"
  | "timeout"
  | "disabled"
  | "unsupported"
  | "update_failed"
  | "output_failed"
  | "internal";

/** From where a reader goes on whose place this log does not have. */
export interface OtherPlaces {
  readonly groupId: GroupId;
  /** The place, or the bare number, that was asked for. */
  readonly lost: string;
  /** To read all of it again. */
  readonly all: string;
  /** To read only what comes. */
  readonly fresh: string;
}

interface FailureDetails {
  readonly cause?: unknown;
  readonly retryAfterMs?: number | undefined;
  readonly places?: readonly OtherPlaces[] | undefined;
}

/**
 * A failure with a code to branch on and a message for people: lower case, no full stop,
 * subject first, then what was expected and found, then the next step.
 */
export class EntmootError extends Error {
  readonly code: ErrorCode;
  /** Of `rate_limited`: how long to wait before the same can succeed, in milliseconds. */
  readonly retryAfterMs: number | undefined;

  /** Of `place_lost`: one for each place that is lost; none of any other failure. */
  readonly places: readonly OtherPlaces[];

  constructor(code: ErrorCode, message: string, options?: FailureDetails) {
    super(message, options);
    this.name = "EntmootError";
    this.code = code;
    // Who wraps a failure to name the command does not lose when to try again, or where to go on.
    const { cause, places, retryAfterMs } = options ?? {};
    this.retryAfterMs = retryAfterMs ?? (cause instanceof EntmootError ? cause.retryAfterMs : undefined);
    this.places = places ?? (cause instanceof EntmootError ? cause.places : []);
  }
}

/** What was thrown, for people: what an error says, or its name when it says nothing. */
export function textOf(thrown: unknown): string {
  return thrown instanceof Error && thrown.message !== "" ? thrown.message : String(thrown);
}

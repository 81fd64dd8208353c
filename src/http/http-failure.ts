import { EntmootError } from "../core/errors.ts";
import { STATUS } from "../core/failure-table.ts";
import { documented, optional, struct } from "../core/json/json-codec.ts";
import { text } from "../core/json/json-scalars.ts";
import { plainList } from "../wire/frame/bounded.ts";
import { shownPlaces } from "./shown-places.ts";

/** A request that is refused, as whoever asked is told. */
export class HttpFailure extends Error {
  readonly status: number;
  /** Wire with the original, where it has the case. */
  readonly code: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Of `feature_disabled`: which. */
  readonly feature: string | undefined;
  /** Of `place_lost`: where to go on. */
  readonly places: ReturnType<typeof shownPlaces> | undefined;

  constructor(status: number, code: string, message: string, more: FailureMore = {}) {
    super(message, more);
    this.name = "HttpFailure";
    this.status = status;
    this.code = code;
    this.headers = more.headers ?? {};
    this.feature = more.feature;
    this.places = more.places;
  }
}

interface FailureMore extends ErrorOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly feature?: string;
  readonly places?: HttpFailure["places"];
}

/** Ours. Places of one request. */
const PLACES_MAX = 8192;
const lostPlace = struct("place that is lost", { group_id: text, lost: text, all: text, fresh: text });

const failure = struct(
  "error",
  {
    code: text,
    message: text,
    feature: optional(text),
    places: documented(
      "of place_lost: from where to go on, to read all again or only what comes",
      optional(plainList(lostPlace, PLACES_MAX)),
    ),
  },
  { required: ["code", "message"] },
);

/** Wire. The one shape of every refusal. */
export const errorEnvelope = struct("error envelope", { error: failure }, { required: ["error"] });

export const badRequest = (message: string) => new HttpFailure(400, "bad_request", message);
export const notFound = () => new HttpFailure(404, "not_found", "not found");
export const groupNotFound = () => new HttpFailure(404, "group_not_found", "group not joined");
export const forbidden = (message: string) => new HttpFailure(403, "forbidden", message);
export const bodyTooLarge = () => new HttpFailure(413, "request_too_large", "request body too large");

/** Whoever asks may try again so much later. */
export function tooMany(retryAfterMs: number, message = "too many requests"): HttpFailure {
  const headers = { "Retry-After": String(Math.max(1, Math.ceil(retryAfterMs / 1000))) };
  return new HttpFailure(429, "rate_limited", message, { headers });
}

/** Codes of the original's service where they have another name than our own. */
const CODES: Readonly<Record<string, string>> = {
  invalid_argument: "bad_request",
  malformed_frame: "bad_request",
  signature_invalid: "bad_request",
  expired: "bad_request",
  frame_too_large: "request_too_large",
  control_unavailable: "join_unavailable",
  unavailable: "join_unavailable",
  timeout: "join_unavailable",
};

/** How a failure of an operation is told. What is ours alone to mend is told as `internal_error`, without its text. */
export function failureOf(error: EntmootError): HttpFailure {
  const { code, message } = error;
  const because = { cause: error };
  if (code === "rate_limited") return tooMany(error.retryAfterMs ?? 1000, message);
  const status = code === "timeout" ? 503 : STATUS[code].http;
  if (code === "place_lost") return new HttpFailure(410, code, message, { ...because, places: shownPlaces(error) });
  if (code === "group_not_found") return new HttpFailure(404, code, "group not joined", because);
  if (code === "disk_full") return new HttpFailure(507, code, "no room left to write", because);
  if (status >= 500 && status !== 503) return internalError(because);
  return new HttpFailure(status, CODES[code] ?? code, message, because);
}

export function internalError(because: ErrorOptions = {}): HttpFailure {
  return new HttpFailure(500, "internal_error", "internal error", because);
}

/** What was thrown, as a refusal. */
export function asFailure(thrown: unknown): HttpFailure {
  if (thrown instanceof HttpFailure) return thrown;
  return thrown instanceof EntmootError ? failureOf(thrown) : internalError({ cause: thrown });
}

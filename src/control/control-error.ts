import { EntmootError, type ErrorCode } from "../core/errors.ts";
import { type ControlCode, STATUS } from "../core/failure-table.ts";

/** How the original's codes read as ours. */
const CODE_OF: Readonly<Record<ControlCode, ErrorCode>> = {
  INVALID_ARGUMENT: "invalid_argument",
  NOT_MEMBER: "not_member",
  GROUP_NOT_FOUND: "group_not_found",
  CONFLICT: "conflict",
  UNAVAILABLE: "unavailable",
  INTERNAL: "internal",
};

/** A daemon's refusal as its client sees it. */
export class ControlError extends EntmootError {
  /** As it stood in the frame; a daemon of another version may use codes of its own. */
  readonly controlCode: string;

  constructor(
    controlCode: string,
    message: string,
    code: ErrorCode = errorCodeOf(controlCode),
    details: Pick<EntmootError, "retryAfterMs"> & Partial<Pick<EntmootError, "places">> = { retryAfterMs: undefined },
  ) {
    super(code, message, details);
    this.name = "ControlError";
    this.controlCode = controlCode;
  }
}

/** Our code for one read from the control socket, matched exactly; any other is `internal`. */
export function errorCodeOf(controlCode: string): ErrorCode {
  return Object.hasOwn(CODE_OF, controlCode) ? CODE_OF[controlCode as ControlCode] : "internal";
}

/** What `error` says in an error frame. */
export function controlFailure(error: unknown): { readonly code: ControlCode; readonly message: string } {
  if (error instanceof EntmootError) return { code: STATUS[error.code].control, message: error.message };
  // A fault of ours: its text may name files and lines, which the log has and a client need not.
  return { code: "INTERNAL", message: "internal error; the log of the daemon has the details" };
}

/** The text for a command that needs a daemon where none answers. */
export const NO_DAEMON = 'no running Entmoot daemon found; start one with "entmootd serve"';
/** And where there is nothing that one could serve. */
export const NO_ROOT =
  'no running Entmoot daemon found, and nothing is here yet; make a moot with "entmootd up", or take part in one with "entmootd join"';

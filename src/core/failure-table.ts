import type { ErrorCode } from "./errors.ts";

/** Wire. The error codes the control socket speaks; any other counts as `INTERNAL` for older clients. */
export type ControlCode =
  | "INVALID_ARGUMENT"
  | "NOT_MEMBER"
  | "GROUP_NOT_FOUND"
  | "CONFLICT"
  | "UNAVAILABLE"
  | "INTERNAL";

/** How one failure looks on the control socket, over HTTP and as an exit status. */
interface Status {
  readonly control: ControlCode;
  readonly http: number;
  readonly exit: number;
}

/** How each failure looks from outside. Control socket, HTTP API and CLI read this and nothing else. */
export const STATUS = {
  invalid_argument: { control: "INVALID_ARGUMENT", http: 400, exit: 5 },
  malformed_frame: { control: "INVALID_ARGUMENT", http: 400, exit: 5 },
  frame_too_large: { control: "INVALID_ARGUMENT", http: 413, exit: 5 },
  unknown_frame: { control: "INVALID_ARGUMENT", http: 400, exit: 5 },
  signature_invalid: { control: "INVALID_ARGUMENT", http: 400, exit: 5 },
  roster_rejected: { control: "INVALID_ARGUMENT", http: 409, exit: 5 },
  not_member: { control: "NOT_MEMBER", http: 403, exit: 2 },
  forbidden: { control: "INVALID_ARGUMENT", http: 403, exit: 5 },
  group_not_found: { control: "GROUP_NOT_FOUND", http: 404, exit: 3 },
  not_found: { control: "INVALID_ARGUMENT", http: 404, exit: 5 },
  conflict: { control: "CONFLICT", http: 409, exit: 5 },
  place_lost: { control: "CONFLICT", http: 410, exit: 5 },
  too_few: { control: "UNAVAILABLE", http: 504, exit: 8 },
  expired: { control: "INVALID_ARGUMENT", http: 400, exit: 5 },
  rate_limited: { control: "UNAVAILABLE", http: 429, exit: 7 },
  identity_invalid: { control: "INTERNAL", http: 500, exit: 1 },
  data_root_invalid: { control: "INTERNAL", http: 500, exit: 1 },
  already_running: { control: "CONFLICT", http: 409, exit: 6 },
  control_unavailable: { control: "UNAVAILABLE", http: 503, exit: 6 },
  unavailable: { control: "UNAVAILABLE", http: 503, exit: 1 },
  disk_full: { control: "UNAVAILABLE", http: 507, exit: 1 },
  timeout: { control: "UNAVAILABLE", http: 504, exit: 1 },
  disabled: { control: "INVALID_ARGUMENT", http: 404, exit: 5 },
  unsupported: { control: "INVALID_ARGUMENT", http: 501, exit: 5 },
  update_failed: { control: "INTERNAL", http: 500, exit: 1 },
  output_failed: { control: "INTERNAL", http: 500, exit: 1 },
  internal: { control: "INTERNAL", http: 500, exit: 1 },
} as const satisfies Record<ErrorCode, Status>;

/** What each exit status tells a script. There is no 4. */
export const EXIT_MEANING = {
  0: "done; also help, and a clean stop by signal",
  1: "set-up, storage, carrier, network or internal failure",
  2: "this node is not a member of the group, or not its founder",
  3: "group not known here",
  5: "invalid flag, argument or invite",
  6: "no daemon answers, or it ended before its answer; or another process has the data root",
  7: "a rate limit; the same can succeed later, and the failure says when",
  8: "tail -count: fewer messages came in the time allowed, or before a signal; ask: no answer came; attach: a host that runs did not take the test message in time",
  10: "update -exit-code: a newer release is there",
} as const satisfies Record<number, string>;

/** A status that `EXIT_MEANING` explains. */
export type ExitStatus = keyof typeof EXIT_MEANING;

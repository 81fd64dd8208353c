import { EntmootError, textOf } from "../core/errors.ts";
import { codeOf } from "../core/system-error.ts";

/** What to throw where stdout took nothing: the system's `EPIPE` when its reader has gone, `output_failed` for anything else. */
export function outputFailure(cause: unknown): unknown {
  if (codeOf(cause) === "EPIPE") return cause;
  return new EntmootError("output_failed", `stdout cannot be written: ${textOf(cause)}`, { cause });
}

/** What to throw where there is no stdout at all. */
export function stdoutClosed(): EntmootError {
  return new EntmootError(
    "output_failed",
    "stdout cannot be written: it is closed (>&-); for no output give it /dev/null",
  );
}

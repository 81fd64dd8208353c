import { EntmootError, textOf } from "../core/errors.ts";
import { codeOf } from "../core/system-error.ts";

/** Says why an update is refused. Nothing of the installation has changed then, or the message says what has. */
export function updateError(message: string, cause?: unknown): EntmootError {
  return new EntmootError("update_failed", message, cause === undefined ? undefined : { cause });
}

/** `error` as a refusal; what a file operation on `path` says of the system is put in words to act on. */
export function asUpdateError(error: unknown, path: string): EntmootError {
  if (error instanceof EntmootError) {
    return error.code === "update_failed" || error.code === "invalid_argument"
      ? error
      : updateError(error.message, error);
  }
  switch (codeOf(error)) {
    case "ENOSPC":
    case "EDQUOT":
      return updateError(`${path}: no room left on the disk; free some space, then try again`, error);
    case "EACCES":
    case "EPERM":
      return updateError(`${path}: not writable for this user; run it as the owner, or choose -install-dir`, error);
    case "EROFS":
      return updateError(`${path}: the file system is read-only; choose -install-dir on another`, error);
    case "ENOTDIR":
      return updateError(`${path}: expected a folder, found a file; choose another -install-dir`, error);
    default:
      return updateError(`${path}: ${textOf(error)}`, error);
  }
}

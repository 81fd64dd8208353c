import { accessSync, closeSync, constants, openSync } from "node:fs";
import type { EntmootError } from "../core/errors.ts";
import { fileFailure } from "./private-files.ts";
import { OutOfFiles } from "./store-failures.ts";

/**
 * Why the system would not let this process open the file at `path` for writing; `undefined` when it would. Does not
 * open it: closing a handle on a database that SQLite has open would drop SQLite's locks.
 */
export function systemRefusal(path: string): EntmootError | undefined {
  try {
    closeSync(openSync("/dev/null", "r"));
  } catch (error) {
    const failure = fileFailure(error, path);
    if (failure instanceof OutOfFiles) return failure;
  }
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
    return undefined;
  } catch (error) {
    return fileFailure(error, path) as EntmootError;
  }
}

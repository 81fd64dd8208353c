import { EntmootError } from "../core/errors.ts";

/** Another process holds a database for writing just now. Nothing was written; the same may succeed a moment later. */
export class StoreBusy extends EntmootError {
  constructor(path: string, because?: ErrorOptions) {
    super("unavailable", `${path}: another process is writing for too long; try again`, because);
  }
}

/** This process, or the machine, has as many files open as it may. What is open goes on. */
export class OutOfFiles extends EntmootError {
  constructor(path: string, because?: ErrorOptions) {
    super(
      "unavailable",
      `${path}: cannot be opened: too many files are open here; raise the limit of open files ("ulimit -n"), then try again`,
      because,
    );
  }
}

import { EntmootError } from "../core/errors.ts";

/** What is kept here cannot be read or written just now; nothing was written, and the same may succeed later. */
export class StoreUnavailable extends EntmootError {
  constructor(message: string, because?: ErrorOptions) {
    super("unavailable", message, because);
  }
}

/** Another process holds a database for writing just now. Nothing was written; the same may succeed a moment later. */
export class StoreBusy extends StoreUnavailable {
  constructor(path: string, because?: ErrorOptions) {
    super(`${path}: another process is writing for too long; try again`, because);
  }
}

/** This process, or the machine, has as many files open as it may. What is open goes on. */
export class OutOfFiles extends StoreUnavailable {
  constructor(path: string, because?: ErrorOptions) {
    super(
      `${path}: cannot be opened: too many files are open here; raise the limit of open files ("ulimit -n"), then try again`,
      because,
    );
  }
}

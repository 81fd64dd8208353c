import { statSync } from "node:fs";
import { EntmootError } from "../core/errors.ts";
import { fileFailure } from "./private-files.ts";

/** A file or folder as it was when this was made: whoever cleans up, restores or swaps data may do so under a running process. */
export class SameFile {
  readonly path: string;
  readonly #identity: string;
  readonly #kind: "file" | "folder";

  private constructor(path: string, identity: string) {
    this.path = path;
    this.#identity = identity;
    this.#kind = statSync(path, { throwIfNoEntry: false })?.isDirectory() ? "folder" : "file";
  }

  /** `undefined` when there is nothing at `path`, or nothing can be seen there. */
  static at(path: string): SameFile | undefined {
    try {
      const identity = identityOf(path);
      return identity === undefined ? undefined : new SameFile(path, identity);
    } catch {
      return undefined; // Using it tells why.
    }
  }

  /** Why nothing may be written there any more; `undefined` while it is the same. */
  look(): EntmootError | undefined {
    let found: string | undefined;
    try {
      found = identityOf(this.path);
    } catch (error) {
      const failure = fileFailure(error, this.path);
      if (failure instanceof EntmootError) return failure;
      throw error;
    }
    if (found === this.#identity) return undefined;
    const change = found === undefined ? "it was removed" : `another ${this.#kind} stands in its place`;
    return new EntmootError(
      "data_root_invalid",
      `${this.path}: no longer what was opened: ${change}; nothing is stored there any more; restore the data root if need be, and restart the daemon`,
    );
  }
}

function identityOf(path: string): string | undefined {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false });
  return found === undefined ? undefined : `${found.dev} ${found.ino}`;
}

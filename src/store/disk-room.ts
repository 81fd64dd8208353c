import { accessSync, constants, statfsSync } from "node:fs";
import { EntmootError } from "../core/errors.ts";
import { codeOf } from "../core/system-error.ts";
import { fileFailure } from "./private-files.ts";
import { StoreBusy } from "./store-failures.ts";

/** Ours. With less, one long message, or the log of one database, does not fit any more. */
const LEAST_BYTES = 1024 * 1024;
/** Ours. Files that are tried in one look, each of which is a sync of the disk. */
const TRIED_MAX = 4;

/** A file that can be written once more with what it holds. */
export interface Triable {
  /** Throws what keeps it from being written. */
  tryWriting(): void;
}

/** Whether there is room to write in a folder, and its disk writes. */
export class DiskRoom {
  readonly #path: string;
  readonly #told: (failure: EntmootError) => void;
  /** What could not be written when it was last tried, the one tried longest ago first. */
  readonly #refused = new Map<Triable, EntmootError>();

  /** `told` hears of each write that was refused, at once. */
  constructor(path: string, told: (failure: EntmootError) => void) {
    this.#path = path;
    this.#told = told;
  }

  /** The disk refused to take, or give, what is in `file`. */
  noteRefused(file: Triable, failure: EntmootError): void {
    const shown = failure.code === "disk_full" ? this.#noRoom() : failure;
    this.#refused.set(file, shown);
    this.#told(shown);
  }

  /** It is not used any more. */
  forget(file: Triable): void {
    this.#refused.delete(file);
  }

  /**
   * Why nothing, or hardly anything, can be written here now; empty when it can, or when the folder is gone. Costs some
   * microseconds; with `again` what was refused is tried once more, which costs a sync each.
   */
  look({ again }: { readonly again: boolean }): readonly EntmootError[] {
    const failure = this.#lookAtFolder();
    if (failure !== undefined) return [failure];
    for (const [file, before] of again ? [...this.#refused].slice(0, TRIED_MAX) : []) this.#tryAgain(file, before);
    return [...new Map([...this.#refused.values()].map((refusal) => [refusal.message, refusal])).values()];
  }

  #lookAtFolder(): EntmootError | undefined {
    try {
      accessSync(this.#path, constants.W_OK);
      return hasRoom(this.#path) ? undefined : this.#noRoom();
    } catch (error) {
      if (codeOf(error) === "ENOENT") return undefined;
      const failure = fileFailure(error, this.#path);
      if (failure instanceof EntmootError) return failure;
      throw error;
    }
  }

  /** What the disk refuses is noted again by the file itself; anything else is for others to tell. */
  #tryAgain(file: Triable, before: EntmootError): void {
    this.#refused.delete(file);
    try {
      file.tryWriting();
    } catch (error) {
      if (!(error instanceof EntmootError)) throw error;
      if (error instanceof StoreBusy) this.#refused.set(file, before);
    }
  }

  #noRoom(): EntmootError {
    return new EntmootError(
      "disk_full",
      `${this.#path}: no room is left on its disk, or next to none; what does not fit is refused, nothing that was acknowledged is lost; free space on this disk, or move the data root`,
    );
  }
}

function hasRoom(path: string): boolean {
  const { bavail, bfree, bsize, ffree, files } = statfsSync(path);
  // What is reserved for root is for root.
  const free = (process.geteuid?.() === 0 ? bfree : bavail) * bsize;
  // Some file systems count no inodes.
  return free >= LEAST_BYTES && (files === 0 || ffree > 0);
}

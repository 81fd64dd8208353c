import { accessSync, constants, rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { EntmootError } from "../core/errors.ts";
import { codeOf } from "../core/system-error.ts";
import { fileFailure, PRIVATE_FILE } from "./private-files.ts";

/** Ours. With less, one long message, or the log of one database, does not fit any more. */
const LEAST_BYTES = 1024 * 1024;
/** Ours. Where a write was refused though there seems to be room (a quota), so much is written to see whether it would be now. */
const TRIED_BYTES = 64 * 1024;
const TRIED_FILE = "node.room";

/** Whether there is room to write in a folder. */
export class DiskRoom {
  readonly #path: string;
  readonly #told: (failure: EntmootError) => void;
  #wasRefused = false;

  /** `told` hears of each write that found no room, at once. */
  constructor(path: string, told: (failure: EntmootError) => void) {
    this.#path = path;
    this.#told = told;
  }

  /** To be called with whatever kept something from being written here. */
  noteFailure(failure: unknown): void {
    if (!(failure instanceof EntmootError) || (failure.code !== "disk_full" && failure.code !== "internal")) return;
    this.#wasRefused = true;
    if (failure.code === "disk_full") this.#told(this.#noRoom());
  }

  /**
   * Why nothing, or hardly anything, can be written here now; `undefined` when it can, or when the folder is gone. Costs
   * some microseconds; only after a refused write it tries one.
   */
  look(): EntmootError | undefined {
    try {
      accessSync(this.#path, constants.W_OK);
      if (hasRoom(this.#path)) {
        if (this.#wasRefused) this.#tryWriting();
        this.#wasRefused = false;
        return undefined;
      }
      return this.#noRoom();
    } catch (error) {
      if (codeOf(error) === "ENOENT") return undefined;
      const failure = fileFailure(error, this.#path);
      if (!(failure instanceof EntmootError)) throw error;
      return failure.code === "disk_full" ? this.#noRoom() : failure;
    }
  }

  #tryWriting(): void {
    const path = join(this.#path, TRIED_FILE);
    try {
      writeFileSync(path, new Uint8Array(TRIED_BYTES), { mode: PRIVATE_FILE, flush: true });
    } finally {
      rmSync(path, { force: true });
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

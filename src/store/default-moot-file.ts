import { join } from "node:path";
import {
  type DefaultMootState,
  formatDefaultMootState,
  NO_CONSENT,
  parseDefaultMootState,
} from "../core/admission/default-moot-state.ts";
import { replaceFile } from "../files/guarded-files.ts";
import { readAtMost } from "../files/read-at-most.ts";
import { fileFailure, PRIVATE_FILE } from "./private-files.ts";

/** What the owner has said about the default moot. */
export interface DefaultMootStore {
  /** As it is now, also where another process wrote it. What cannot be read is as if nothing had been said. */
  read(): DefaultMootState;
  /** Whole or not at all. Throws `data_root_invalid` or `disk_full`. */
  write(state: DefaultMootState): void;
}

/** Wire. The original's file in the data root. */
const FILE = "default_moot.json";
/** Ours. It has some 200 bytes. */
const FILE_BYTES_MAX = 64 * 1024;

/** The file that the original keeps it in too. */
export class DefaultMootFile implements DefaultMootStore {
  readonly #path: string;

  /** Of the data root at `root`. */
  constructor(root: string) {
    this.#path = join(root, FILE);
  }

  read(): DefaultMootState {
    try {
      const content = readAtMost(this.#path, FILE_BYTES_MAX);
      return content === undefined ? NO_CONSENT : parseDefaultMootState(content);
    } catch {
      // As the original has it: nobody is a member, or kept out, by a file that says nothing.
      return NO_CONSENT;
    }
  }

  write(state: DefaultMootState): void {
    try {
      replaceFile(this.#path, formatDefaultMootState(state), { mode: PRIVATE_FILE });
    } catch (error) {
      throw fileFailure(error, this.#path);
    }
  }
}

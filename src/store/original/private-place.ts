import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileFailure } from "../private-files.ts";

const PREFIX = "entmootd-original-";
/** Ours. Where the usual place for temporary files cannot be written to, as in some containers. */
const OTHER_PLACE = "/dev/shm";

/** Makes a directory of its own, 0700, for what is not to be left beside the original's files. Throws as `fileFailure`. */
export function makePrivatePlace(): string {
  const usual = join(tmpdir(), PREFIX);
  try {
    return mkdtempSync(usual);
  } catch (error) {
    try {
      return mkdtempSync(join(OTHER_PLACE, PREFIX));
    } catch {
      throw fileFailure(error, usual);
    }
  }
}

/** With all that is in it. */
export function removePrivatePlace(directory: string): void {
  rmSync(directory, { recursive: true, force: true });
}

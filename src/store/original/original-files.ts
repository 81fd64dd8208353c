import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { sizeText } from "../../core/amounts.ts";
import { EntmootError } from "../../core/errors.ts";
import { parseRosterLog, type RosterFile } from "../../core/roster/roster-file.ts";
import { trustedPath } from "../../files/trusted-path.ts";

export const ORIGINAL_ROSTER = "roster.jsonl";
export const ORIGINAL_MESSAGES = "messages.sqlite";
/** Written by tests and libraries of the original, never by its daemon. */
export const ORIGINAL_LINES = "messages.jsonl";

/** Ours. A roster entry is near 350 bytes; this is room for half a million. */
const ROSTER_BYTES_MAX = 256 * 1024 * 1024;

/** Whether the directory holds a group of the original: a roster log that is not empty. */
export function holdsOriginal(directory: string): boolean {
  const stat = statSync(join(directory, ORIGINAL_ROSTER), { throwIfNoEntry: false });
  return stat?.isFile() === true && stat.size > 0;
}

/** The bytes of a roster file. Throws `data_root_invalid` when there are too many. */
export function readRosterBytes(path: string): Uint8Array {
  const { size } = statSync(path);
  if (size > ROSTER_BYTES_MAX) {
    throw new EntmootError(
      "data_root_invalid",
      `${path}: expected at most ${sizeText(ROSTER_BYTES_MAX)}, found ${sizeText(size)}`,
    );
  }
  return readFileSync(trustedPath(path));
}

/** The log in them, every entry checked. Throws `data_root_invalid` naming file and line. */
export function readRoster(path: string, bytes: Uint8Array): RosterFile {
  try {
    return parseRosterLog(bytes);
  } catch (error) {
    if (!(error instanceof EntmootError)) throw error;
    throw new EntmootError(
      error.code,
      `${path}: ${error.message}; nothing was changed; restore the file from a backup, or move the group's directory away and join again`,
      { cause: error },
    );
  }
}

/** What people are told of a roster file whose last line was cut off; nothing when it ends whole. */
export function tornNotice(path: string, tornBytes: number): string[] {
  if (tornBytes === 0) return [];
  return [`${path}: the last line is incomplete (${sizeText(tornBytes)}); it was left out`];
}

import { lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { codeOf } from "../../core/system-error.ts";
import { LOOKED_THROUGH_BYTES, recordLines } from "../record-lines.ts";

/** How a line of this program's begins that goes with what it hands over. */
export const CLIENT_ID_PREFIX = "entmoot ";

/** Ours. Files of conversations that are looked at, those written to last: what was handed over within the hour is among them. */
const FILES_MAX = 256;
const BYTES_MAX = 256 * 1024 * 1024;
/** Ours. Names in all folders of all days. */
const NAMES_MAX = 65_536;

const IN_LINE = `"client_id":"${CLIENT_ID_PREFIX}`;

/** Which of `marks` stand in a line of this program's, in the conversation kept at `path`, from the byte `from` on. */
export function handedIn(path: string, marks: readonly string[], from = 0): Set<string> {
  const found = new Set<string>();
  try {
    for (const line of recordLines(path, from)) {
      if (!line.includes(IN_LINE)) continue;
      for (const mark of marks) if (line.includes(mark) && isHanded(line, mark)) found.add(mark);
    }
  } catch (error) {
    // A conversation is kept from its first turn on, and may be deleted by its user.
    if (codeOf(error) === undefined) throw error;
  }
  return found;
}

/**
 * Which of `marks` stand in any conversation of the Codex whose home is `home`, of all its terminals and days; `isWhole`: those
 * that do not stand in none.
 */
export function handedAnywhere(
  home: string,
  marks: readonly string[],
): { readonly found: Set<string>; readonly isWhole: boolean } {
  const { files, isWhole } = newestFiles(join(home, "sessions"));
  const found = new Set<string>();
  let bytes = 0;
  for (const { path, size } of files) {
    bytes += Math.min(size, LOOKED_THROUGH_BYTES);
    if (bytes > BYTES_MAX) return { found, isWhole: false };
    for (const mark of handedIn(path, marks)) found.add(mark);
    if (found.size === marks.length) break;
  }
  return { found, isWhole };
}

interface RolloutFile {
  readonly path: string;
  readonly size: number;
  readonly changedMs: number;
}

function newestFiles(folder: string): { readonly files: readonly RolloutFile[]; readonly isWhole: boolean } {
  const files: RolloutFile[] = [];
  let names = 0;
  try {
    // A folder for each year, month and day.
    const folders = [folder];
    for (let at = folders.pop(); at !== undefined; at = folders.pop()) {
      for (const entry of readdirSync(at, { withFileTypes: true })) {
        names += 1;
        if (names > NAMES_MAX) return { files: newest(files), isWhole: false };
        const path = join(at, entry.name);
        if (entry.isDirectory()) folders.push(path);
        else if (entry.isFile() && entry.name.endsWith(".jsonl")) {
          const { mtimeMs, size } = lstatSync(path);
          files.push({ path, size, changedMs: mtimeMs });
        }
      }
    }
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
    // Without any conversation there is no folder either.
    return { files: newest(files), isWhole: codeOf(error) === "ENOENT" };
  }
  return { files: newest(files), isWhole: true };
}

function newest(files: readonly RolloutFile[]): RolloutFile[] {
  return files.toSorted((one, other) => other.changedMs - one.changedMs).slice(0, FILES_MAX);
}

/** A mark that a model, a tool or a person said again is none of what was handed over. */
function isHanded(line: string, mark: string): boolean {
  try {
    const { payload } = JSON.parse(line) as {
      readonly payload?: { readonly item?: { readonly client_id?: unknown; readonly content?: unknown } };
    };
    const { client_id, content } = payload?.item ?? {};
    const isOurs = typeof client_id === "string" && client_id.startsWith(CLIENT_ID_PREFIX);
    return isOurs && JSON.stringify(content ?? "").includes(mark);
  } catch {
    return false;
  }
}

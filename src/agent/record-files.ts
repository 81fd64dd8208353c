import { lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { codeOf } from "../core/system-error.ts";
import { LOOKED_THROUGH_BYTES } from "./record-lines.ts";

/** Ours. Files of conversations that are looked at, those written to last: what was handed over within the hour is among them. */
const FILES_MAX = 256;
const BYTES_MAX = 256 * 1024 * 1024;
/** Ours. Names in all folders. */
const NAMES_MAX = 65_536;

/** What all conversations of a host say of messages. */
export interface FoundInRecords<Said> {
  readonly found: ReadonlyMap<string, Said>;
  /** Those that do not stand there stand in none. */
  readonly isWhole: boolean;
}

/** What `lookIn` finds of `marks` in the records that a host keeps in `folder`, and in folders in it; of several the one written to last counts. */
export function lookThroughRecords<Said>(
  folder: string,
  marks: readonly string[],
  lookIn: (path: string) => Iterable<readonly [mark: string, Said]>,
): FoundInRecords<Said> {
  const { files, isWhole } = newestFiles(folder);
  const found = new Map<string, Said>();
  let bytes = 0;
  for (const { path, size } of files) {
    bytes += Math.min(size, LOOKED_THROUGH_BYTES);
    if (bytes > BYTES_MAX) return { found, isWhole: false };
    for (const [mark, said] of lookIn(path)) if (!found.has(mark)) found.set(mark, said);
    if (found.size === marks.length) break;
  }
  return { found, isWhole };
}

interface RecordFile {
  readonly path: string;
  readonly size: number;
  readonly changedMs: number;
}

function newestFiles(folder: string): { readonly files: readonly RecordFile[]; readonly isWhole: boolean } {
  const files: RecordFile[] = [];
  let names = 0;
  try {
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
    return { files: newest(files), isWhole: codeOf(error) === "ENOENT" && files.length === 0 };
  }
  return { files: newest(files), isWhole: true };
}

function newest(files: readonly RecordFile[]): RecordFile[] {
  return files.toSorted((one, other) => other.changedMs - one.changedMs).slice(0, FILES_MAX);
}

import { existsSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import { replaceFile } from "../files/guarded-files.ts";
import { readTextAtMost } from "../files/read-at-most.ts";
import { PRIVATE_FILE } from "../store/private-files.ts";

/** Ours. A record is a few hundred bytes. */
const RECORD_MAX = 16 * 1024;
const TEXT_MAX = 4096;

const words = v.pipe(v.string(), v.maxLength(TEXT_MAX));
const UpdateRecordBody = v.object({
  from: words,
  to: words,
  /** Unix milliseconds. */
  at_ms: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
  /**
   * `updated`: `to` is installed, and runs if a restart was asked for. `rolled_back`: `to` did not become ready and
   * `from` is installed and running again. `failed`: `to` did not become ready and `from` is installed, but does not run.
   */
  outcome: v.picklist(["updated", "rolled_back", "failed"]),
  /** Why, in words; empty when all went well. */
  reason: words,
});

/** How the last change of the executable went, seen from one data root. */
export type UpdateRecord = v.InferOutput<typeof UpdateRecordBody>;

/** Keeps `record` in the data root, when there is one. */
export function writeUpdateRecord(dataDir: string, record: UpdateRecord): void {
  if (!existsSync(dataDir)) return;
  const text = `${JSON.stringify({ ...record, reason: record.reason.slice(0, TEXT_MAX) })}\n`;
  replaceFile(recordPath(dataDir), text, { mode: PRIVATE_FILE });
}

/** The last record; `undefined` when there is none that can be read. */
export function readUpdateRecord(dataDir: string): UpdateRecord | undefined {
  const path = recordPath(dataDir);
  try {
    const result = v.safeParse(UpdateRecordBody, JSON.parse(readTextAtMost(path, RECORD_MAX)!));
    return result.success ? result.output : undefined;
  } catch {
    return undefined;
  }
}

function recordPath(dataDir: string): string {
  return join(dataDir, "last-update.json");
}

import * as v from "valibot";
import { removeFile, replaceFile } from "../files/guarded-files.ts";
import { readTextAtMost } from "../files/read-at-most.ts";
import type { InstallPlace } from "./install-place.ts";

/** Ours. A release that fails is followed by one that works; past this, the oldest is forgotten and may be tried again. */
const RECORDS_MAX = 8;
const FILE_MAX = 64 * 1024;
const TEXT_MAX = 4096;

const words = v.pipe(v.string(), v.maxLength(TEXT_MAX));
const TakenBackBody = v.object({
  version: words,
  /** Of the executable, so that a release that is packed anew is not another one. */
  sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
  /** Unix milliseconds. */
  at_ms: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
  reason: words,
});
const TakenBackFile = v.pipe(v.array(TakenBackBody), v.maxLength(RECORDS_MAX));

/** An executable whose daemon did not come up here, so that an update went back to the one before by itself. */
export type TakenBack = v.InferOutput<typeof TakenBackBody>;

/** What is known of an executable with one of these hashes; `undefined` when none was ever taken back. */
export function takenBack(place: InstallPlace, ...hashes: readonly string[]): TakenBack | undefined {
  return readAll(place).find(({ sha256 }) => hashes.includes(sha256));
}

/** Keeps `record` beside the executable. Throws the system's error when it cannot. */
export function rememberTakenBack(place: InstallPlace, record: TakenBack): void {
  const others = readAll(place).filter(({ sha256 }) => sha256 !== record.sha256);
  const mine = { ...record, reason: record.reason.slice(0, TEXT_MAX) };
  writeAll(place, [...others, mine].slice(-RECORDS_MAX));
}

/** Forgets the executable with this hash: it was asked for by name and runs. Throws the system's error. */
export function forgetTakenBack(place: InstallPlace, sha256: string): void {
  const all = readAll(place);
  const others = all.filter((each) => each.sha256 !== sha256);
  if (others.length !== all.length) writeAll(place, others);
}

/** None when the file cannot be read: then a release is tried once more. */
function readAll({ takenBackFile }: InstallPlace): readonly TakenBack[] {
  try {
    const result = v.safeParse(TakenBackFile, JSON.parse(readTextAtMost(takenBackFile, FILE_MAX)!));
    return result.success ? result.output : [];
  } catch {
    return [];
  }
}

function writeAll({ takenBackFile }: InstallPlace, records: readonly TakenBack[]): void {
  if (records.length === 0) removeFile(takenBackFile);
  else replaceFile(takenBackFile, `${JSON.stringify(records)}\n`, { mode: 0o644 });
}

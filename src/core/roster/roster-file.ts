import { sizeText } from "../amounts.ts";
import { EntmootError, textOf } from "../errors.ts";
import type { RosterEntry } from "../record/records.ts";
import { decodeRosterEntry, rosterEntryCanonical } from "./roster-entry.ts";
import { RosterLog } from "./roster-log.ts";
import { explainRejection } from "./roster-rejection.ts";

/** Wire. The longest line the original's reader takes, without its line feed. */
const ROSTER_LINE_MAX_BYTES = 16 * 1024 * 1024;

const LINE_FEED = 0x0a;

/** A roster log as found on disk. */
export interface RosterFile {
  readonly log: RosterLog;
  /** Bytes of an unfinished last line, left out of `log`; 0 when the file ends whole. */
  readonly tornBytes: number;
}

/**
 * The log in a roster file, one JSON entry a line, every entry checked as if a peer had sent it.
 * Blank lines are skipped. A last line without line feed that is no entry is what a crash in the
 * middle of a write leaves; it is dropped and reported. Throws `data_root_invalid` naming the line
 * for anything else: a log that starts over at a later line would have another founder.
 */
export function parseRosterLog(file: Uint8Array): RosterFile {
  const entries: { readonly entry: RosterEntry; readonly line: number }[] = [];
  let tornBytes = 0;
  let line = 0;
  for (let start = 0; start < file.length; ) {
    line += 1;
    const feed = file.indexOf(LINE_FEED, start);
    const end = feed < 0 ? file.length : feed;
    const bytes = file.subarray(start, end);
    start = end + 1;
    if (isBlank(bytes)) continue;
    if (bytes.length > ROSTER_LINE_MAX_BYTES) {
      refuse(line, `expected at most ${sizeText(ROSTER_LINE_MAX_BYTES)}, found ${sizeText(bytes.length)}`);
    }
    try {
      entries.push({ entry: decodeRosterEntry(bytes), line });
    } catch (cause) {
      if (feed >= 0) refuse(line, textOf(cause), cause);
      tornBytes = bytes.length;
    }
  }
  return { log: replay(entries), tornBytes };
}

/** The roster file of a log: one canonical entry a line. */
export function formatRosterLog(log: RosterLog): Uint8Array<ArrayBuffer> {
  const lines = log.entries.flatMap((entry) => [rosterEntryCanonical(entry), Uint8Array.of(LINE_FEED)]);
  return new Uint8Array(Buffer.concat(lines));
}

function replay(entries: readonly { readonly entry: RosterEntry; readonly line: number }[]): RosterLog {
  const [genesis] = entries;
  if (genesis === undefined) return RosterLog.empty;
  const start = RosterLog.empty.acceptGenesis(genesis.entry);
  if (!start.ok) refuse(genesis.line, explainRejection(start.rejection));
  const rest = start.log.append(entries.slice(1).map(({ entry }) => entry));
  if (rest.stopped !== undefined) refuse(entries[1 + rest.applied.length]!.line, explainRejection(rest.stopped));
  return rest.log;
}

function refuse(line: number, reason: string, cause?: unknown): never {
  throw new EntmootError("data_root_invalid", `roster log: line ${line}: ${reason}`, { cause });
}

function isBlank(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d);
}

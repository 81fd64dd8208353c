import { EntmootError } from "../../core/errors.ts";
import { decodeJson, encodeWire, struct } from "../../core/json/json-codec.ts";
import { rosterEntry } from "../../core/record/record-codecs.ts";
import type { RosterEntry } from "../../core/record/records.ts";
import { type RosterHeal, rosterHeal } from "../../core/roster/roster-heal.ts";
import { plainList } from "../../wire/frame/bounded.ts";

/** Ours. Entries of other histories that are kept as evidence: a moot with more stays stopped, and is better left. */
export const SIDE_ENTRIES_MAX = 16_384;
/** Ours. One of them; an honest one has some 400 bytes. */
export const SIDE_ENTRY_BYTES_MAX = 16 * 1024;
/** Ours. All of them together, in memory and on disk. */
export const SIDE_BYTES_MAX = 8 * 1024 * 1024;
/** Ours. Forks that are healed; past it no further one is. */
export const HEALS_MAX = 64;

/** Ours. What is kept under one name has less than a mebibyte. */
const PIECE_BYTES = 512 * 1024;

const piece = struct(
  "forks of a roster",
  { entries: plainList(rosterEntry, SIDE_ENTRIES_MAX), heals: plainList(rosterHeal, HEALS_MAX) },
  { required: ["entries", "heals"] },
);

/** What is known of a roster beside its log. */
export interface KeptForks {
  /** Parents first. */
  readonly entries: readonly RosterEntry[];
  readonly heals: readonly RosterHeal[];
}

/** How many bytes an entry takes. */
export function sizeOfEntry(entry: RosterEntry): number {
  return encodeWire(rosterEntry, entry).length;
}

/** As texts of bounded size; none where there is nothing to keep. */
export function forksTexts({ entries, heals }: KeptForks): string[] {
  if (entries.length === 0 && heals.length === 0) return [];
  const pieces: { entries: RosterEntry[]; heals: readonly RosterHeal[]; bytes: number }[] = [
    { entries: [], heals, bytes: 0 },
  ];
  for (const entry of entries) {
    const bytes = sizeOfEntry(entry);
    let last = pieces.at(-1)!;
    if (last.bytes + bytes > PIECE_BYTES) {
      last = { entries: [], heals: [], bytes: 0 };
      pieces.push(last);
    }
    last.entries.push(entry);
    last.bytes += bytes;
  }
  return pieces.map((each) => new TextDecoder().decode(encodeWire(piece, each)));
}

/** What `forksTexts` wrote; nothing in it is verified. Throws `data_root_invalid`. */
export function readForks(texts: readonly string[]): KeptForks {
  try {
    const pieces = texts.map((text) => decodeJson(piece, text));
    return { entries: pieces.flatMap(({ entries }) => entries), heals: pieces.flatMap(({ heals }) => heals) };
  } catch (cause) {
    if (!(cause instanceof EntmootError)) throw cause;
    throw new EntmootError("data_root_invalid", `forks of the roster: ${cause.message}`, { cause });
  }
}

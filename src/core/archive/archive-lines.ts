import { type Decoded, documented, encodeCanonical, optional, struct } from "../json/json-codec.ts";
import { bytes, groupId, int, merkleRoot, publicKey, rosterEntryId, text } from "../json/json-scalars.ts";

// Ours, all of it: peers of the original know no such file.

/** Ours. The version in the first line; a change of shape is the next number. */
export const ARCHIVE_VERSION = 1;

/** Ours. A part ends after so many lines, or bytes: what a change in the file is narrowed down to where no line tells. */
export const PART_LINES = 1024;
export const PART_BYTES = 1024 * 1024;
/** Ours. The longest line without its line feed: the greatest message, or a roster entry of the network's longest. */
export const LINE_BYTES_MAX = 2 * 1024 * 1024;

/** What a line is, by its one key, in the order they come; parts stand between any of them. */
export const LINE_KINDS = ["archive", "roster", "side", "heal", "message", "part", "end"] as const;
export type LineKind = (typeof LINE_KINDS)[number];

/** The first line. */
export const archiveHead = struct(
  "archive head",
  {
    version: int,
    group_id: groupId,
    made_ms: documented("Unix milliseconds, the clock of who exported", int),
    metadata: documented("what the moot is called there, as JSON", optional(text)),
    policy: documented("the policy it was founded with there, where the roster says none", optional(text)),
  },
  { required: ["version", "group_id", "made_ms"] },
);
export type ArchiveHead = Decoded<typeof archiveHead>;

/** Behind some lines: how many they were, and the digest of their bytes with line feeds. */
export const archivePart = struct("archive part", { lines: int, sha256: text }, { required: ["lines", "sha256"] });
export type ArchivePart = Decoded<typeof archivePart>;

/** The last line. */
export const archiveEnd = struct(
  "archive end",
  {
    type: text,
    messages: int,
    merkle_root: documented("over the messages of the archive, in their order", merkleRoot),
    roster_entries: int,
    roster_head: rosterEntryId,
    sha256: documented("of all bytes before this line", text),
    exporter: documented("the key that signed this line", publicKey),
    signature: bytes,
  },
  { required: ["type", "messages", "merkle_root", "roster_entries", "roster_head", "sha256", "exporter", "signature"] },
);
export type ArchiveEnd = Decoded<typeof archiveEnd>;

/** Part of what is signed, so that no other object's signature is one of an archive. */
export const ARCHIVE_END_TYPE = "entmoot.archive_end.v1";

/** What the exporter signs. */
export function archiveEndSigningForm(end: ArchiveEnd): Uint8Array<ArrayBuffer> {
  return encodeCanonical(archiveEnd, { ...end, signature: null });
}

/** `{"kind":body}` and a line feed. */
export function archiveLine(kind: LineKind, body: Uint8Array): Uint8Array<ArrayBuffer> {
  const head = OPENINGS[kind];
  const line = new Uint8Array(head.length + body.length + 2);
  line.set(head);
  line.set(body, head.length);
  line.set(CLOSING, head.length + body.length);
  return line;
}

/** The kind of a line without its line feed, and its body; `undefined` for none of them. */
export function readArchiveLine(line: Uint8Array): { readonly kind: LineKind; readonly body: Uint8Array } | undefined {
  if (line.at(-1) !== CLOSING[0]) return undefined;
  for (const kind of BY_NUMBER) {
    const head = OPENINGS[kind];
    if (line.length <= head.length || head.some((byte, at) => line[at] !== byte)) continue;
    return { kind, body: line.subarray(head.length, -1) };
  }
  return undefined;
}

/** Most lines are messages. */
const BY_NUMBER = LINE_KINDS.toReversed().toSorted((a, b) => Number(b === "message") - Number(a === "message"));

const OPENINGS = Object.fromEntries(
  LINE_KINDS.map((kind) => [kind, new TextEncoder().encode(`{"${kind}":`)]),
) as Record<LineKind, Uint8Array>;
/** `}` and a line feed. */
const CLOSING = Uint8Array.of(0x7d, 0x0a);

import type { MessageId } from "../../core/ids.ts";
import type { MessageStore } from "../../store/group-store.ts";
import type { Frame } from "../../wire/peer/frame.ts";
import type { Group } from "../group/group.ts";

/** What a question costs before anything of it is done. */
export interface Price {
  /** Milliseconds of the processor, to make the answer. */
  readonly workMs: number;
  /** Bytes of memory that making it takes at most, beside what it shares with others. */
  readonly bytes: number;
}

/** Ours. Microseconds of one slow core, rounded up: to hand a byte to iroh or take one, as lists of numbers, and to decode one. */
const WRITE_US_PER_BYTE = 0.03;
const READ_US_PER_BYTE = 0.03;
const DECODE_US_PER_BYTE = 0.03;

/** Ours. The same for a frame, a row that is read, a signature that is checked, a roster entry that is written, and one that is looked up. */
const FRAME_US = 100;
const ROW_US = 10;
const SIGNATURE_US = 80;
const ENTRY_US = 15;
const LOOK_US = 1;

/** Ours. A row of the index that is put in order, one that is looked up among many, and one that is only counted. */
const ORDER_US = 4;
const AMONG_US = 2;
const COUNT_US = 0.02;

/** Ours. A message that is verified and stored, with the topics and parents that stand in each of its bytes, and a commit. */
const BODY_US = SIGNATURE_US + 4 * ROW_US;
const BODY_US_PER_BYTE = 0.05;
const COMMIT_US = 600;

/** Ours. About what an entry, a profile or an ad takes in an answer; what it really takes is looked at before it is written. */
const RECORD_BYTES = 512;

/** Ours. The same of a receipt of full size, in base64. */
const NOTE_BYTES = 6 * 1024;

/** Ours. What `answerFetchMany` puts into one answer at most. */
const PAGE_BYTES = 1024 * 1024;

/** What taking so many bytes costs, in milliseconds. */
export function readMs(bytes: number): number {
  return (bytes * READ_US_PER_BYTE) / 1000;
}

/** What decoding a frame of so many bytes costs, in milliseconds. */
export function decodeMs(bytes: number): number {
  return (FRAME_US + bytes * DECODE_US_PER_BYTE) / 1000;
}

/** What writing so many bytes costs, in milliseconds. */
export function writeMs(bytes: number): number {
  return (bytes * WRITE_US_PER_BYTE) / 1000;
}

/** What checking so many signatures costs, in milliseconds, with a look at what they stand on. */
export function signaturesMs(count: number): number {
  return (count * (SIGNATURE_US + ROW_US)) / 1000;
}

/** What admitting who shows a link costs, in milliseconds: the look-ups, and an invite that is signed. */
export const REDEEM_MS = (4 * (SIGNATURE_US + ROW_US)) / 1000;

/** Ours. Bodies read for one push: a graft may name 256 messages of 1 MB, and they would all be in memory at once. */
export const PUSHED_BYTES_MAX = 4 * 1024 * 1024;

/** Ours. Ids of one graft whose bodies are looked at; as many as are answered. */
const GRAFTED_MAX = 256;

/** What pushing these to who grafts them costs, in milliseconds: what is read of the store is written, too. */
export function pushMs(ids: readonly MessageId[], messages: Pick<MessageStore, "lengthOf">): number {
  let bytes = 0;
  for (const id of ids.slice(0, GRAFTED_MAX)) {
    bytes += messages.lengthOf(id) ?? 0;
    if (bytes > PUSHED_BYTES_MAX) break;
  }
  return writeMs(Math.min(bytes, PUSHED_BYTES_MAX)) + readMs(Math.min(bytes, PUSHED_BYTES_MAX));
}

/** What putting so many messages in order costs, in milliseconds. */
export function orderMs(messages: number): number {
  return (messages * ORDER_US) / 1000;
}

/** What writing a log of so many entries costs, in milliseconds. */
export function rosterMs(entries: number): number {
  return (entries * ENTRY_US) / 1000;
}

/** What being told a roster costs, in milliseconds: a look at each entry, and the signatures of those that are new. */
export function entriesMs({ entries, news }: { readonly entries: number; readonly news: number }): number {
  return (entries * LOOK_US) / 1000 + signaturesMs(news);
}

/** The price of a frame by what is known without doing anything for it. Those of shared answers are paid where they are made. */
export function priceOf(frame: Frame, group: Group): Price {
  const { microseconds, bytes } = unitsOf(frame, group);
  return { workMs: microseconds / 1000, bytes };
}

function unitsOf(frame: Frame, group: Group): { readonly microseconds: number; readonly bytes: number } {
  const members = group.roster.members.size;
  switch (frame.kind) {
    case "push":
      return { microseconds: COMMIT_US + bodiesUs(frame.bodies), bytes: 0 };
    case "gossip": {
      const bodyUs = frame.body === undefined ? 0 : COMMIT_US + BODY_US;
      return { microseconds: 2 * SIGNATURE_US + (frame.ids?.length ?? 0) * AMONG_US + bodyUs, bytes: 0 };
    }
    case "member_profile_ad":
    case "transport_ad":
      return { microseconds: SIGNATURE_US + ROW_US, bytes: 0 };
    case "note_heads":
      return { microseconds: frame.heads.length * LOOK_US, bytes: 0 };
    case "notes":
      return { microseconds: frame.notes.length * (SIGNATURE_US + ROW_US), bytes: 0 };
    case "notes_req":
      return { microseconds: frame.wanted.length * ROW_US, bytes: frame.wanted.length * NOTE_BYTES };
    case "graft":
      return { microseconds: frame.ids.length * ROW_US, bytes: 0 };
    case "ihave":
      return { microseconds: frame.ids.length * AMONG_US, bytes: 0 };
    case "range_req":
      return { microseconds: group.store.messages.size * COUNT_US, bytes: 0 };
    case "ids_req":
      return { microseconds: frame.limit * 2, bytes: frame.limit * 32 };
    case "fetch_req":
      return { microseconds: ROW_US, bytes: 64 * 1024 };
    case "fetch_many_req":
      return { microseconds: frame.ids.length * ROW_US, bytes: Math.min(PAGE_BYTES, frame.ids.length * 64 * 1024) };
    case "member_profile_snapshot_req":
    case "transport_snapshot_req":
      return { microseconds: members * ENTRY_US, bytes: members * RECORD_BYTES };
    case "roster_forks_req": {
      const entries = Math.min(group.roster.forkedEntries.length, 2048);
      return { microseconds: entries * ENTRY_US, bytes: entries * RECORD_BYTES };
    }
    case "peer_hints_req":
      // Of most members there may be none, and each is looked up.
      return { microseconds: members * ORDER_US, bytes: Math.min(members, 256) * 1024 };
    default:
      return { microseconds: 0, bytes: 0 };
  }
}

function bodiesUs(bodies: readonly Uint8Array[]): number {
  return bodies.reduce((sum, { length }) => sum + BODY_US + length * BODY_US_PER_BYTE, 0);
}

import { EntmootError } from "../../core/errors.ts";
import { GroupId } from "../../core/ids.ts";
import { encodeWire } from "../../core/json/json-codec.ts";
import { rosterEntry } from "../../core/record/record-codecs.ts";
import type { RosterEntry } from "../../core/record/records.ts";
import { FRAME_PREFIX_BYTES, peerLimits } from "../frame/frame-limits.ts";
import { type Dialect, EXTENSION_TYPE_MIN, hasExtensions } from "../frame/frame-types.ts";
import { type Frame, frameType, sizeFrame } from "./frame.ts";
import { ROSTER_RESP_ENTRIES_MAX } from "./roster-frames.ts";
import { type RosterPage, rosterPageRespBody } from "./roster-page-frames.ts";
import { RANGE_RESP_IDS_MAX } from "./sync-frames.ts";

/** Ours. What is made and handed over at once: all that an answer nobody reads holds of its bytes. */
export const PIECE_BYTES = 64 * 1024;

/** A frame whose body is made as it is written, so that one nobody reads stays unmade. Its bytes are those `encodeFrame` gives. */
export interface PiecedFrame {
  readonly kind: Frame["kind"];
  readonly bodyLength: number;
  readonly body: Iterable<Uint8Array>;
}

/** `frame` as one whose body is written already. Throws `invalid_argument` for what no peer would accept. */
export function pieced(frame: Frame): PiecedFrame {
  const { body, kind, length } = sizeFrame(frame);
  return { kind, bodyLength: length - FRAME_PREFIX_BYTES - 1, body };
}

/**
 * The bytes of the whole frame, in pieces of at most `PIECE_BYTES`, each to be written before the next is asked for.
 * Throws `unsupported` and `frame_too_large` before the first.
 */
export function framePieces({ body, bodyLength, kind }: PiecedFrame, dialect: Dialect): Iterable<Uint8Array> {
  const type = frameType(kind);
  if (!hasExtensions(dialect) && type >= EXTENSION_TYPE_MIN) {
    throw new EntmootError("unsupported", `${kind}: an extension, not part of the dialect ${dialect}`);
  }
  const limit = peerLimits(dialect)(type);
  if (bodyLength + 1 > limit) {
    throw new EntmootError("frame_too_large", `${kind}: expected a length of at most ${limit}, got ${bodyLength + 1}`);
  }
  const head = new Uint8Array(FRAME_PREFIX_BYTES + 1);
  new DataView(head.buffer).setUint32(0, bodyLength + 1);
  head[FRAME_PREFIX_BYTES] = type;
  return gathered(head, body, bodyLength);
}

/** Throws `invalid_argument` when no frame holds a range of so many ids; ask before it is made. */
export function checkRange(count: number): void {
  if (count > RANGE_RESP_IDS_MAX) throw tooMany("range_resp: ids", RANGE_RESP_IDS_MAX, count);
}

/** The answer with the ids in `ids`, 32 bytes each. */
export function rangeRespPieces(group_id: GroupId, ids: Uint8Array): PiecedFrame {
  const count = ids.length / 32;
  checkRange(count);
  const head = ascii(`{"group_id":"${GroupId.toBase64(group_id)}","ids":[`);
  const tail = ascii("]}");
  const bodyLength = head.length + tail.length + Math.max(0, count * ID_BYTES - 1);
  return { kind: "range_resp", bodyLength, body: rangeBody(head, ids, tail) };
}

/** A roster log as it stands in the frame that tells all of it, without the frame's own words. */
export interface WrittenRoster {
  readonly length: number;
  readonly pieces: readonly Uint8Array[];
}

/** Writes a log, in steps of a few milliseconds at most. Throws `invalid_argument` for one no frame holds. */
export function* writeRoster(entries: readonly RosterEntry[]): Generator<undefined, WrittenRoster> {
  if (entries.length > ROSTER_RESP_ENTRIES_MAX) {
    throw tooMany("roster_resp: entries", ROSTER_RESP_ENTRIES_MAX, entries.length);
  }
  const pieces: Uint8Array[] = [];
  let length = 0;
  for (let at = 0; at < entries.length; at += STEP_ENTRIES) {
    const written = entries.slice(at, at + STEP_ENTRIES).flatMap((entry, i) => {
      const text = encodeWire(rosterEntry, entry);
      return at + i === 0 ? [text] : [COMMA, text];
    });
    const piece = Buffer.concat(written);
    pieces.push(piece);
    length += piece.length;
    yield;
  }
  return { length, pieces };
}

/** The answer with a whole log. */
export function rosterRespPieces(group_id: GroupId, { length, pieces }: WrittenRoster): PiecedFrame {
  const head = ascii(`{"group_id":"${GroupId.toBase64(group_id)}","entries":[`);
  const tail = ascii("]}");
  return { kind: "roster_resp", bodyLength: head.length + length + tail.length, body: [head, ...pieces, tail] };
}

/** The answer with a page of a log. */
export function rosterPagePieces({ frame, texts }: RosterPage): PiecedFrame {
  const [around] = rosterPageRespBody.encode({ ...frame, entries: [] });
  // The first key whose value could look like this is the name, behind it.
  const at = Buffer.from(around!).indexOf(NO_ENTRIES) + NO_ENTRIES.length - 1;
  const inner = texts.flatMap((text, i) => (i === 0 ? [text] : [COMMA, text]));
  const body = [around!.subarray(0, at), ...inner, around!.subarray(at)];
  return { kind: frame.kind, bodyLength: body.reduce((sum, { length }) => sum + length, 0), body };
}

const NO_ENTRIES = '"entries":[]';

/** Wire. Base64 of an id in quotes, and the comma behind it. */
const ID_BYTES = 47;

/** Ours. Entries written at once: a millisecond or two. */
const STEP_ENTRIES = 128;

const COMMA = ascii(",");

function* rangeBody(head: Uint8Array, ids: Uint8Array, tail: Uint8Array): Generator<Uint8Array> {
  yield head;
  const step = 32 * Math.floor(PIECE_BYTES / ID_BYTES);
  for (let at = 0; at < ids.length; at += step) {
    const end = Math.min(ids.length, at + step);
    const texts: string[] = [];
    for (let id = at; id < end; id += 32) texts.push(`"${ids.subarray(id, id + 32).toBase64()}"`);
    yield ascii(texts.join(",") + (end < ids.length ? "," : ""));
  }
  yield tail;
}

/** The same bytes in pieces as large as they may be. */
function* gathered(head: Uint8Array, body: Iterable<Uint8Array>, bodyLength: number): Generator<Uint8Array> {
  let left = head.length + bodyLength;
  let piece = new Uint8Array(Math.min(left, PIECE_BYTES));
  let filled = 0;
  for (const part of chain(head, body)) {
    for (let at = 0; at < part.length; ) {
      const taken = part.subarray(at, at + piece.length - filled);
      piece.set(taken, filled);
      filled += taken.length;
      at += taken.length;
      if (filled < piece.length) continue;
      left -= filled;
      yield piece;
      piece = new Uint8Array(Math.min(left, PIECE_BYTES));
      filled = 0;
    }
  }
}

function* chain(head: Uint8Array, body: Iterable<Uint8Array>): Generator<Uint8Array> {
  yield head;
  yield* body;
}

function ascii(text: string): Uint8Array {
  return Buffer.from(text, "latin1");
}

function tooMany(what: string, max: number, found: number): EntmootError {
  return new EntmootError("invalid_argument", `${what}: expected at most ${max}, got ${found}`);
}

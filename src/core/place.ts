import { EntmootError } from "./errors.ts";
import { GroupId, type MessageId } from "./ids.ts";

/**
 * Where a reader of a moot's delivery log goes on: after the message with this number. Names the log too, and the
 * message by a piece of its id, so that a log that was restored, copied or rolled back is not taken for the one read.
 */
export interface Place {
  /** The first 8 bytes of the moot's id, as hex. */
  readonly moot: string;
  /** The log's own id, 8 bytes as hex. */
  readonly log: string;
  /** Number of the last message read; 0 before the first. */
  readonly seq: number;
  /** The first 4 bytes of that message's id, as hex; zeros before the first. */
  readonly piece: string;
}

/**
 * Ours. Bytes of a place: layout, moot, log, number, piece of the id, check. Eight bytes keep a user's moots and logs
 * apart, four tell a message from the one a restored log has there; the sum is a multiple of three, as text 40 characters.
 */
const LAYOUT = 1;
const MOOT_BYTES = 8;
const LOG_BYTES = 8;
const PIECE_BYTES = 4;
const PLACE_BYTES = 1 + MOOT_BYTES + LOG_BYTES + 8 + PIECE_BYTES + 1;

/** Characters of a place as text, which is opaque to everybody else. */
export const PLACE_LENGTH = (PLACE_BYTES / 3) * 4;

/** The moot's part of a place. */
export function mootOfPlace(groupId: GroupId): string {
  return GroupId.toBytes(groupId).subarray(0, MOOT_BYTES).toHex();
}

/** A place after a message, or before the first when `id` is `undefined`. `log`: 16 hex digits. */
export function placeAt(
  log: string,
  at: { readonly groupId: GroupId; readonly seq: number; readonly id: MessageId | undefined },
): Place {
  const piece = at.id === undefined ? "0".repeat(2 * PIECE_BYTES) : at.id.slice(0, 2 * PIECE_BYTES);
  return { moot: mootOfPlace(at.groupId), log, seq: at.seq, piece };
}

/** Whether `id` may be the message that `place` names. */
export function isMessageOf(place: Place, id: MessageId): boolean {
  return id.startsWith(place.piece);
}

export function formatPlace({ log, moot, piece, seq }: Place): string {
  const bytes = new Uint8Array(PLACE_BYTES);
  bytes[0] = LAYOUT;
  bytes.set(Uint8Array.fromHex(moot), 1);
  bytes.set(Uint8Array.fromHex(log), 1 + MOOT_BYTES);
  new DataView(bytes.buffer).setBigUint64(1 + MOOT_BYTES + LOG_BYTES, BigInt(seq));
  bytes.set(Uint8Array.fromHex(piece), 1 + MOOT_BYTES + LOG_BYTES + 8);
  bytes[PLACE_BYTES - 1] = checkOf(bytes);
  return bytes.toBase64({ alphabet: "base64url" });
}

/** Throws `invalid_argument` for a text that is no place, one that was cut or mistyped among them. */
export function parsePlace(text: string): Place {
  const bytes =
    /^[A-Za-z0-9_-]+$/.test(text) && text.length === PLACE_LENGTH
      ? Uint8Array.fromBase64(text, { alphabet: "base64url" })
      : undefined;
  if (bytes === undefined || bytes[0] !== LAYOUT || bytes[PLACE_BYTES - 1] !== checkOf(bytes)) {
    throw new EntmootError(
      "invalid_argument",
      `place: expected the ${PLACE_LENGTH} characters that a message line names as "place", found ${JSON.stringify(text.slice(0, 48))}`,
    );
  }
  const view = new DataView(bytes.buffer);
  const seq = Number(view.getBigUint64(1 + MOOT_BYTES + LOG_BYTES));
  if (!Number.isSafeInteger(seq))
    throw new EntmootError("invalid_argument", `place: expected a number below 2^53 in it, found ${seq}`);
  const at = 1 + MOOT_BYTES;
  return {
    moot: bytes.subarray(1, at).toHex(),
    log: bytes.subarray(at, at + LOG_BYTES).toHex(),
    seq,
    piece: bytes.subarray(at + LOG_BYTES + 8, PLACE_BYTES - 1).toHex(),
  };
}

/** Tells a slip of the hand from a place; it is no protection against anybody. */
function checkOf(bytes: Uint8Array): number {
  let sum = 0;
  for (const byte of bytes.subarray(0, PLACE_BYTES - 1)) sum = (sum * 31 + byte) & 0xff;
  return sum;
}

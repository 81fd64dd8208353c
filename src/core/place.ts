import { EntmootError } from "./errors.ts";
import { GroupId, type MessageId } from "./ids.ts";

/**
 * Where a reader of a moot's delivery log goes on: after the message with this number. Names the log too, and by a sum
 * over their ids the messages up to it, so that a log that was restored, copied or rolled back is not taken for the one
 * read: one in which the same number has another message before it, even where the message there is the same again.
 */
export interface Place {
  /** The first 8 bytes of the moot's id, as hex. */
  readonly moot: string;
  /** The log's own id, 8 bytes as hex. */
  readonly log: string;
  /** Number of the last message read; 0 before the first. */
  readonly seq: number;
  /** Sum over the first 4 bytes of the ids of all messages up to there, whatever their order; 0 before the first. */
  readonly sum: number;
}

/**
 * Ours. Bytes of a place: layout, moot, log, number, sum, check. Eight bytes keep a user's moots and logs apart, four
 * tell what was read from what a restored log has there; all of them are a multiple of three, as text 40 characters.
 */
const LAYOUT = 1;
const MOOT_BYTES = 8;
const LOG_BYTES = 8;
const SUM_BYTES = 4;
const PLACE_BYTES = 1 + MOOT_BYTES + LOG_BYTES + 8 + SUM_BYTES + 1;

/** Characters of a place as text, which is opaque to everybody else. */
export const PLACE_LENGTH = (PLACE_BYTES / 3) * 4;

/** The moot's part of a place. */
export function mootOfPlace(groupId: GroupId): string {
  return GroupId.toBytes(groupId).subarray(0, MOOT_BYTES).toHex();
}

/** The sum of a place one message later. */
export function addToSum(sum: number, id: MessageId): number {
  return (sum + Number.parseInt(id.slice(0, 2 * SUM_BYTES), 16)) >>> 0;
}

export function formatPlace({ log, moot, seq, sum }: Place): string {
  const bytes = new Uint8Array(PLACE_BYTES);
  bytes[0] = LAYOUT;
  bytes.set(Uint8Array.fromHex(moot), 1);
  bytes.set(Uint8Array.fromHex(log), 1 + MOOT_BYTES);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(1 + MOOT_BYTES + LOG_BYTES, BigInt(seq));
  view.setUint32(1 + MOOT_BYTES + LOG_BYTES + 8, sum);
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
    sum: view.getUint32(at + LOG_BYTES + 8),
  };
}

/** Tells a slip of the hand from a place; it is no protection against anybody. */
function checkOf(bytes: Uint8Array): number {
  let sum = 0;
  for (const byte of bytes.subarray(0, PLACE_BYTES - 1)) sum = (sum * 31 + byte) & 0xff;
  return sum;
}

import { decodeUtf8, encodeUtf8 } from "../bytes/utf8.ts";
import { EntmootError } from "../errors.ts";
import { MessageId, RosterEntryId } from "../ids.ts";

// Ours, all of these; the forms are drawn in docs/receipts.md.

/** What became of a message at a reader, as a number on the wire. */
export const RECEIPT_STATES = [
  "arrived",
  "uncertain",
  "refused",
  "expired",
  "delivered",
  "read",
  "acked",
  "answered",
] as const;
export type ReceiptState = (typeof RECEIPT_STATES)[number];

/** Messages in one receipt, and of one asker among them. */
export const RECEIPT_ROWS_MAX = 64;
export const RECEIPT_ROWS_OF_ASKER = 16;

/** What a reader says of one message that asked it. Instants are Unix milliseconds, 0 for none. */
export interface ReceiptRow {
  readonly messageId: MessageId;
  readonly state: ReceiptState;
  readonly arrivedMs: number;
  readonly deliveredMs: number;
  readonly readMs: number;
  /** Answered or acknowledged. */
  readonly doneMs: number;
}

/** What a reader says of the latest messages that asked it. */
export interface Receipt {
  /** Since when nothing that can wake its agent listens; 0: something does. */
  readonly nobodySinceMs: number;
  readonly rows: readonly ReceiptRow[];
}

const ROW_BYTES = 32 + 1 + 4 * 6;
const INSTANT_MAX = 2 ** 48 - 1;

export function encodeReceipt({ nobodySinceMs, rows }: Receipt): Uint8Array {
  if (rows.length > RECEIPT_ROWS_MAX) {
    throw new EntmootError(
      "invalid_argument",
      `receipt: expected at most ${RECEIPT_ROWS_MAX} rows, found ${rows.length}`,
    );
  }
  const view = new DataView(new ArrayBuffer(7 + rows.length * ROW_BYTES));
  const bytes = new Uint8Array(view.buffer);
  putInstant(view, 0, nobodySinceMs);
  bytes[6] = rows.length;
  rows.forEach(({ arrivedMs, deliveredMs, doneMs, messageId, readMs, state }, n) => {
    const at = 7 + n * ROW_BYTES;
    bytes.set(MessageId.toBytes(messageId), at);
    bytes[at + 32] = RECEIPT_STATES.indexOf(state);
    for (const [i, ms] of [arrivedMs, deliveredMs, readMs, doneMs].entries()) putInstant(view, at + 33 + 6 * i, ms);
  });
  return bytes;
}

/** Throws `malformed_frame`. */
export function decodeReceipt(body: Uint8Array): Receipt {
  const count = body[6] ?? 0;
  if (count > RECEIPT_ROWS_MAX) throw malformed("receipt", `at most ${RECEIPT_ROWS_MAX} rows`, `${count}`);
  if (body.length !== 7 + count * ROW_BYTES) {
    throw malformed("receipt", `${7 + count * ROW_BYTES} bytes for ${count} rows`, `${body.length}`);
  }
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  const rows = Array.from({ length: count }, (_, n) => rowAt(body, view, 7 + n * ROW_BYTES));
  if (new Set(rows.map(({ messageId }) => messageId)).size !== rows.length) {
    throw malformed("receipt", "each message once", "one of them twice");
  }
  return { nobodySinceMs: instantAt(view, 0), rows };
}

function rowAt(body: Uint8Array, view: DataView, at: number): ReceiptRow {
  const state = RECEIPT_STATES[body[at + 32]!];
  if (state === undefined) throw malformed("receipt", `a state below ${RECEIPT_STATES.length}`, `${body[at + 32]}`);
  return {
    messageId: MessageId.fromBytes(body.subarray(at, at + 32)),
    state,
    arrivedMs: instantAt(view, at + 33),
    deliveredMs: instantAt(view, at + 39),
    readMs: instantAt(view, at + 45),
    doneMs: instantAt(view, at + 51),
  };
}

/** What a member says of itself; `silent`: nothing any more. */
export const PRESENCE_STATES = ["away", "listening", "silent"] as const;
export type PresenceState = (typeof PRESENCE_STATES)[number];

/** Bytes of a host's name. */
export const PRESENCE_HOST_BYTES_MAX = 64;

export interface Presence {
  readonly state: PresenceState;
  /** Since when it is so, Unix milliseconds. */
  readonly sinceMs: number;
  /** By its author's clock, Unix milliseconds. */
  readonly issuedMs: number;
  /** The program that listens; empty where its owner does not say. */
  readonly host: string;
}

export function encodePresence({ host, issuedMs, sinceMs, state }: Presence): Uint8Array {
  const name = encodeUtf8(host);
  if (name.length > PRESENCE_HOST_BYTES_MAX) {
    throw new EntmootError(
      "invalid_argument",
      `presence: expected a host of at most ${PRESENCE_HOST_BYTES_MAX} bytes, found ${name.length}`,
    );
  }
  const view = new DataView(new ArrayBuffer(14 + name.length));
  const bytes = new Uint8Array(view.buffer);
  bytes[0] = PRESENCE_STATES.indexOf(state);
  putInstant(view, 1, sinceMs);
  putInstant(view, 7, issuedMs);
  bytes[13] = name.length;
  bytes.set(name, 14);
  return bytes;
}

/** Throws `malformed_frame`. */
export function decodePresence(body: Uint8Array): Presence {
  const length = body[13] ?? 0;
  if (length > PRESENCE_HOST_BYTES_MAX || body.length !== 14 + length) {
    throw malformed("presence", `14 bytes and a host of at most ${PRESENCE_HOST_BYTES_MAX}`, `${body.length}`);
  }
  const state = PRESENCE_STATES[body[0]!];
  if (state === undefined) throw malformed("presence", `a state below ${PRESENCE_STATES.length}`, `${body[0]}`);
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  return {
    state,
    sinceMs: instantAt(view, 1),
    issuedMs: instantAt(view, 7),
    host: decodeUtf8(body.subarray(14)),
  };
}

/** What a founder says of its moot. */
export interface NoteRule {
  readonly receipts: boolean;
  readonly presence: boolean;
}

/** Where no founder says otherwise. */
export const NOTE_RULE_DEFAULT: NoteRule = { receipts: true, presence: true };

export function encodeNoteRule({ presence, receipts }: NoteRule): Uint8Array {
  return Uint8Array.of(Number(receipts) | (Number(presence) << 1));
}

/** Throws `malformed_frame`. */
export function decodeNoteRule(body: Uint8Array): NoteRule {
  const [flags] = body;
  if (body.length !== 1 || flags! > 3) throw malformed("rule", "one byte up to 3", `${body.length} bytes`);
  return { receipts: (flags! & 1) !== 0, presence: (flags! & 2) !== 0 };
}

/** A member leaves: the membership that this entry of the roster began is over, and no other one. */
export function encodeLeave(admission: RosterEntryId): Uint8Array {
  return RosterEntryId.toBytes(admission);
}

/** Throws `malformed_frame`. */
export function decodeLeave(body: Uint8Array): RosterEntryId {
  if (body.length !== 32) throw malformed("leave", "32 bytes", `${body.length}`);
  return RosterEntryId.fromBytes(body);
}

function putInstant(view: DataView, at: number, ms: number): void {
  if (!Number.isSafeInteger(ms) || ms < 0 || ms > INSTANT_MAX) {
    throw new EntmootError("invalid_argument", `note: expected Unix milliseconds below 2^48, found ${ms}`);
  }
  view.setUint16(at, Math.floor(ms / 2 ** 32));
  view.setUint32(at + 2, ms % 2 ** 32);
}

function instantAt(view: DataView, at: number): number {
  return view.getUint16(at) * 2 ** 32 + view.getUint32(at + 2);
}

function malformed(what: string, expected: string, found: string): EntmootError {
  return new EntmootError("malformed_frame", `${what}: expected ${expected}, found ${found}`);
}

import { sameBytes } from "../bytes/byte-strings.ts";
import { encodeUtf8 } from "../bytes/utf8.ts";
import { EntmootError } from "../errors.ts";
import { GroupId, PublicKey } from "../ids.ts";
import { publicKeyOf, SIGNATURE_BYTES, sign, verifySignature } from "../signature.ts";

// Ours, all of these: peers refuse notes that have them otherwise. The form is drawn in docs/receipts.md.

/** Part of what is signed, so that no other object's signature is one of a note. */
const MAGIC = encodeUtf8("entmoot.note.v1\n");
const HEAD_BYTES = MAGIC.length + 1 + 32 + 32 + 8;
const VERSION_AT = HEAD_BYTES - 8;

/** By the number they have on the wire, from 1. */
export const NOTE_KINDS = ["rule", "receipt", "presence", "leave", "about"] as const;
export type NoteKind = (typeof NOTE_KINDS)[number];

/** Of a whole note, signature included. */
export const NOTE_BYTES_MAX: Readonly<Record<NoteKind, number>> = {
  rule: 256,
  receipt: 8192,
  presence: 512,
  leave: 256,
  about: 8192,
};
export const NOTE_BYTES_MIN = HEAD_BYTES + SIGNATURE_BYTES;
/** Versions end below what a signed 64-bit number holds. */
export const NOTE_VERSION_MAX = 2n ** 63n - 1n;
/** Bytes of the signature that a head tells, to tell two notes of one version apart. */
export const NOTE_MARK_BYTES = 8;

/** Whose it is and of which kind: of these one is kept. */
export interface NoteName {
  readonly kind: NoteKind;
  readonly author: PublicKey;
}

/** What is said of a note instead of the note. */
export interface NoteHead extends NoteName {
  /** From 1; grows with every note of its author and kind. */
  readonly version: bigint;
  /** The first bytes of its signature, as hex. */
  readonly mark: string;
}

/** A signed record of one member in one moot, of which the latest counts. */
export interface SignedNote extends NoteHead {
  readonly groupId: GroupId;
  /** What it says, by its kind. */
  readonly body: Uint8Array;
  /** The whole of it, as it is kept and passed on. */
  readonly bytes: Uint8Array;
}

/** Signs a note. Throws `invalid_argument` for one that nobody would take. */
export function signNote(fields: {
  readonly seed: Uint8Array;
  readonly kind: NoteKind;
  readonly groupId: GroupId;
  readonly version: bigint;
  readonly body: Uint8Array;
}): SignedNote {
  const { body, groupId, kind, seed, version } = fields;
  if (version < 1n || version > NOTE_VERSION_MAX) {
    throw new EntmootError("invalid_argument", `note: expected a version from 1 to 2^63 - 1, found ${version}`);
  }
  const signed = new Uint8Array(HEAD_BYTES + body.length);
  signed.set(MAGIC);
  signed[MAGIC.length] = NOTE_KINDS.indexOf(kind) + 1;
  signed.set(GroupId.toBytes(groupId), MAGIC.length + 1);
  signed.set(publicKeyOf(seed), MAGIC.length + 33);
  new DataView(signed.buffer).setBigUint64(VERSION_AT, version);
  signed.set(body, HEAD_BYTES);
  const length = signed.length + SIGNATURE_BYTES;
  if (length > NOTE_BYTES_MAX[kind]) {
    const max = NOTE_BYTES_MAX[kind];
    throw new EntmootError("invalid_argument", `note: expected at most ${max} bytes of a ${kind}, found ${length}`);
  }
  const bytes = new Uint8Array(length);
  bytes.set(signed);
  bytes.set(sign(seed, signed), signed.length);
  return readNote(bytes);
}

/** The note in `bytes`, which it holds views into. Nothing is verified, and nothing of its body read. Throws `malformed_frame`. */
export function readNote(bytes: Uint8Array): SignedNote {
  if (bytes.length < NOTE_BYTES_MIN || !sameBytes(bytes.subarray(0, MAGIC.length), MAGIC)) {
    throw malformed("the beginning of a note", `${bytes.length} other bytes`);
  }
  const kind = NOTE_KINDS[bytes[MAGIC.length]! - 1];
  if (kind === undefined) throw malformed(`a kind from 1 to ${NOTE_KINDS.length}`, `${bytes[MAGIC.length]}`);
  const max = NOTE_BYTES_MAX[kind];
  if (bytes.length > max) throw malformed(`at most ${max} bytes of a ${kind}`, `${bytes.length}`);
  const version = new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getBigUint64(VERSION_AT);
  if (version < 1n || version > NOTE_VERSION_MAX) throw malformed("a version from 1 to 2^63 - 1", `${version}`);
  const end = bytes.length - SIGNATURE_BYTES;
  return {
    kind,
    groupId: GroupId.fromBytes(bytes.subarray(MAGIC.length + 1, MAGIC.length + 33)),
    author: PublicKey.fromBytes(bytes.subarray(MAGIC.length + 33, MAGIC.length + 65)),
    version,
    mark: bytes.subarray(end, end + NOTE_MARK_BYTES).toHex(),
    body: bytes.subarray(HEAD_BYTES, end),
    bytes,
  };
}

/** Whether its author signed it. */
export function isNoteSigned({ author, bytes }: SignedNote): boolean {
  const end = bytes.length - SIGNATURE_BYTES;
  return verifySignature(PublicKey.toBytes(author), bytes.subarray(0, end), bytes.subarray(end));
}

/** Whether a note takes the place of the one that is held: its version is greater or, of equal ones, its signature. */
export function isNewerNote(
  note: Pick<NoteHead, "version" | "mark">,
  held: Pick<NoteHead, "version" | "mark"> | undefined,
): boolean {
  if (held === undefined) return true;
  return note.version === held.version ? note.mark > held.mark : note.version > held.version;
}

/** For maps: each author and kind has one. */
export function noteKey({ author, kind }: NoteName): string {
  return `${kind} ${author}`;
}

export function headOf({ author, kind, mark, version }: NoteHead): NoteHead {
  return { author, kind, mark, version };
}

function malformed(expected: string, found: string): EntmootError {
  return new EntmootError("malformed_frame", `note: expected ${expected}, found ${found}`);
}

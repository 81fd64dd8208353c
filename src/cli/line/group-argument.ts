import { trimSpace } from "../../core/bytes/text.ts";
import { EntmootError } from "../../core/errors.ts";
import { GroupId, MessageId, PublicKey } from "../../core/ids.ts";

/**
 * A group id as people and scripts write it: standard or URL-safe base64 of 32 bytes, padded or not, or 64 hex digits, blanks
 * around it ignored. `label` starts the error, such as `query`. Throws `invalid_argument`.
 */
export function parseGroupId(label: string, text: string): GroupId {
  if (trimSpace(text) === "") {
    // Perhaps a variable of a script that was never set: it must not mean some moot.
    const next = "give an id or a name, or leave -group out where there is one moot";
    throw new EntmootError("invalid_argument", `${label}: empty group id; ${next}`);
  }
  return GroupId.fromBytes(decode32(`${label}: group id`, text));
}

/** A message id in the same forms as a group id. Throws `invalid_argument`. */
export function parseMessageId(label: string, text: string): MessageId {
  if (trimSpace(text) === "") throw new EntmootError("invalid_argument", `${label}: empty message id`);
  return MessageId.fromBytes(decode32(`${label}: message id`, text));
}

const HEX = /^[0-9a-fA-F]{64}$/;

/** The Ed25519 key of `-pubkey`, in the same forms as a group id. Throws `invalid_argument`. */
export function parsePublicKey(label: string, text: string): PublicKey {
  if (trimSpace(text) === "") throw new EntmootError("invalid_argument", `${label}: -pubkey is required`);
  return PublicKey.fromBytes(decode32(`${label}: -pubkey`, text));
}

/** `text` as a node id: decimal, 32 bits. Throws `invalid_argument`. */
export function parseNodeId(label: string, text: string): number {
  const digits = trimSpace(text);
  const value = /^\d{1,10}$/.test(digits) ? Number(digits) : Number.NaN;
  if (value <= 0xffff_ffff) return value;
  throw new EntmootError(
    "invalid_argument",
    `${label}: expected a node id from 0 to 4294967295, found ${JSON.stringify(digits.slice(0, 40))}`,
  );
}

/** 32 bytes in the same forms; `undefined` for anything else. */
export function idBytes(text: string): Uint8Array | undefined {
  try {
    return decode32("id", text);
  } catch {
    return undefined;
  }
}

function decode32(label: string, text: string): Uint8Array {
  const packed = trimSpace(text);
  // As base64 it would be 48 bytes, which are no id.
  if (HEX.test(packed)) return Uint8Array.fromHex(packed);
  const standard = packed
    .replaceAll("-", "+")
    .replaceAll("_", "/")
    .replace(/={0,2}$/, "");
  const illegal = standard.search(/[^A-Za-z0-9+/]/);
  if (illegal >= 0 || standard.length % 4 === 1) {
    const at = illegal >= 0 ? illegal : standard.length;
    throw new EntmootError("invalid_argument", `${label}: illegal base64 data at input byte ${at}`);
  }
  const bytes = Uint8Array.fromBase64(standard);
  if (bytes.length === 32) return bytes;
  throw new EntmootError("invalid_argument", `${label}: expected 32 bytes, got ${bytes.length}`);
}

import { trimSpace } from "../../core/bytes/text.ts";
import { EntmootError } from "../../core/errors.ts";
import { GroupId, PublicKey } from "../../core/ids.ts";
import { idBytes, writtenId } from "../../core/written-id.ts";

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
  return GroupId.fromBytes(writtenId(`${label}: group id`, text));
}

/** Ours. Characters of a value that a failure repeats. */
const SHOWN_MAX = 80;

/** The Ed25519 key of `-pubkey`, in the same forms as a group id. Throws `invalid_argument`. */
export function parsePublicKey(label: string, text: string, required = "-pubkey is required"): PublicKey {
  if (trimSpace(text) === "") throw new EntmootError("invalid_argument", `${label}: ${required}`);
  const key = idBytes(text);
  if (key !== undefined) return PublicKey.fromBytes(key);
  const found = JSON.stringify(trimSpace(text).slice(0, SHOWN_MAX));
  throw new EntmootError(
    "invalid_argument",
    `${label}: -pubkey: expected a key, 32 bytes in base64 or hex, as "entmootd info" of that node shows it, found ${found}`,
  );
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

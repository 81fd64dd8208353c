import { trimSpace } from "./bytes/text.ts";
import { EntmootError } from "./errors.ts";

const HEX = /^[0-9a-fA-F]{64}$/;

/**
 * The 32 bytes of an id or a key as people, scripts and agents write it: standard or URL-safe base64, padded or not, or 64 hex
 * digits, blanks around it ignored. `label` starts the error. Throws `invalid_argument`.
 */
export function writtenId(label: string, text: string): Uint8Array {
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

/** The same; `undefined` for anything else. */
export function idBytes(text: string): Uint8Array | undefined {
  try {
    return writtenId("id", text);
  } catch {
    return undefined;
  }
}

/** Ours. 48 bits of an id: fewer would name several of a large moot. */
export const ID_START_MIN = 8;
/** Of a whole id in base64. */
const ID_LENGTH = 44;

/** Whether `text` may be the first characters of an id in base64, as many as are needed. */
export function isIdStart(text: string): boolean {
  return text.length >= ID_START_MIN && text.length <= ID_LENGTH && /^[A-Za-z0-9+/_-]+=?$/.test(text);
}

/** The same in the alphabet that ids are shown in; addresses have them in the other. */
export function standardId(text: string): string {
  return text.replaceAll("-", "+").replaceAll("_", "/");
}

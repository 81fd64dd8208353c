import { encodeUtf8 } from "../../core/bytes/utf8.ts";
import { EntmootError } from "../../core/errors.ts";

/** A token under which a message is published once. Throws `invalid_argument` naming `label`. */
export function parseToken(label: string, text: string): Uint8Array {
  const token = encodeUtf8(text);
  if (token.length >= 16 && token.length <= 64) return token;
  throw new EntmootError("invalid_argument", `${label}: expected 16 to 64 bytes, found ${token.length}`);
}

import { trimSpace } from "../core/bytes/text.ts";
import { EntmootError } from "../core/errors.ts";
import { idBytes } from "../core/written-id.ts";

/** What breaks a line, steers a terminal or turns the direction of what stands behind it. Joiners and pictures are words. */
const STEERS = /[\p{Cc}\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;

/** The name a founder may give its moot, without blanks around it. Throws `invalid_argument`, naming `label`. */
export function mootNameOf(label: string, text: string): string {
  const name = trimSpace(text);
  if (STEERS.test(name)) {
    const found = "found a line break, a control character or a mark of direction";
    throw new EntmootError("invalid_argument", `${label}: expected words on one line, ${found}`);
  }
  if (idBytes(name) === undefined) return name;
  throw new EntmootError("invalid_argument", `${label}: expected a name, found what reads as the id of a moot`);
}

import { linkInJson } from "../../core/admission/link-in-json.ts";
import { isMootLink } from "../../core/admission/moot-link.ts";
import { EntmootError } from "../../core/errors.ts";

/**
 * `text`, which looks like a link into a moot as people paste it; whether it leads anywhere is looked at where it is used.
 * Throws `invalid_argument`, and does not repeat what may be half a link.
 */
export function requireLink(label: string, text: string): void {
  if (isMootLink(linkInJson(text) ?? text) || text.includes("entmoot:")) return;
  const found = text === "" ? "nothing" : `${text.length} characters that are none`;
  throw new EntmootError("invalid_argument", `${label}: expected a link, entmoot://join/…, found ${found}`);
}

import { encodeUtf8 } from "../bytes/utf8.ts";
import { EntmootError } from "../errors.ts";
import { decodeJson, encodeCanonical, omittedList, struct } from "../json/json-codec.ts";
import { text } from "../json/json-scalars.ts";

/** What a founder says of its moot, for display. */
export interface About {
  /** Not empty. */
  readonly name: string;
  readonly description: string;
  readonly tags: readonly string[];
}

/** Ours, peers refuse more: bytes of each, and how many tags. A page of text; a word or two each. */
export const ABOUT_MAX = { name: 256, description: 4096, tag: 256, tags: 32 } as const;

const aboutCodec = struct<About>("about", { name: text, description: text, tags: omittedList(text) });

/** The body of a note; see `docs/receipts.md`. Throws `invalid_argument` for what peers refuse. */
export function encodeAbout(about: About): Uint8Array {
  const fault = faultOf(about);
  if (fault !== undefined) throw new EntmootError("invalid_argument", fault);
  return encodeCanonical(aboutCodec, about);
}

/** Throws `malformed_frame`. */
export function decodeAbout(body: Uint8Array): About {
  const about = decodeJson(aboutCodec, body, { unknownKeys: "refuse" });
  const fault = faultOf(about);
  if (fault !== undefined) throw new EntmootError("malformed_frame", fault);
  return about;
}

function faultOf({ description, name, tags }: About): string | undefined {
  if (name === "") return "about: expected a name, found none";
  const isLong = (value: string, max: number) => encodeUtf8(value).length > max;
  if (isLong(name, ABOUT_MAX.name)) return `about: expected a name of at most ${ABOUT_MAX.name} bytes`;
  if (isLong(description, ABOUT_MAX.description)) {
    return `about: expected a description of at most ${ABOUT_MAX.description} bytes`;
  }
  if (tags.length > ABOUT_MAX.tags) return `about: expected at most ${ABOUT_MAX.tags} tags, found ${tags.length}`;
  const isOff = tags.some((tag) => tag === "" || isLong(tag, ABOUT_MAX.tag));
  return isOff ? `about: expected tags of 1 to ${ABOUT_MAX.tag} bytes` : undefined;
}

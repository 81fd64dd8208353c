import { EntmootError } from "../../core/errors.ts";
import { type Place, parsePlace } from "../../core/place.ts";

/**
 * The values of `-after`: places as message lines name them, or the bare number of a message where the group is named
 * too; one for each group. Throws `invalid_argument`.
 */
export function parsePlaces(label: string, texts: readonly string[], isGroupNamed: boolean): readonly string[] {
  const moots = new Set<string>();
  for (const text of texts) {
    if (/^\d+$/.test(text)) {
      if (isGroupNamed && texts.length === 1) continue;
      throw new EntmootError(
        "invalid_argument",
        `${label}: -after ${text}: a seq is of one group: name it with -group, or give the place`,
      );
    }
    const { moot } = parse(label, text);
    if (moots.has(moot)) {
      throw new EntmootError(
        "invalid_argument",
        `${label}: -after: two places of one group; give the one to go on from`,
      );
    }
    moots.add(moot);
  }
  return texts;
}

function parse(label: string, text: string): Place {
  try {
    return parsePlace(text);
  } catch (cause) {
    if (!(cause instanceof EntmootError)) throw cause;
    throw new EntmootError(cause.code, `${label}: -after: ${cause.message}`, { cause });
  }
}

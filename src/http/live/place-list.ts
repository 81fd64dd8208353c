import { EntmootError } from "../../core/errors.ts";
import type { GroupId } from "../../core/ids.ts";
import { formatPlace, mootOfPlace, PLACE_LENGTH, type Place, parsePlace } from "../../core/place.ts";
import { badRequest } from "../http-failure.ts";

/** Wire. An id of an event is no longer. */
const ID_BYTES_MAX = 4096;
/** Moots of which the places fit into one id. */
export const MOOTS_MAX = Math.floor((ID_BYTES_MAX + 1) / (PLACE_LENGTH + 1));

/** Places by the name that they have for the moot. Throws 400 for what is no id of an event. */
export function parsePlaceList(text: string): ReadonlyMap<string, string> {
  if (text.length > ID_BYTES_MAX) throw badRequest(`place: expected at most ${ID_BYTES_MAX} bytes of them`);
  const found = new Map<string, string>();
  for (const place of text.split(",")) {
    const { moot } = placeIn(place.trim());
    if (found.has(moot)) throw badRequest("place: two for one group; give one");
    found.set(moot, place.trim());
  }
  return found;
}

function placeIn(text: string): Place {
  try {
    return parsePlace(text);
  } catch (error) {
    if (error instanceof EntmootError) throw badRequest(error.message);
    throw error;
  }
}

/** How far one moot was told. */
export interface MootPlace {
  readonly seq: number;
  readonly place: string;
}

/** The place ahead of the first message, in the log that `end` is a place of. */
export function firstPlace(group: GroupId, end: string): MootPlace {
  const { log } = parsePlace(end);
  return { seq: 0, place: formatPlace({ moot: mootOfPlace(group), log, seq: 0, sum: 0 }) };
}

export function mootPlace(place: string): MootPlace {
  return { seq: parsePlace(place).seq, place };
}

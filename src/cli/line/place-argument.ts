import { EntmootError } from "../../core/errors.ts";
import type { GroupId } from "../../core/ids.ts";
import { mootOfPlace, type Place, parsePlace } from "../../core/place.ts";
import { parseGroupId } from "./group-argument.ts";

/** What the values of `-after` ask for. */
export interface After {
  /** Places as message lines name them, or the bare number of a message where the group is named too; one for each group. */
  readonly places: readonly string[];
  /** Moots that are read from their first message. */
  readonly whole: readonly GroupId[];
  /** Whether all moots are that are not named. */
  readonly others: boolean;
}

/** Whether `-after` was given. */
export function isAfter({ others, places, whole }: After): boolean {
  return others || places.length > 0 || whole.length > 0;
}

/** The values of `-after`: places, `GID:0` and `all:0`. Throws `invalid_argument`. */
export function parseAfter(label: string, texts: readonly string[], isGroupNamed: boolean): After {
  const moots = new Set<string>();
  const places: string[] = [];
  const whole: GroupId[] = [];
  let others = false;
  for (const text of texts) {
    if (/^\d+$/.test(text)) {
      if (!isGroupNamed || texts.length !== 1) {
        throw new EntmootError(
          "invalid_argument",
          `${label}: -after ${text}: a seq is of one group: name it with -group, or give the place`,
        );
      }
      places.push(text);
      continue;
    }
    const start = /^(.*):0$/s.exec(text)?.[1];
    if (start !== undefined && isGroupNamed) {
      throw new EntmootError("invalid_argument", `${label}: -after ${text}: with -group give -after 0`);
    }
    if (start === "all") {
      others = true;
      continue;
    }
    let moot: string;
    if (start === undefined) {
      moot = parse(label, text).moot;
      places.push(text);
    } else {
      const id = parseGroupId(`${label}: -after`, start);
      moot = mootOfPlace(id);
      whole.push(id);
    }
    if (moots.has(moot)) {
      throw new EntmootError(
        "invalid_argument",
        `${label}: -after: two places of one group; give the one to go on from`,
      );
    }
    moots.add(moot);
  }
  return { places, whole, others };
}

function parse(label: string, text: string): Place {
  try {
    return parsePlace(text);
  } catch (cause) {
    if (!(cause instanceof EntmootError)) throw cause;
    throw new EntmootError(cause.code, `${label}: -after: ${cause.message}; or GID:0, or all:0`, { cause });
  }
}

/** Throws `invalid_argument` unless `text` is a place as message lines name it. */
export function requirePlace(label: string, text: string): void {
  try {
    parsePlace(text);
  } catch (cause) {
    if (!(cause instanceof EntmootError)) throw cause;
    throw new EntmootError(cause.code, `${label}: ${cause.message}`, { cause });
  }
}

import type { Clock } from "../../core/clock.ts";
import { EntmootError } from "../../core/errors.ts";
import { GroupId } from "../../core/ids.ts";
import type { GroupStore } from "../../store/group-store.ts";
import type { ChangeSignal } from "../change-signal.ts";
import type { GroupRoster } from "../group/group-roster.ts";
import type { Turns } from "../turns.ts";

/** A moot as reading sees it. */
export interface Moot {
  readonly id: GroupId;
  readonly store: GroupStore;
  readonly roster: GroupRoster;
  /** Since when this node has left it, Unix milliseconds; `undefined` also where nobody works on it. */
  readonly leftMs?: number | undefined;
}

/** What is read: a node at work, or a data root that is only looked at. */
export interface Moots {
  /** In the order of the data root, whenever each was joined. */
  moots(): readonly Moot[];
  /** Those that `moots` left out the last time, as they could not be opened, with why. */
  readonly unopened: () => ReadonlyMap<GroupId, EntmootError>;
  /** `undefined` when it is not joined. Throws `data_root_invalid` for one that is there and cannot be read. */
  moot(id: GroupId): Moot | undefined;
  readonly clock: Clock;
  /** Tells of new messages and members; `undefined` where nothing changes while it is read. */
  readonly changed: ChangeSignal | undefined;
  /** Whoever reads on and on takes one for each piece of it. */
  readonly turns: Turns;
}

/** Throws `group_not_found`. */
export function requireMoot(moots: Moots, id: GroupId): Moot {
  const moot = moots.moot(id);
  if (moot !== undefined) return moot;
  throw new EntmootError("group_not_found", `group ${GroupId.toBase64(id)} not joined`);
}

/** How it is said that one has to be named: to readers by the command line's flag, to who publishes as the original does. */
const READING_WORDS: OnlyWords = {
  none: "no joined groups; pass -group",
  several: (found) => `${found} groups joined; pass -group to disambiguate`,
};

/** The moot named or, when none is, the only one. Throws as `requireMoot` and `onlyOf`. */
export function pickMoot(moots: Moots, id: GroupId | undefined): Moot {
  return id === undefined ? onlyOf(moots.moots(), moots.unopened(), READING_WORDS) : requireMoot(moots, id);
}

export interface OnlyWords {
  readonly none: string;
  readonly several: (found: number) => string;
}

/**
 * The one there is. Throws `group_not_found` when there is none, `invalid_argument` when there are several. One that cannot be
 * opened counts: nobody who means it is led to another, and where it is the only one its failure is thrown.
 */
export function onlyOf<Joined>(
  joined: readonly Joined[],
  unopened: ReadonlyMap<GroupId, EntmootError>,
  words: OnlyWords,
): Joined {
  const found = joined.length + unopened.size;
  if (found > 1) throw new EntmootError("invalid_argument", words.several(found));
  const [only] = joined;
  if (only !== undefined) return only;
  const [shut] = unopened;
  if (shut === undefined) throw new EntmootError("group_not_found", words.none);
  const [id, cause] = shut;
  throw new EntmootError(cause.code, `group ${GroupId.toBase64(id)}: ${cause.message}`, { cause });
}

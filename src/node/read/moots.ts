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
}

/** What is read: a node at work, or a data root that is only looked at. */
export interface Moots {
  /** In the order of the data root, whenever each was joined. */
  moots(): readonly Moot[];
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

/** The moot named or, when none is, the only one. Throws `group_not_found`, `invalid_argument` when there is not exactly one. */
export function pickMoot(moots: Moots, id: GroupId | undefined): Moot {
  if (id !== undefined) return requireMoot(moots, id);
  const [only, ...others] = moots.moots();
  if (only !== undefined && others.length === 0) return only;
  const found =
    only === undefined
      ? "no joined groups; pass -group"
      : `${others.length + 1} groups joined; pass -group to disambiguate`;
  throw new EntmootError("invalid_argument", found);
}

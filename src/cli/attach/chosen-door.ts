import type { HostDoorName, HostPlaces, HostSetup } from "../../agent/setup/host-setup.ts";
import { EntmootError } from "../../core/errors.ts";

/** The word for a host's first door, where it has two. */
const FIRST = "inbox";

/** By which of its doors a host is to hear its moots. */
export interface ChosenDoor {
  /** `undefined`: it has none. */
  readonly door: HostDoorName | undefined;
  /** What `-door` calls it where it is not the first one. */
  readonly other: string | undefined;
  /** Why it is not by the first one, or why that one may show nothing. */
  readonly why: string | undefined;
  /** Whether another is tried where the first one shows nothing. */
  readonly isOpen: boolean;
}

/**
 * As its user says by `word`; else as it was attached before; else by the first, unless the host's settings close it. Throws
 * `invalid_argument` for a word that is none of its doors.
 */
export function chooseDoor(
  setup: HostSetup,
  places: HostPlaces,
  { before, word }: { readonly before: string | undefined; readonly word: string | undefined },
): ChosenDoor {
  const { door, otherDoor } = setup;
  if (otherDoor === undefined) {
    if (word === undefined) return { door, other: undefined, why: undefined, isOpen: false };
    throw new EntmootError("invalid_argument", `attach: -door is for claude; ${setup.title} has no two of them`);
  }
  if (word !== undefined && word !== FIRST && word !== otherDoor.word) {
    const found = JSON.stringify(word.slice(0, 80));
    throw new EntmootError("invalid_argument", `attach: -door: expected ${FIRST} or ${otherDoor.word}, found ${found}`);
  }
  if (word === FIRST) return { door, other: undefined, why: undefined, isOpen: false };
  if (word === otherDoor.word) return otherOf(setup, `-door ${word} asks for it`);
  if (before === otherDoor.word) return otherOf(setup, "it was attached so before; -door inbox changes that");
  const closed = otherDoor.closed(places);
  if (closed === undefined) return { door, other: undefined, why: undefined, isOpen: true };
  if (!closed.isToStay) return otherOf(setup, closed.why);
  const why = `${closed.why}: what comes may reach its agent late or never; -door ${otherDoor.word} goes another way`;
  return { door, other: undefined, why, isOpen: false };
}

/** The other door of a host that has one. */
export function otherOf({ otherDoor }: HostSetup, why: string): ChosenDoor {
  return { door: otherDoor, other: otherDoor?.word, why, isOpen: false };
}

/** What an entry says in its environment for the door that it was set up with. */
export function doorEnv({ otherDoor }: HostSetup, other: string | undefined): Readonly<Record<string, string>> {
  return other !== undefined && other === otherDoor?.word ? otherDoor.env : {};
}

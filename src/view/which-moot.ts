import { trimSpace } from "../core/bytes/text.ts";
import { EntmootError } from "../core/errors.ts";
import { GroupId } from "../core/ids.ts";
import { idBytes, isIdStart, standardId } from "../core/written-id.ts";
import type { status } from "../node/operations/daemon.ts";
import type { AnswerOf } from "../node/operations/operation.ts";
import { didYouMean } from "./nearest.ts";
import { terminalText } from "./terminal-text.ts";

/** A moot of this node, as people name it. */
export interface MootHere {
  readonly group_id: GroupId;
  /** Empty when it has none; `undefined` where it is not known, as it cannot be opened. */
  readonly name: string | undefined;
  /** Whether it can be opened. Who means one that cannot is not to be led to another. */
  readonly isOpen: boolean;
}

/** Ours. Moots that an error lists, and how much of a name. */
const LISTED_MAX = 8;
const NAME_SHOWN = 80;

export const NO_MOOT =
  'there is no moot here yet; make one with "entmootd group create -name NAME", or join one with "entmootd join LINK"';

/** All moots that a node tells of. */
export function mootsOfStatus({ groups, unopened }: Pick<AnswerOf<typeof status>, "groups" | "unopened">): MootHere[] {
  return [
    ...groups.map(({ group_id, name }) => ({ group_id, name, isOpen: true })),
    ...unopened.map(({ group_id, name }) => ({ group_id, name, isOpen: false })),
  ];
}

/**
 * The one of `moots` that `text` names: by its id, or by its name where exactly one has that. Throws `group_not_found` and
 * `invalid_argument`, saying which there are.
 */
export function whichMoot(label: string, text: string, moots: readonly MootHere[]): MootHere {
  const id = idBytes(text);
  if (id === undefined) return theMootCalled(label, text, moots);
  const group_id = GroupId.fromBytes(id);
  const found = moots.find((moot) => moot.group_id === group_id);
  if (found !== undefined) return found;
  throw new EntmootError("group_not_found", `${label}: no moot here has that id: ${those(moots)}`);
}

/**
 * The only one of `moots`. `how`: what to do where there are several. Throws `group_not_found` for none, and `invalid_argument`
 * listing several.
 */
export function onlyMoot(label: string, moots: readonly MootHere[], how: string): MootHere {
  if (moots.length === 1) return moots[0]!;
  if (moots.length === 0) throw new EntmootError("group_not_found", `${label}: ${NO_MOOT}`);
  throw severalMoots(label, moots, how);
}

/** That it has to be said which of `moots` is meant, and `how`. */
export function severalMoots(label: string, moots: readonly MootHere[], how: string, cause?: unknown): EntmootError {
  const text = `${label}: ${moots.length} moots are here; ${how}: ${listOfMoots(moots)}`;
  return new EntmootError("invalid_argument", text, { cause });
}

/**
 * The one of `moots` that has the name, or an id that begins so, of which eight characters are enough. Throws
 * `invalid_argument` where several may have it, `group_not_found` where none has, saying which there are.
 */
export function theMootCalled(label: string, text: string, moots: readonly MootHere[]): MootHere {
  // A moot may be called as the id of another begins: then both are meant.
  const [found, ...others] = moots.filter((moot) => isCalled(moot, text) || beginsSo(moot, text));
  if (found === undefined) {
    throw new EntmootError("group_not_found", `${label}: ${noneCalled(text, moots)}`);
  }
  if (others.length === 0 && beginsSo(found, text)) return found;
  const called = JSON.stringify(shown(text));
  const giveId = (which: readonly MootHere[]) => `give the id: ${listOfMoots([found, ...which])}`;
  if (others.length > 0) {
    const isById = [found, ...others].some((moot) => !isCalled(moot, text));
    const several = `${others.length + 1} moots here are called ${called}${isById ? ", or have an id that begins so" : ""}`;
    throw new EntmootError("invalid_argument", `${label}: ${several}; ${giveId(others)}`);
  }
  const unnamed = moots.filter(({ name }) => name === undefined);
  if (unnamed.length === 0 || !found.isOpen) return found;
  const why = `a moot that cannot be opened may be called ${called} too`;
  throw new EntmootError("invalid_argument", `${label}: ${why}; ${giveId(unnamed)}`);
}

/** Ours. Names are seldom so long, and ids with a slip in them are. */
const ID_LIKE_MIN = 40;

function noneCalled(text: string, moots: readonly MootHere[]): string {
  const close = didYouMean(
    shown(text),
    moots.map(({ name = "" }) => shown(name)),
  );
  const form = trimSpace(text).length < ID_LIKE_MIN ? "" : "; an id is 32 bytes in base64 or hex, which this is not";
  return `no moot here is called ${JSON.stringify(shown(text))}${close}${form}${close === "" ? "; " : " "}${those(moots)}`;
}

function isCalled({ name }: MootHere, text: string): boolean {
  return name !== undefined && trimSpace(name) === trimSpace(text);
}

function beginsSo({ group_id }: MootHere, text: string): boolean {
  return isIdStart(trimSpace(text)) && GroupId.toBase64(group_id).startsWith(standardId(trimSpace(text)));
}

function those(moots: readonly MootHere[]): string {
  return moots.length === 0 ? "there is none here" : `here are ${listOfMoots(moots)}`;
}

/** Their names and ids, the first of them. */
export function listOfMoots(moots: readonly MootHere[]): string {
  const byName = moots.toSorted((one, other) => (one.name ?? "").localeCompare(other.name ?? "", "en"));
  const first = byName.slice(0, LISTED_MAX).map(({ group_id, isOpen, name = "" }) => {
    const id = `${GroupId.toBase64(group_id)}${isOpen ? "" : ", which cannot be opened"}`;
    return name === "" ? id : `${JSON.stringify(shown(name))} (${id})`;
  });
  const more = moots.length > LISTED_MAX ? [`and ${moots.length - LISTED_MAX} more`] : [];
  return [...first, ...more].join(", ");
}

function shown(name: string): string {
  return terminalText(name, NAME_SHOWN);
}

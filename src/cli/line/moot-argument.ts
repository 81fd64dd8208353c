import { trimSpace } from "../../core/bytes/text.ts";
import { EntmootError } from "../../core/errors.ts";
import { GroupId } from "../../core/ids.ts";
import type { MootHere } from "../../daemon/moots-here.ts";
import type { GlobalOptions } from "../../daemon/options.ts";
import { terminalText } from "../../view/terminal-text.ts";
import { parseGroupId } from "./group-argument.ts";

/** Ours. Moots that an error lists, and how much of a name. */
const LISTED_MAX = 8;
const NAME_SHOWN = 80;
/** What a node says, to clients of the original too, when a moot has to be named. */
const UNNAMED = /group_id is required when multiple groups are active|pass -group to disambiguate/;

/** The same where it has none. */
const NONE = /no active groups|no joined groups/;
const NO_MOOT =
  'there is no moot here yet; make one with "entmootd group create -name NAME", or join one with "entmootd join LINK"';

/** Which node is asked, and for how long. */
export interface MootsAsked {
  readonly options: GlobalOptions;
  readonly timeoutMs?: number | undefined;
}

/**
 * The moot that `-group` names: by its id, or by its name where exactly one here has that, those that cannot be opened among
 * them. Throws `invalid_argument` where several have it or may have, `group_not_found`, and as the node where it has to be asked.
 */
export async function parseMoot(label: string, text: string, { options, timeoutMs }: MootsAsked): Promise<GroupId> {
  try {
    return parseGroupId(label, text);
  } catch (cause) {
    if (!(cause instanceof EntmootError) || trimSpace(text) === "") throw cause;
    return theMootCalled(label, text, await lookUp(options, timeoutMs), cause.message).group_id;
  }
}

/**
 * As `parseMoot`; without `-group` the only moot that is here. Throws `invalid_argument` listing them where there are several, and
 * `group_not_found` where there is none.
 */
export async function oneMoot(label: string, text: string | undefined, asked: MootsAsked): Promise<GroupId> {
  if (text !== undefined) return parseMoot(label, text, asked);
  const moots = await lookUp(asked.options, asked.timeoutMs);
  if (moots.length === 1) return moots[0]!.group_id;
  throw moots.length === 0 ? new EntmootError("group_not_found", `${label}: ${NO_MOOT}`) : several(label, moots);
}

function several(label: string, moots: readonly MootHere[], cause?: unknown): EntmootError {
  const text = `${label}: ${moots.length} moots are here; name one with -group: ${listOfMoots(moots)}`;
  return new EntmootError("invalid_argument", text, { cause });
}

/**
 * The one of `moots` that has the name. `noId`: why the name is no id, where it might have been meant for one. Throws
 * `invalid_argument` where several may have it, `group_not_found` where none has, saying which there are.
 */
export function theMootCalled(
  label: string,
  text: string,
  moots: readonly MootHere[],
  noId = `${label}: expected an id of 32 bytes in base64 or hex, or a name, found ${JSON.stringify(shown(text))}`,
): MootHere {
  const [found, ...others] = moots.filter(({ name }) => name !== undefined && trimSpace(name) === trimSpace(text));
  if (found === undefined) {
    const known = moots.length === 0 ? "there is none here" : `here are ${listOfMoots(moots)}`;
    throw new EntmootError("group_not_found", `${noId}; no moot here has that name either: ${known}`);
  }
  const called = JSON.stringify(shown(text));
  const giveId = (which: readonly MootHere[]) => `give the id: ${listOfMoots([found, ...which])}`;
  if (others.length > 0) {
    const several = `${others.length + 1} moots here are called ${called}`;
    throw new EntmootError("invalid_argument", `${label}: ${several}; ${giveId(others)}`);
  }
  const unnamed = moots.filter(({ name }) => name === undefined);
  if (unnamed.length === 0 || !found.isOpen) return found;
  const why = `a moot that cannot be opened may be called ${called} too`;
  throw new EntmootError("invalid_argument", `${label}: ${why}; ${giveId(unnamed)}`);
}

/** Runs `work`, which needs to know the moot, and lists them where none was named and there are several, or says that there is none. */
export async function listingMoots<T>(label: string, asked: MootsAsked, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (!(cause instanceof EntmootError)) throw cause;
    if (cause.code === "group_not_found" && NONE.test(cause.message)) {
      throw new EntmootError("group_not_found", `${label}: ${NO_MOOT}`, { cause });
    }
    if (cause.code !== "invalid_argument" || !UNNAMED.test(cause.message)) throw cause;
    throw several(label, await lookUp(asked.options, asked.timeoutMs), cause);
  }
}

/** Loaded only where a name has to be looked up. */
async function lookUp(options: GlobalOptions, timeoutMs: number | undefined): Promise<readonly MootHere[]> {
  const { mootsHere } = await import("../../daemon/moots-here.ts");
  return mootsHere(options, timeoutMs);
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

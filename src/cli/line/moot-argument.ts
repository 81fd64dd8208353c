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
    const moots = await lookUp(options, timeoutMs);
    const [found, ...others] = moots.filter(({ name }) => name === text);
    const unnamed = moots.filter((moot) => moot.name === undefined);
    if (found !== undefined && others.length === 0) {
      if (unnamed.length === 0 || !found.isOpen) return found.group_id;
      const why = `that cannot be opened may be called ${JSON.stringify(shown(text))} too`;
      throw new EntmootError(
        "invalid_argument",
        `${label}: a moot ${why}; give the id: ${listOfMoots([found, ...unnamed])}`,
      );
    }
    if (found !== undefined) {
      const called = `${others.length + 1} moots here are called ${JSON.stringify(shown(text))}`;
      throw new EntmootError(
        "invalid_argument",
        `${label}: ${called}; give the id: ${listOfMoots([found, ...others])}`,
      );
    }
    const known = moots.length === 0 ? "there is none here" : `here are ${listOfMoots(moots)}`;
    throw new EntmootError("group_not_found", `${cause.message}; no moot here has that name either: ${known}`, {
      cause,
    });
  }
}

/** Runs `work`, which needs to know the moot, and lists them where there are several and none was named. */
export async function listingMoots<T>(label: string, asked: MootsAsked, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (!(cause instanceof EntmootError && cause.code === "invalid_argument" && UNNAMED.test(cause.message)))
      throw cause;
    const moots = await lookUp(asked.options, asked.timeoutMs);
    const text = `${label}: ${moots.length} moots are here; name one with -group: ${listOfMoots(moots)}`;
    throw new EntmootError("invalid_argument", text, { cause });
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

import { trimSpace } from "../../core/bytes/text.ts";
import { EntmootError } from "../../core/errors.ts";
import type { GroupId } from "../../core/ids.ts";
import type { GlobalOptions } from "../../daemon/options.ts";
import { type MootHere, NO_MOOT, onlyMoot, severalMoots, theMootCalled } from "../../view/which-moot.ts";
import { parseGroupId } from "./group-argument.ts";

/** What a node says, to clients of the original too, when a moot has to be named. */
const UNNAMED = /group_id is required when multiple groups are active|pass -group to disambiguate/;
/** The same where it has none. */
const NONE = /no active groups|no joined groups/;
/** What to do then. */
const NAME_ONE = "name one with -group";

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
    return theMootCalled(label, text, await lookUp(options, timeoutMs)).group_id;
  }
}

/**
 * As `parseMoot`; without `-group` the only moot that is here. Throws `invalid_argument` listing them where there are several, and
 * `group_not_found` where there is none.
 */
export async function oneMoot(label: string, text: string | undefined, asked: MootsAsked): Promise<GroupId> {
  if (text !== undefined) return parseMoot(label, text, asked);
  return onlyMoot(label, await lookUp(asked.options, asked.timeoutMs), NAME_ONE).group_id;
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
    throw severalMoots(label, await lookUp(asked.options, asked.timeoutMs), NAME_ONE, cause);
  }
}

/** Loaded only where a name has to be looked up. */
async function lookUp(options: GlobalOptions, timeoutMs: number | undefined): Promise<readonly MootHere[]> {
  const { mootsHere } = await import("../../daemon/moots-here.ts");
  return mootsHere(options, timeoutMs);
}

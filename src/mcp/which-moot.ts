import { EntmootError } from "../core/errors.ts";
import { type MootStatus, status } from "../node/operations/daemon.ts";
import { mootsOfStatus, onlyMoot, whichMoot as theMoot } from "../view/which-moot.ts";
import type { ToolCall } from "./tool.ts";

/** The moots that this server speaks of. */
export async function mootsOf({ node, only, signal }: ToolCall): Promise<readonly MootStatus[]> {
  const { groups } = await node.call(status, {}, { signal });
  return only === undefined ? groups : groups.filter(({ group_id }) => group_id === only);
}

/**
 * The moot that an agent means by `text`; without it the only one that this server speaks of. Throws `group_not_found` and
 * `invalid_argument`, listing those there are.
 */
export async function whichMoot(
  { node, only, signal }: ToolCall,
  text: string | undefined,
  label = "group",
): Promise<MootStatus> {
  const answer = await node.call(status, {}, { signal });
  const all = mootsOfStatus(answer);
  const moots = only === undefined ? all : all.filter(({ group_id }) => group_id === only);
  const open = moots.filter(({ isOpen }) => isOpen);
  const meant =
    text === undefined ? onlyMoot(label, open, "say which by its id or its name") : theMoot(label, text, moots);
  const found = answer.groups.find(({ group_id }) => group_id === meant.group_id);
  if (found !== undefined) return found;
  throw new EntmootError(
    "group_not_found",
    `${label}: that moot cannot be opened; its operator sees why by: entmootd doctor`,
  );
}

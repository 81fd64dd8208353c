import { shownLine } from "../core/bytes/shown-text.ts";
import { trimSpace } from "../core/bytes/text.ts";
import { EntmootError } from "../core/errors.ts";
import { GroupId } from "../core/ids.ts";
import { type MootStatus, status } from "../node/operations/daemon.ts";
import type { ToolCall } from "./tool.ts";

/** Ours. Of the moots there are, an error lists as many as a model reads. */
const LISTED_MAX = 8;

/** The moots that this server speaks of. */
export async function mootsOf({ node, only, signal }: ToolCall): Promise<readonly MootStatus[]> {
  const { groups } = await node.call(status, {}, { signal });
  return only === undefined ? groups : groups.filter(({ group_id }) => group_id === only);
}

/**
 * The moot that an agent means by `text`: an id in base64 or hex, or the name of one; without it the only one there is. Throws
 * `group_not_found` and `invalid_argument`, listing those there are.
 */
export async function whichMoot(call: ToolCall, text: string | undefined): Promise<MootStatus> {
  const moots = await mootsOf(call);
  const asked = text === undefined ? undefined : trimSpace(text);
  const found = asked === undefined ? moots : moots.filter((moot) => isCalled(moot, asked));
  if (found.length === 1) return found[0]!;
  if (moots.length === 0) throw new EntmootError("group_not_found", "group: this node is in no moot yet");
  const list = moots
    .slice(0, LISTED_MAX)
    .map(({ group_id, name }) => `${GroupId.toBase64(group_id)} (${shownLine(name)})`);
  const which = asked === undefined ? `expected which of ${moots.length} moots` : `expected one moot here called so`;
  const why = `group: ${which}, found ${found.length === 0 ? "none" : found.length}; give the id of one: ${list.join(", ")}`;
  throw new EntmootError(found.length === 0 ? "group_not_found" : "invalid_argument", why);
}

function isCalled({ group_id, name }: MootStatus, text: string): boolean {
  if (trimSpace(name) === text) return true;
  const plain = text.replaceAll("-", "+").replaceAll("_", "/").replace(/=+$/, "");
  const id = GroupId.toBase64(group_id).replace(/=+$/, "");
  return plain === id || text.toLowerCase() === group_id;
}

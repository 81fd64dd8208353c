import { EntmootError } from "../../core/errors.ts";
import type { GroupId } from "../../core/ids.ts";
import type { GlobalOptions } from "../../daemon/options.ts";
import type { Operations } from "../../node/operations/operation.ts";
import { whichMember } from "../../view/which-member.ts";
import { parseNodeId } from "./group-argument.ts";

/** A flag of who only looks: what is shown changes nothing, so a name is good enough where one member has it. */
export const authorFlag = {
  author: {
    type: "string",
    valueHint: "MEMBER",
    description: "only messages of this member: its node id, its name, or its key or the first 8 characters of that",
  },
} as const;

interface AuthorAsked {
  readonly options: GlobalOptions;
  readonly node: Pick<Operations, "call">;
  /** All moots of the node when absent. */
  readonly group_id: GroupId | undefined;
}

/** A node id is taken as it is, also of who is no member any more. Throws `invalid_argument` for one that is too large. */
export function authorId(label: string, text: string | undefined): number | undefined {
  return text !== undefined && /^\s*\d+\s*$/.test(text) ? parseNodeId(label, text) : undefined;
}

/** The node id of who is named. Throws `invalid_argument` where nobody or more than one is, naming `label`. */
export async function authorNamed(
  label: string,
  text: string | undefined,
  { group_id, node, options }: AuthorAsked,
): Promise<number | undefined> {
  if (text === undefined) return undefined;
  const id = authorId(label, text);
  if (id !== undefined) return id;
  const { mootsHere } = await import("../../daemon/moots-here.ts");
  const open = async () => (await mootsHere(options, undefined)).filter(({ isOpen }) => isOpen);
  const moots = group_id === undefined ? (await open()).map((moot) => moot.group_id) : [group_id];
  const words = { lists: 'a number is a node id; "entmootd roster list" lists names', moot: "with -group" };
  try {
    return (await whichMember(text, { node, moots, orSelf: true, words })).member.node_id;
  } catch (cause) {
    if (!(cause instanceof EntmootError)) throw cause;
    throw new EntmootError(cause.code, `${label}: ${cause.message}`, { cause });
  }
}

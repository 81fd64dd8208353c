import { nameForm } from "../core/agents/mentions.ts";
import { EntmootError } from "../core/errors.ts";
import { GroupId } from "../core/ids.ts";
import { idBytes, isIdStart, standardId } from "../core/written-id.ts";
import { type MemberRow, members } from "../node/operations/moots.ts";
import type { Operations } from "../node/operations/operation.ts";
import { terminalText } from "./terminal-text.ts";

/** Ours. Members that an error lists, and how much of a name. */
const LISTED_MAX = 8;
const NAME_SHOWN = 80;

/** Who is asked, and how a message names it. */
export interface MemberMeant {
  readonly group_id: GroupId;
  readonly member: MemberRow;
  readonly mention: string;
}

interface MeantParts {
  readonly node: Pick<Operations, "call">;
  readonly moots: readonly GroupId[];
  /** What lists the members, and how a moot is named: each door has its own words. */
  readonly words: { readonly lists: string; readonly moot: string };
  /** This node itself may be meant as well. */
  readonly orSelf?: boolean;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The other member that `word` names in one of the moots: by its hostname, its node id, its key or the first eight characters of that, or more. Throws `not_found`, and
 * `invalid_argument` where several members are meant, or one in several moots.
 */
export async function whichMember(
  word: string,
  { moots, node, orSelf = false, signal, words }: MeantParts,
): Promise<MemberMeant> {
  const name = word.trim().replace(/^(?:@agent-|@|node:)/i, "");
  const found: MemberMeant[] = [];
  for (const group_id of moots) {
    const { members: rows } = await node.call(members, { group_id }, { signal });
    for (const member of rows) {
      if ((orSelf || !member.self) && isNamed(member, name))
        found.push({ group_id, member, mention: mentionOf(member, rows) });
    }
  }
  const [first, second] = found;
  const shown = JSON.stringify(terminalText(word, NAME_SHOWN));
  if (first === undefined) {
    throw new EntmootError("not_found", `no ${orSelf ? "" : "other "}member is called ${shown} here; ${words.lists}`);
  }
  if (second === undefined) return first;
  const ids = found
    .slice(0, LISTED_MAX)
    .map(({ group_id, member }) => `@${member.node_id} in ${GroupId.toBase64(group_id)}`);
  throw new EntmootError(
    "invalid_argument",
    `${found.length} members are meant by ${shown}; name one by its id, and its moot ${words.moot}: ${ids.join(", ")}`,
  );
}

function isNamed({ entmoot_pubkey, hostname, node_id }: MemberRow, name: string): boolean {
  if (/^\d{1,10}$/.test(name)) return node_id === Number(name);
  const key = idBytes(name);
  if (key !== undefined) return entmoot_pubkey.toBase64() === key.toBase64();
  return beginsKey(entmoot_pubkey, name) || (nameForm(hostname) !== "" && nameForm(hostname) === nameForm(name));
}

/** Whether the key begins so, as it is shown. */
export function beginsKey(key: Uint8Array, start: string): boolean {
  return isIdStart(start) && key.toBase64().startsWith(standardId(start));
}

/** By its name where that is one word and its own alone; else by its id, which names nobody else. */
function mentionOf(member: MemberRow, rows: readonly MemberRow[]): string {
  const form = nameForm(member.hostname);
  const isItsOwn = form !== "" && rows.filter(({ hostname }) => nameForm(hostname) === form).length === 1;
  return isItsOwn && /^[\p{L}\p{N}_][\p{L}\p{M}\p{N}_.-]*(?<![.-])$/u.test(member.hostname)
    ? `@${member.hostname}`
    : `@${member.node_id}`;
}

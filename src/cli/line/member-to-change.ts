import { nameForm } from "../../core/agents/mentions.ts";
import { trimSpace } from "../../core/bytes/text.ts";
import { EntmootError } from "../../core/errors.ts";
import type { GroupId } from "../../core/ids.ts";
import { idBytes } from "../../core/written-id.ts";
import { status } from "../../node/operations/daemon.ts";
import { type MemberRow, members } from "../../node/operations/moots.ts";
import type { Operations } from "../../node/operations/operation.ts";
import { terminalText } from "../../view/terminal-text.ts";
import { beginsKey } from "../../view/which-member.ts";
import { canAsk, requireYes } from "./yes.ts";

/** Ours. Of a name in a question. */
const NAME_SHOWN = 80;

interface MemberAsked {
  readonly node: Pick<Operations, "call">;
  /** All moots of the node when absent. */
  readonly group_id: GroupId | undefined;
  /** What is about to be done with it, such as `mute it?`. */
  readonly question: string;
}

/**
 * The member that somebody names who is about to change something: a key or a node id as it is. A name is what a member calls
 * itself, and another may call itself so tomorrow, as keys may begin alike: it, or the beginning of a key, is taken on a terminal alone, once the key was shown and said yes to, and
 * gives that key. Where no member, or more than one, has it, the node says so. Throws `invalid_argument` for a no.
 */
export async function memberToChange(label: string, text: string, asked: MemberAsked): Promise<string> {
  const word = trimSpace(text).replace(/^(?:@agent-|@|node:)/i, "");
  if (word === "" || /^\d{1,10}$/.test(word) || idBytes(word) !== undefined) return text;
  const [found, ...others] = await called(word, asked);
  if (found === undefined || others.length > 0) return text;
  const key = found.entmoot_pubkey.toBase64();
  const shown = JSON.stringify(terminalText(word, NAME_SHOWN));
  const who = `node ${found.node_id}, key ${key}`;
  const isName = nameForm(found.hostname) === nameForm(word);
  const what = isName ? "is what a member calls itself, as anybody may" : "is how the key of a member begins";
  const refused = `${shown} ${what}; name it by its whole key or node id: ${who}`;
  if (!canAsk()) throw new EntmootError("invalid_argument", refused);
  requireYes(
    label,
    `${shown} ${isName ? "is what this member calls itself" : "is how the key of this member begins"}: ${who}`,
    { question: asked.question, refused },
  );
  return key;
}

/** Each key once. */
async function called(word: string, { group_id, node }: MemberAsked): Promise<MemberRow[]> {
  const moots = group_id === undefined ? (await node.call(status, {})).groups.map((moot) => moot.group_id) : [group_id];
  const found = new Map<string, MemberRow>();
  for (const id of moots) {
    for (const row of (await node.call(members, { group_id: id })).members) {
      const isCalled = nameForm(row.hostname) !== "" && nameForm(row.hostname) === nameForm(word);
      if (isCalled || beginsKey(row.entmoot_pubkey, word)) {
        found.set(row.entmoot_pubkey.toHex(), row);
      }
    }
  }
  return [...found.values()];
}

import { nameForm } from "../../core/agents/mentions.ts";
import { trimSpace } from "../../core/bytes/text.ts";
import type { Clock } from "../../core/clock.ts";
import { EntmootError } from "../../core/errors.ts";
import { PublicKey } from "../../core/ids.ts";
import { profileName } from "../group/profiles.ts";
import type { Moot } from "../read/moots.ts";

/** Ours. Of several members with one name a refusal lists so many keys. */
const LISTED_MAX = 8;

/** A member somebody named. */
export interface NamedMember {
  readonly key: PublicKey;
  readonly moot: Moot;
}

/**
 * The member of one of `moots` that `text` names: by a node id, a key (base64 or hex), or a hostname, each with `@` ahead or
 * without. Throws `not_found` where it is nobody's, `invalid_argument` where several members have it.
 */
export function namedMember(moots: readonly Moot[], text: string, clock: Clock): NamedMember {
  const word = trimSpace(text).replace(/^(?:@agent-|@|node:)/i, "");
  if (word === "")
    throw new EntmootError("invalid_argument", "member: expected a node id, a key or a name, found nothing");
  const wanted = matcher(word);
  const now = clock.unix();
  const found = new Map<PublicKey, Moot>();
  for (const moot of moots) {
    for (const [key, member] of moot.roster.members) {
      if (wanted({ key, nodeId: member.pilot_node_id, name: () => profileName(moot, member, now) }))
        found.set(key, moot);
    }
  }
  const [first, second] = found;
  const shown = JSON.stringify(word.slice(0, 80));
  if (first === undefined) {
    throw new EntmootError(
      "not_found",
      `member ${shown}: no current member has this id, key or name; "entmootd peers -group MOOT" lists those of a moot`,
    );
  }
  if (second === undefined) return { key: first[0], moot: first[1] };
  const keys = [...found.keys()].slice(0, LISTED_MAX).map((key) => PublicKey.toBase64(key));
  const more = found.size > LISTED_MAX ? ` and ${found.size - LISTED_MAX} more` : "";
  throw new EntmootError(
    "invalid_argument",
    `member ${shown}: ${found.size} members have it; name one by its key: ${keys.join(", ")}${more}`,
  );
}

interface Candidate {
  readonly key: PublicKey;
  readonly nodeId: number;
  readonly name: () => string;
}

function matcher(word: string): (member: Candidate) => boolean {
  const key = keyNamed(word);
  if (key !== undefined) return (member) => member.key === key;
  if (/^\d{1,10}$/.test(word)) return ({ nodeId }) => nodeId === Number(word);
  const form = nameForm(word);
  return ({ name }) => form !== "" && nameForm(name()) === form;
}

function keyNamed(word: string): PublicKey | undefined {
  if (/^[0-9a-f]{64}$/i.test(word)) return PublicKey.fromHex(word.toLowerCase());
  if (!/^[A-Za-z0-9+/_-]{43}=?$/.test(word)) return undefined;
  const standard = word.replaceAll("-", "+").replaceAll("_", "/").replace("=", "");
  try {
    return PublicKey.fromBytes(Uint8Array.fromBase64(standard));
  } catch {
    return undefined;
  }
}

import { sizeText } from "./amounts.ts";
import { PublicKey } from "./ids.ts";
import type { PolicyHistory } from "./policy/policy-history.ts";
import { isPolicyUpdate, POLICY_UPDATE_BYTES_MAX } from "./policy/policy-update.ts";
import { type MessageFields, messageIdOf } from "./record/message.ts";
import { keyOf } from "./record/node-key.ts";
import type { Message, NodeInfo } from "./record/records.ts";
import type { RosterLog } from "./roster/roster-log.ts";
import { verifySignature } from "./signature.ts";

/** Ours. Full canonical bytes of one message at most; a frame of ours on a peer stream holds 1 MiB. */
export const MESSAGE_MAX_BYTES = 1_000_000;
/** Ours. The original writes at most three; some room for programs that gather threads. */
export const MESSAGE_PARENTS_MAX = 64;
/** Ours. Room for programs that quote; the original writes none. */
export const MESSAGE_REFERENCES_MAX = 256;

/** All that the rule looks at in a message: nothing of when, by whom or by which way it came. */
export interface MessageFacts {
  readonly author: NodeInfo;
  /** int64, Unix milliseconds: the message's own date. */
  readonly timestamp: bigint;
  readonly topics: readonly string[];
  readonly contentBytes: number;
  /** How many. */
  readonly parents: number;
  readonly references: number;
  /** Of the full canonical form, `id` and `signature` with it. */
  readonly canonicalBytes: number;
  /** Whether its id is the hash of its signing form. */
  readonly idIsHash: boolean;
  /** Whether this key made its signature. Asked last, of as few keys as may be. */
  readonly isSignedBy: (key: Uint8Array) => boolean;
}

/** Whether a message is kept. */
export type Kept =
  | {
      readonly kept: true;
      /** The key that signed it. */
      readonly key: Uint8Array;
    }
  | NotKept;

/** Why a message is not kept, and what may change that. */
export type NotKept = { readonly kept: false /** For people. */; readonly reason: string } & (
  | {
      /** Its shape: for good, and at every member. */
      readonly until: "never";
      readonly fault: "too_long" | "too_many_parents" | "too_many_references" | "bad_id";
    }
  | {
      /** No entry of the roster log up to here gives its author a key that signed it. A later one may. */
      readonly until: "roster";
      readonly fault: "not_member" | "signature_invalid";
      /** The key it names and that signed it: then it waits for an entry that gives its author this key. */
      readonly signedBy: PublicKey | undefined;
    }
  | {
      /** The policy of its date. A message of the founder that comes later may say another. */
      readonly until: "policy";
      readonly fault: "too_large";
    }
);

/**
 * The one rule by which a group keeps a message, the same for every member and every way in. It depends on the message,
 * the roster log and the history of policies alone, so that members who have the same of these keep the same, whatever
 * came in which order. A longer roster log never lets go of what a shorter one kept. See `docs/what-is-kept.md`.
 */
export function whetherKept(facts: MessageFacts, roster: RosterLog, policies: PolicyHistory): Kept {
  const refused = refusedUnsigned(facts, roster, policies);
  if (refused !== undefined) return refused;
  const keys = roster.authorKeys(facts.author);
  const key = keys.find(facts.isSignedBy);
  return key === undefined ? unsigned(facts, keys) : { kept: true, key };
}

/** What the rule says before any signature is looked at: `undefined` when that decides. */
export function refusedUnsigned(facts: MessageFacts, roster: RosterLog, policies: PolicyHistory): NotKept | undefined {
  return shapeFault(facts) ?? sizeFault(facts, roster, policies);
}

/** The keys that may have signed it, likeliest first: its author's, and the one it names. */
export function possibleKeys(author: NodeInfo, roster: RosterLog): readonly Uint8Array[] {
  const keys = roster.authorKeys(author);
  const named = keyOf(author);
  if (named === undefined || keys.some((key) => key.toHex() === named)) return keys;
  return [...keys, PublicKey.toBytes(named)];
}

/**
 * Whether what this key signed comes from somebody who is no member, as far as this roster log knows: kept like all
 * else, and marked. See `docs/what-is-kept.md`.
 */
export function isOutsider(key: Uint8Array, roster: RosterLog): boolean {
  return roster.memberByKey(key) === undefined;
}

/** The facts of a message that was read, with both of its forms. */
export function factsOf(
  message: Message,
  forms: { readonly signing: Uint8Array; readonly canonical: Uint8Array },
): MessageFacts {
  return {
    ...fieldFacts(message),
    canonicalBytes: forms.canonical.length,
    idIsHash: messageIdOf(forms.signing) === message.id,
    isSignedBy: (key) => verifySignature(key, forms.signing, message.signature),
  };
}

/** Those of the facts that stand in the fields, before there is an id or a signature. */
export function fieldFacts(fields: MessageFields): Omit<MessageFacts, "canonicalBytes" | "idIsHash" | "isSignedBy"> {
  const { author, content, parents, references, timestamp, topics } = fields;
  return {
    author,
    timestamp,
    topics,
    contentBytes: content.length,
    parents: parents.length,
    references: references.length,
  };
}

function shapeFault({ canonicalBytes, idIsHash, parents, references }: MessageFacts): NotKept | undefined {
  const never = { kept: false, until: "never" } as const;
  const expected = (most: number, what: string, found: number) =>
    `message: expected at most ${most} ${what}, found ${found}`;
  if (canonicalBytes > MESSAGE_MAX_BYTES) {
    const reason = `message: expected at most ${sizeText(MESSAGE_MAX_BYTES)}, found ${sizeText(canonicalBytes)}`;
    return { ...never, fault: "too_long", reason };
  }
  if (parents > MESSAGE_PARENTS_MAX) {
    return { ...never, fault: "too_many_parents", reason: expected(MESSAGE_PARENTS_MAX, "parents", parents) };
  }
  if (references > MESSAGE_REFERENCES_MAX) {
    const reason = expected(MESSAGE_REFERENCES_MAX, "references", references);
    return { ...never, fault: "too_many_references", reason };
  }
  return idIsHash ? undefined : { ...never, fault: "bad_id", reason: "message: its id is not its hash" };
}

/** The founder must be able to replace a policy that is too strict, so its updates have room whatever the policy says. */
function sizeFault(facts: MessageFacts, roster: RosterLog, policies: PolicyHistory): NotKept | undefined {
  const { author, contentBytes, timestamp, topics } = facts;
  const most = policies.maxContentBytes(timestamp);
  if (most === undefined || BigInt(contentBytes) <= most) return undefined;
  const isUpdate = isPolicyUpdate({ author: author.pilot_node_id, topics }, roster.founder?.pilot_node_id);
  if (isUpdate && contentBytes <= POLICY_UPDATE_BYTES_MAX) return undefined;
  const reason = `message content is ${sizeText(contentBytes)}, exceeds group max ${sizeText(Number(most))}`;
  return { kept: false, until: "policy", fault: "too_large", reason };
}

function unsigned({ author, isSignedBy }: MessageFacts, keys: readonly Uint8Array[]): NotKept {
  const named = keyOf(author);
  const isOwn = keys.some((key) => key.toHex() === named);
  const signedBy = named !== undefined && !isOwn && isSignedBy(PublicKey.toBytes(named)) ? named : undefined;
  const no = { kept: false, until: "roster", signedBy } as const;
  const reason = "message: its signature does not hold under its author's key";
  if (keys.length > 0) return { ...no, fault: "signature_invalid", reason };
  const isNameless = named === undefined;
  return {
    ...no,
    fault: "not_member",
    reason: isNameless ? "message: its author is not in the roster and names no key" : reason,
  };
}

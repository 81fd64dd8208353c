import { concat } from "../core/bytes/byte-strings.ts";
import { sha256, sha256Hex } from "../core/bytes/sha256.ts";
import { encodeUtf8 } from "../core/bytes/utf8.ts";
import { EntmootError } from "../core/errors.ts";
import { MessageId } from "../core/ids.ts";
import { decodeMessage } from "../core/record/message.ts";
import type { Message } from "../core/record/records.ts";
import type { GroupStore } from "../store/group-store.ts";
import type { Group } from "./group/group.ts";
import { AGENT_PREFIX } from "./operations/consumers.ts";
import type { Caller } from "./operations/implementation.ts";
import type { Published, publish } from "./operations/messages.ts";
import type { RequestOf } from "./operations/operation.ts";

/** Ours. Tokens that a group's database keeps of each kind of caller: of one more the one that came first is forgotten. */
export const TOKENS_KEPT = 4096;
/** Notes of before lay in so many places by the hash of their token, the latest one in each. */
const OLD_PLACES = 4096;

declare const publishToken: unique symbol;

/** What a caller chose, as text that no token of the other kind of caller equals: an agent is never given the owner's answer. */
export type PublishToken = string & { readonly [publishToken]: true };

export function tokenOf(caller: Caller, bytes: Uint8Array): PublishToken {
  return (caller === "agent" ? `${AGENT_PREFIX}${bytes.toHex()}` : bytes.toHex()) as PublishToken;
}

declare const wordsHash: unique symbol;

/** What a message says and where: the same for two requests that mean the same message. */
export type WordsHash = string & { readonly [wordsHash]: true };

export function wordsOf({
  content,
  references = [],
  topics,
}: Pick<RequestOf<typeof publish>, "content" | "references" | "topics">): WordsHash {
  // As it was before a message could name others, so that tokens of then still mean the same.
  const named = references.length === 0 ? "" : `${JSON.stringify([...new Set(references)])}\n`;
  return sha256Hex(concat(encodeUtf8(`${named}${JSON.stringify(topics)}\n`), content)) as WordsHash;
}

/** A request to publish once. */
export interface Once {
  readonly token: PublishToken;
  readonly words: WordsHash;
}

/** Whoever uses a token for something else would be told that it was published. */
export function otherWords(): EntmootError {
  return new EntmootError(
    "conflict",
    "token: another message was published under it in this moot; take a new token for new words",
  );
}

/**
 * What was published under this token and is known to be stored, also by a process before this one. Throws `conflict`
 * when that said something else.
 */
export function publishedBefore(group: Group, { token, words }: Once): Published | undefined {
  const note = noteOf(group.store, token);
  const { self } = group;
  if (note === undefined || self === undefined) return undefined;
  const { id: message_id, nodeId, said, timestamp } = note;
  // Noted first and stored then: after a crash in between, nothing was published.
  if (!group.store.messages.knows(message_id)) return undefined;
  // The oldest notes had neither: the message has both, as long as it is held.
  const held = said === undefined ? group.store.messages.get(message_id) : undefined;
  const message = held === undefined ? undefined : decodeMessage(held.canonical);
  if ((said ?? (message === undefined ? words : wordsOf(message))) !== words) throw otherWords();
  const author = message?.author ?? (nodeId === undefined ? self : { ...self, pilot_node_id: Number(nodeId) });
  return {
    group_id: group.id,
    message_id,
    author,
    timestamp_ms: BigInt(timestamp),
    duplicate: true,
    behind_ms: undefined,
    unmet_mentions: undefined,
  };
}

/** Notes, durably and in one commit, what is about to be stored under a token; the oldest note beyond `TOKENS_KEPT` goes. */
export function notePublishing({ store }: Group, { token, words }: Once, { author, id, timestamp }: Message): void {
  const kind = token.startsWith(AGENT_PREFIX) ? "agent" : "owner";
  const number = countOf(store.getFact(`published/${kind}`)) + 1;
  const slot = `published/${kind}/${number % TOKENS_KEPT}`;
  const oldest = store.getFact(slot);
  store.setFacts([
    ...(oldest === undefined || isRenewed(store, oldest, number - TOKENS_KEPT)
      ? []
      : [[nameOf(oldest), undefined] as const]),
    [nameOf(token), `${token} ${id} ${timestamp} ${words} ${author.pilot_node_id} ${number}`],
    [slot, token],
    [`published/${kind}`, String(number)],
  ]);
}

interface Note {
  readonly id: MessageId;
  readonly timestamp: string;
  readonly said: string | undefined;
  readonly nodeId: string | undefined;
}

function noteOf(store: GroupStore, token: PublishToken): Note | undefined {
  const text = [nameOf(token), oldPlaceOf(token)].map((name) => store.getFact(name)).find((fact) => fact !== undefined);
  const [known, id, timestamp, said, nodeId] = text?.split(" ") ?? [];
  if (known !== token || !/^[0-9a-f]{64}$/.test(id ?? "") || !/^\d{1,20}$/.test(timestamp ?? "")) return undefined;
  return { id: MessageId.fromHex(id!), timestamp: timestamp!, said, nodeId };
}

/** A token that was noted and not stored is noted anew when it is tried again: its note then has a later number. */
function isRenewed(store: GroupStore, token: string, number: number): boolean {
  return countOf(store.getFact(nameOf(token))?.split(" ").at(-1)) !== number;
}

function countOf(text: string | undefined): number {
  return /^\d{1,15}$/.test(text ?? "") ? Number(text) : 0;
}

/** By its whole value: no other token falls on it. */
function nameOf(token: string): string {
  return `published_as/${token}`;
}

function oldPlaceOf(token: PublishToken): string {
  const [high, low] = sha256(encodeUtf8(token));
  return `publish_token/${((high! << 8) | low!) % OLD_PLACES}`;
}

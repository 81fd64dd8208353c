import { concat } from "../core/bytes/byte-strings.ts";
import { sha256, sha256Hex } from "../core/bytes/sha256.ts";
import { encodeUtf8 } from "../core/bytes/utf8.ts";
import { EntmootError } from "../core/errors.ts";
import { MessageId } from "../core/ids.ts";
import { decodeMessage } from "../core/record/message.ts";
import type { Message } from "../core/record/records.ts";
import type { Group } from "./group/group.ts";
import { AGENT_PREFIX } from "./operations/consumers.ts";
import type { Caller } from "./operations/implementation.ts";
import type { Published, publish } from "./operations/messages.ts";
import type { RequestOf } from "./operations/operation.ts";

/**
 * Ours. Places for tokens in a group's database. A token has one place, by its hash, and the latest one in it stays: a
 * retry comes soon, so of the thousands published meanwhile hardly one falls on the same place.
 */
const PLACES = 4096;

declare const publishToken: unique symbol;

/** What a caller chose, as text that no token of the other kind of caller equals: an agent is never given the owner's answer. */
export type PublishToken = string & { readonly [publishToken]: true };

export function tokenOf(caller: Caller, bytes: Uint8Array): PublishToken {
  return (caller === "agent" ? `${AGENT_PREFIX}${bytes.toHex()}` : bytes.toHex()) as PublishToken;
}

declare const wordsHash: unique symbol;

/** What a message says and where: the same for two requests that mean the same message. */
export type WordsHash = string & { readonly [wordsHash]: true };

export function wordsOf({ content, topics }: Pick<RequestOf<typeof publish>, "content" | "topics">): WordsHash {
  return sha256Hex(concat(encodeUtf8(`${JSON.stringify(topics)}\n`), content)) as WordsHash;
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
  const [known, id, timestamp, said, nodeId] = group.store.getFact(placeOf(token))?.split(" ") ?? [];
  const { self } = group;
  if (known !== token || self === undefined) return undefined;
  if (!/^[0-9a-f]{64}$/.test(id ?? "") || !/^\d{1,20}$/.test(timestamp ?? "")) return undefined;
  const message_id = MessageId.fromHex(id!);
  // Noted first and stored then: after a crash in between, nothing was published.
  if (!group.store.messages.knows(message_id)) return undefined;
  // Notes of before had neither: the message has both, as long as it is held.
  const held = said === undefined ? group.store.messages.get(message_id) : undefined;
  const message = held === undefined ? undefined : decodeMessage(held.canonical);
  if ((said ?? (message === undefined ? words : wordsOf(message))) !== words) throw otherWords();
  const author = message?.author ?? (nodeId === undefined ? self : { ...self, pilot_node_id: Number(nodeId) });
  return { group_id: group.id, message_id, author, timestamp_ms: BigInt(timestamp!), duplicate: true };
}

/** Notes, durably, what is about to be stored under a token. */
export function notePublishing(group: Group, { token, words }: Once, { author, id, timestamp }: Message): void {
  group.store.setFact(placeOf(token), `${token} ${id} ${timestamp} ${words} ${author.pilot_node_id}`);
}

function placeOf(token: PublishToken): string {
  const [high, low] = sha256(encodeUtf8(token));
  return `publish_token/${((high! << 8) | low!) % PLACES}`;
}

import { sha256 } from "../core/bytes/sha256.ts";
import { encodeUtf8 } from "../core/bytes/utf8.ts";
import { MessageId } from "../core/ids.ts";
import type { Message } from "../core/record/records.ts";
import type { Group } from "./group/group.ts";
import { AGENT_PREFIX } from "./operations/consumers.ts";
import type { Caller } from "./operations/implementation.ts";
import type { Published } from "./operations/messages.ts";

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

/** What was published under `token` and is known to be stored, also by a process before this one. */
export function publishedBefore(group: Group, token: PublishToken): Published | undefined {
  const [known, id, timestamp] = group.store.getFact(placeOf(token))?.split(" ") ?? [];
  const { self } = group;
  if (known !== token || self === undefined) return undefined;
  if (!/^[0-9a-f]{64}$/.test(id ?? "") || !/^\d{1,20}$/.test(timestamp ?? "")) return undefined;
  const message_id = MessageId.fromHex(id!);
  // Noted first and stored then: after a crash in between, nothing was published.
  if (!group.store.messages.knows(message_id)) return undefined;
  return { group_id: group.id, message_id, author: self, timestamp_ms: BigInt(timestamp!) };
}

/** Notes, durably, what is about to be stored under `token`. */
export function notePublishing(group: Group, token: PublishToken, { id, timestamp }: Message): void {
  group.store.setFact(placeOf(token), `${token} ${id} ${timestamp}`);
}

function placeOf(token: PublishToken): string {
  const [high, low] = sha256(encodeUtf8(token));
  return `publish_token/${((high! << 8) | low!) % PLACES}`;
}

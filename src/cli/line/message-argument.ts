import { trimSpace } from "../../core/bytes/text.ts";
import { EntmootError } from "../../core/errors.ts";
import { type GroupId, MessageId } from "../../core/ids.ts";
import { message_find } from "../../node/operations/inbox.ts";
import type { Operations } from "../../node/operations/operation.ts";
import { idBytes } from "./group-argument.ts";

/** Ours. Characters of an id that a refusal repeats. */
const SHOWN_MAX = 48;
/** Ours. 48 bits of an id: fewer would name several of a large moot. */
const START_MIN = 8;

/** A message as a command names it; `group_id` where it is known which moot it is in. */
export interface NamedMessage {
  readonly message_id: MessageId;
  readonly group_id: GroupId | undefined;
}

/**
 * The message that a whole id names (base64 or hex), or its first characters as it is printed, where no other begins so.
 * Throws `invalid_argument` naming `label`, `not_found`, and as the node that is asked.
 */
export async function parseMessage(
  label: string,
  text: string,
  { group_id, node }: { readonly node: Operations; readonly group_id: GroupId | undefined },
): Promise<NamedMessage> {
  const bytes = idBytes(text);
  if (bytes !== undefined) return { message_id: MessageId.fromBytes(bytes), group_id };
  const start = trimSpace(text);
  const shown = JSON.stringify(start.slice(0, SHOWN_MAX));
  if (start.length < START_MIN || start.length > 44 || !/^[A-Za-z0-9+/_-]+=?$/.test(start)) {
    throw new EntmootError(
      "invalid_argument",
      `${label}: expected a message id, or at least its first ${START_MIN} characters as "entmootd inbox" prints them, found ${shown}`,
    );
  }
  const { found } = await node.call(message_find, { start, group_id });
  const [first] = found;
  if (first === undefined) {
    throw new EntmootError("not_found", `${label}: no message held here has an id that begins with ${shown}`);
  }
  if (found.length === 1) return first;
  const ids = found.map((each) => MessageId.toBase64(each.message_id)).join(", ");
  throw new EntmootError("invalid_argument", `${label}: ${found.length} messages or more begin with ${shown}: ${ids}`);
}

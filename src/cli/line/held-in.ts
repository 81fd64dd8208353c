import { EntmootError } from "../../core/errors.ts";
import { type GroupId, MessageId } from "../../core/ids.ts";
import { message_find } from "../../node/operations/inbox.ts";
import type { Operations } from "../../node/operations/operation.ts";
import type { NamedMessage } from "../../view/which-message.ts";

/** The same with the moot that holds it, where it was named by a whole id. Throws `not_found`. */
export async function heldIn(
  node: Pick<Operations, "call">,
  { group_id, message_id }: NamedMessage,
): Promise<{ readonly group_id: GroupId; readonly message_id: MessageId }> {
  if (group_id !== undefined) return { group_id, message_id };
  const { found } = await node.call(message_find, { start: MessageId.toBase64(message_id).slice(0, 43) });
  const [held] = found;
  if (held !== undefined) return held;
  const why = "no such message is held here; it may not have arrived yet, or be past its retention";
  throw new EntmootError("not_found", why);
}

import { shownLine } from "../core/bytes/shown-text.ts";
import { trimSpace } from "../core/bytes/text.ts";
import { EntmootError } from "../core/errors.ts";
import { type GroupId, MessageId } from "../core/ids.ts";
import { ID_START_MIN, idBytes, isIdStart, standardId } from "../core/written-id.ts";
import { message_find } from "../node/operations/inbox.ts";
import type { Operations } from "../node/operations/operation.ts";

/** Ours. Characters of an id that a refusal repeats. */
const SHOWN_MAX = 48;

/** A message as somebody names it; `group_id` where it is known which moot it is in. */
export interface NamedMessage {
  readonly message_id: MessageId;
  readonly group_id: GroupId | undefined;
}

/** Whom to ask, and within which moot. */
export interface MessageAsked {
  readonly node: Pick<Operations, "call">;
  readonly group_id: GroupId | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The message that a whole id names (base64 or hex), or its first characters as it is shown, where no other begins so.
 * Throws `invalid_argument` naming `label`, `not_found`, and as the node that is asked.
 */
export async function whichMessage(
  label: string,
  text: string,
  { group_id, node, signal }: MessageAsked,
): Promise<NamedMessage> {
  const bytes = idBytes(text);
  if (bytes !== undefined) return { message_id: MessageId.fromBytes(bytes), group_id };
  requireMessageName(label, text);
  const start = trimSpace(text);
  const options = signal === undefined ? {} : { signal };
  const shown = shownStart(start);
  const { found } = await node.call(message_find, { start: standardId(start), group_id }, options);
  const [first] = found;
  if (first === undefined) {
    throw new EntmootError("not_found", `${label}: no message held here has an id that begins with ${shown}`);
  }
  if (found.length === 1) return first;
  const ids = found.map((each) => MessageId.toBase64(each.message_id)).join(", ");
  throw new EntmootError("invalid_argument", `${label}: ${found.length} messages or more begin with ${shown}: ${ids}`);
}

/** Whether a message may be named so, which needs no node to be known. Throws `invalid_argument` naming `label`. */
export function requireMessageName(label: string, text: string): void {
  const start = trimSpace(text);
  if (idBytes(text) !== undefined || isIdStart(start)) return;
  throw new EntmootError(
    "invalid_argument",
    `${label}: expected a message id, or at least its first ${ID_START_MIN} characters as it is shown, found ${shownStart(start)}`,
  );
}

function shownStart(start: string): string {
  return JSON.stringify(shownLine(start.slice(0, SHOWN_MAX)));
}

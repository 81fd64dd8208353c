import { trimSpace } from "../core/bytes/text.ts";
import { EntmootError } from "../core/errors.ts";
import { type GroupId, MessageId } from "../core/ids.ts";
import type { JsonSchema } from "../core/json/json-schema.ts";
import { message_find } from "../node/operations/inbox.ts";
import { type ToolCall, textOf } from "./tool.ts";

/** Ours. A start that is shorter names too many. */
const START_MIN = 8;
const ID_LENGTH = 44;

export const ID_ARGUMENT: JsonSchema = textOf(
  "The message's id, whole as it was shown, or its first 8 characters or more.",
  64,
);

export interface MessageMeant {
  readonly message_id: MessageId;
  readonly group_id: GroupId | undefined;
}

/** The message that an agent means. Throws `invalid_argument` for no id, `not_found`, and `group_not_found` for one of a moot that this server does not speak of. */
export async function whichMessage(call: ToolCall, text: string): Promise<MessageMeant> {
  const start = trimSpace(text).replaceAll("-", "+").replaceAll("_", "/");
  const whole = start.length >= ID_LENGTH - 1 ? wholeId(start) : undefined;
  if (whole !== undefined) return { message_id: whole, group_id: call.only };
  if (start.length < START_MIN || start.length > ID_LENGTH) {
    throw new EntmootError(
      "invalid_argument",
      `id: expected a message id of ${ID_LENGTH} characters or its first ${START_MIN}, found ${start.length}`,
    );
  }
  const { found } = await call.node.call(message_find, { group_id: call.only, start }, { signal: call.signal });
  const [only, ...others] = found;
  if (only === undefined) throw new EntmootError("not_found", "id: no message here begins so");
  if (others.length === 0) return only;
  const ids = found.map(({ message_id }) => MessageId.toBase64(message_id)).join(", ");
  throw new EntmootError("invalid_argument", `id: expected one message, found ${found.length} that begin so: ${ids}`);
}

function wholeId(text: string): MessageId | undefined {
  try {
    const bytes = Uint8Array.fromBase64(text.replace(/=+$/, ""));
    return bytes.length === 32 ? MessageId.fromBytes(bytes) : undefined;
  } catch {
    return undefined;
  }
}

import { EntmootError } from "../core/errors.ts";
import { struct } from "../core/json/json-codec.ts";
import { groupId, i64, messageId, text, u32 } from "../core/json/json-scalars.ts";
import type { Message } from "../core/record/records.ts";
import { publish_signed } from "../node/operations/messages.ts";
import { failureOf, HttpFailure } from "./http-failure.ts";
import type { ServiceContext } from "./route.ts";

/** Wire. What is said of a message that was handed in signed. */
export const publishResult = struct(
  "published message",
  { status: text, message_id: messageId, group_id: groupId, author: u32, timestamp_ms: i64 },
  { required: ["status", "message_id", "group_id", "author", "timestamp_ms"] },
);

/** Hands a signed message to the node: on disk when it resolves, and the same again is answered alike. */
export async function publishSigned(context: Pick<ServiceContext, "node">, message: Message, signal?: AbortSignal) {
  const node = await context.node.writes();
  try {
    const published = await node.call(publish_signed, { message }, { signal });
    const { author, group_id, message_id, timestamp_ms } = published;
    return { status: "accepted", message_id, group_id, author: author.pilot_node_id, timestamp_ms };
  } catch (error) {
    if (!(error instanceof EntmootError) || !TOLD.has(error.code)) throw error;
    const { code, headers, message: why, status } = failureOf(error);
    throw new HttpFailure(status, code, `signed publish: ${why}`, { headers, cause: error });
  }
}

/** What whoever asks can mend. */
const TOLD = new Set(["not_member", "invalid_argument", "signature_invalid", "rate_limited"]);

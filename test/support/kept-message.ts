import { messageCanonical } from "../../src/core/record/message.ts";
import type { Message } from "../../src/core/record/records.ts";
import type { NewMessage } from "../../src/store/group-store.ts";

/** `message` as a store takes it. */
export function keptMessage(message: Message): NewMessage {
  const { id, author, timestamp, topics, parents } = message;
  return { id, author_node_id: author.pilot_node_id, timestamp, topics, parents, canonical: messageCanonical(message) };
}

import { decodeMessage } from "../../core/record/message.ts";
import type { Exempt, MessageStore } from "../../store/group-store.ts";

/** Ours. Messages looked at; more that stay however old they are hide what is behind them. */
const LOOKED_AT = 16;

/** Whether something older than `cutoff` (Unix milliseconds) is held that does not stay for what it is. */
export function isAnyPast(
  messages: Pick<MessageStore, "get" | "placesAfter">,
  cutoff: bigint,
  exempt: Exempt | undefined,
): boolean {
  const oldest = messages.placesAfter(undefined, LOOKED_AT).filter(({ timestamp }) => timestamp < cutoff);
  return oldest.some(({ id }) => {
    const stored = messages.get(id);
    if (stored === undefined) return false;
    const { author, topics } = decodeMessage(stored.canonical);
    return author.pilot_node_id !== exempt?.author_node_id || !topics.includes(exempt.topic);
  });
}

import { decodeMessage } from "../../core/record/message.ts";
import type { Exempt, MessageStore } from "../../store/group-store.ts";

/** Ours. Messages looked at; more that stay however old they are hide what is behind them. */
const LOOKED_AT = 16;

/** Whether something older than `cutoff` (Unix milliseconds) is held that does not stay for what it is. */
export function isAnyPast(messages: Pick<MessageStore, "query">, cutoff: bigint, exempt: Exempt | undefined): boolean {
  const { found } = messages.query({ until: cutoff, order: "asc", limit: LOOKED_AT });
  return found.some(({ canonical }) => {
    const { author, topics } = decodeMessage(canonical);
    return author.pilot_node_id !== exempt?.author_node_id || !topics.includes(exempt.topic);
  });
}

import type { MessageId } from "../ids.ts";

/** The place of a message in the group's time order: by timestamp, then author node id, then id. */
export interface TimePlace {
  /** int64 Unix milliseconds. */
  readonly timestamp: bigint;
  /** uint32. */
  readonly author_node_id: number;
  readonly id: MessageId;
}

/** Negative when `a` comes before `b`. */
export function comparePlaces(a: TimePlace, b: TimePlace): number {
  if (a.timestamp !== b.timestamp) return a.timestamp < b.timestamp ? -1 : 1;
  if (a.author_node_id !== b.author_node_id) return a.author_node_id - b.author_node_id;
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}

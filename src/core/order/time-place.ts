import { MessageId } from "../ids.ts";

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

const LAST_ID = MessageId.fromHex("f".repeat(64));
const LAST_AUTHOR = 0xffffffff;

/** The last place there can be before an instant (Unix milliseconds): where to begin when nothing older is wanted. */
export function placeBefore(timestamp: bigint): TimePlace {
  return { timestamp: timestamp - 1n, author_node_id: LAST_AUTHOR, id: LAST_ID };
}

/** Whether this is what `placeBefore` gives, and so hardly the place of a message. */
export function isPlaceBefore({ author_node_id, id }: TimePlace): boolean {
  return author_node_id === LAST_AUTHOR && id === LAST_ID;
}

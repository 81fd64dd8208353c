import { MessageId } from "../core/ids.ts";
import type { MessageQuery } from "./group-store.ts";
import { INT64_MAX, INT64_MIN } from "./store-limits.ts";

/** A place in time order to compare with; `id` may be one byte longer or empty to lie between real ones. */
export interface Bound {
  readonly timestamp: bigint;
  readonly author: number;
  readonly id: Uint8Array;
}

/** Places in [lo, hi) of the time order. */
export interface TimeRange {
  readonly lo: Bound;
  readonly hi: Bound;
}

const NO_ID = new Uint8Array(0);
const FIRST: Bound = { timestamp: INT64_MIN, author: 0, id: NO_ID };
/** Past every author id, so past every message. */
const END: Bound = { timestamp: INT64_MAX, author: 2 ** 32, id: NO_ID };

/** Messages with timestamp in [since, until). */
export function timeRange(since: bigint | undefined, until: bigint | undefined): TimeRange {
  return { lo: startOf(since, FIRST), hi: startOf(until, END) };
}

/** The places a query looks at. */
export function rangeOf({ since, until, from, order }: Omit<MessageQuery, "limit">): TimeRange {
  const { lo, hi } = timeRange(since, until);
  if (!from) return { lo, hi };
  const place = { timestamp: from.timestamp, author: from.author_node_id, id: MessageId.toBytes(from.id) };
  if (order === "desc") return { lo, hi: compareBounds(place, hi) < 0 ? place : hi };
  const next = placeAfter(place);
  return { lo: compareBounds(next, lo) > 0 ? next : lo, hi };
}

/** The place right after `place`: no id sorts between an id and the same with a zero byte more. */
export function placeAfter(place: Bound): Bound {
  const id = new Uint8Array(place.id.length + 1);
  id.set(place.id);
  return { ...place, id };
}

/** Negative when `a` comes before `b`. */
export function compareBounds(a: Bound, b: Bound): number {
  if (a.timestamp !== b.timestamp) return a.timestamp < b.timestamp ? -1 : 1;
  if (a.author !== b.author) return a.author - b.author;
  return Buffer.compare(a.id, b.id);
}

function startOf(timestamp: bigint | undefined, unbounded: Bound): Bound {
  if (timestamp === undefined || timestamp > INT64_MAX) return unbounded;
  if (timestamp < INT64_MIN) return FIRST;
  return { timestamp, author: 0, id: NO_ID };
}

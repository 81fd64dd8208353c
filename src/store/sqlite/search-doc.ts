/**
 * Numbers of messages in the search index. FTS5 gives what it finds in the order of these, so they sort as messages do in views:
 * the time, then a place among those of one millisecond that follows from the number in the log. Of one millisecond
 * the order is told by author and id once they are found.
 */

/** Numbers for one millisecond. */
const SLOTS = 2n ** 21n;
/** Places looked at for one number: more share one only where millions of messages have one date. */
export const PROBED = 64n;
/** Milliseconds that have numbers of their own, either way of 1970; what lies beyond has those of the last of them. */
const TIME_MAX = 2n ** 42n - 2n;
/** Ours. As far the other way: both ends are alike. */
const TIME_MIN = -TIME_MAX;

export const DOC_MIN = TIME_MIN * SLOTS;
export const DOC_END = (TIME_MAX + 1n) * SLOTS;

/** Times that share their numbers, and those numbers: [start, end). */
export interface DocBucket {
  /** Inclusive; `undefined`: from the beginning. */
  readonly since: bigint | undefined;
  /** Exclusive; `undefined`: to the end. */
  readonly until: bigint | undefined;
  readonly start: bigint;
  readonly end: bigint;
}

/** The first number of messages of this time. */
export function docStart(timestamp: bigint): bigint {
  return (timestamp < TIME_MIN ? TIME_MIN : timestamp > TIME_MAX ? TIME_MAX : timestamp) * SLOTS;
}

/** The first of the numbers that the message may have. */
export function docHome(timestamp: bigint, seq: number): bigint {
  const slot = BigInt(seq) & (SLOTS - 1n);
  return docStart(timestamp) + (slot > SLOTS - PROBED ? SLOTS - PROBED : slot);
}

/** The times that share their numbers with this one. */
export function bucketOf(doc: bigint): DocBucket {
  const time = BigInt.asIntN(64, doc) >> 21n;
  return {
    since: time <= TIME_MIN ? undefined : time,
    until: time >= TIME_MAX ? undefined : time + 1n,
    start: time * SLOTS,
    end: (time + 1n) * SLOTS,
  };
}

import type { MessageId } from "../../core/ids.ts";
import type { FormerPlace } from "./sqlite-pruning.ts";

/** The end of the delivery log within one transaction. */
export class LogEnd {
  /** The highest number given out. */
  seq: number;
  /** What got a number, in the order of the numbers. */
  readonly given: MessageId[] = [];

  constructor({ seq }: { readonly seq: number }) {
    this.seq = seq;
  }

  /** The next number, for this message. */
  give(id: MessageId): number {
    this.given.push(id);
    this.seq += 1;
    return this.seq;
  }
}

/**
 * The number a message is stored at: the one it had, as long as it is on the right side, else the next one of the log, or
 * the next downwards for one set apart.
 */
export function placeOf(
  former: FormerPlace,
  isApart: boolean,
  { apart, seq }: { readonly seq: number /** Ever set apart. */; readonly apart: number },
): number {
  if (typeof former === "number" && former < 0 === isApart) return former;
  return isApart ? -(apart + 1) : seq + 1;
}

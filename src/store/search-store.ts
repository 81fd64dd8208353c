import type { TimePlace } from "../core/order/time-place.ts";
import type { QueryPiece } from "./group-store.ts";

/** What messages may match. Dates and places are those of views, as in `MessageQuery`. */
export interface CandidateQuery {
  /** At least one; each message that matches is found by all of them (`core/search/words.ts`). */
  readonly terms: readonly string[];
  /** Only messages that have exactly this topic. */
  readonly topic?: string;
  readonly author_node_id?: number;
  /** Also messages all of whose topics are reserved. */
  readonly reserved: boolean;
  /** Inclusive Unix ms; `undefined` is unbounded. */
  readonly since?: bigint;
  /** Exclusive Unix ms; `undefined` is unbounded. */
  readonly until?: bigint;
  /** Strictly before this place. */
  readonly from?: TimePlace;
  /** At least 1. */
  readonly limit: number;
}

/** How far an index is. */
export interface IndexProgress {
  readonly done: number;
  readonly of: number;
}

/** Messages of one group by the words in them. What is stored, pruned, shed or placed otherwise is so here with the same commit. */
export interface MessageSearch {
  /**
   * Messages that may match, newest first, a piece at a time; all that match are among them. Without an index all messages
   * may. Costs a few milliseconds, whatever is asked for.
   */
  candidates(query: CandidateQuery): QueryPiece;
  /** While older messages are not all in the index, so that some may not be found; `undefined` once they are, or where there is none to build. */
  progress(): IndexProgress | undefined;
  /** Whether there is an index here; without one each search goes through all messages. */
  readonly isIndexed: boolean;
  /** Whether `index` may have something to do; costs nothing to ask. */
  readonly isBehind: boolean;
  /** Takes some more messages in that were stored before there was an index, durably; whether there may be more. */
  index(): boolean;
}

/** Messages counted, and the bytes of their canonical forms. */
export interface MessageTally {
  messages: number;
  bytes: number;
}

/** A message as it is counted. */
export interface CountedMessage {
  readonly author: number;
  /** As views have it. */
  readonly timestamp: bigint;
  readonly topics: readonly string[];
  readonly bytes: number;
}

/** What is counted of the hours asked for. */
export interface MessageStats {
  readonly authors: ReadonlyMap<number, MessageTally>;
  readonly topics: ReadonlyMap<string, MessageTally>;
  /** By the first hour of each step; steps in which nothing was said are left out. */
  readonly steps: ReadonlyMap<number, MessageTally>;
  /** Whether there were more authors or topics than are counted one by one; those used least are left out. */
  readonly isCut: boolean;
}

/** Hours since 1970, as views date messages: [from, to), counted together in steps of so many that begin at `from`. */
export interface HoursAsked {
  readonly from: number;
  readonly to: number;
  readonly step: number;
}

/** How many messages there are by hour, author and topic, kept with each commit. Those that are not indexed yet are not counted. */
export interface MessageTallies {
  /** The first and last hour that anything is in; `undefined` when there is nothing. */
  hours(): { readonly first: number; readonly last: number } | undefined;
  /** Counts in steps of a few milliseconds, between which others may use the store. */
  statsInSteps(hours: HoursAsked): Generator<undefined, MessageStats>;
}

export const HOUR_MS = 3_600_000;

/** The hour that a time is in. */
export function hourOf(timestamp: bigint): number {
  const hour = timestamp / BigInt(HOUR_MS);
  return Number(timestamp < 0n && hour * BigInt(HOUR_MS) !== timestamp ? hour - 1n : hour);
}

import { isTopic } from "../../core/policy/topic.ts";
import type { MessageQuery, QueryPiece } from "../group-store.ts";
import {
  type CandidateQuery,
  type CountedMessage,
  type HoursAsked,
  hourOf,
  type MessageSearch,
  type MessageStats,
  type MessageTallies,
  type MessageTally,
} from "../search-store.ts";
import { StatsSum } from "../stats-sum.ts";

/** Searching messages in memory: each of them may match. */
export class MemorySearch implements MessageSearch {
  readonly isIndexed = false;
  readonly isBehind = false;
  readonly #query: (query: MessageQuery) => QueryPiece;

  constructor(query: (query: MessageQuery) => QueryPiece) {
    this.#query = query;
  }

  candidates({ reserved: _, terms: __, topic, ...query }: CandidateQuery): QueryPiece {
    return this.#query({ ...query, order: "desc", ...(topic === undefined || !isTopic(topic) ? {} : { topic }) });
  }

  progress(): undefined {
    return undefined;
  }

  index(): boolean {
    return false;
  }
}

/** Counting messages in memory: all are gone through. */
export class MemoryTallies implements MessageTallies {
  readonly #all: () => Iterable<CountedMessage>;

  constructor(all: () => Iterable<CountedMessage>) {
    this.#all = all;
  }

  hours(): { first: number; last: number } | undefined {
    const hours = [...this.#all()].map(({ timestamp }) => hourOf(timestamp)).sort((a, b) => a - b);
    return hours.length === 0 ? undefined : { first: hours[0]!, last: hours.at(-1)! };
  }

  // biome-ignore lint/correctness/useYield: in memory it is one step.
  *statsInSteps({ from, step, to }: HoursAsked): Generator<undefined, MessageStats> {
    const authors = new StatsSum<number>();
    const topics = new StatsSum<string>();
    const steps = new StatsSum<number>();
    for (const message of this.#all()) {
      const hour = hourOf(message.timestamp);
      if (hour < from || hour >= to) continue;
      authors.add(message.author, 1, message.bytes);
      for (const topic of message.topics) topics.add(topic, 1, message.bytes);
      steps.add(from + Math.floor((hour - from) / step) * step, 1, message.bytes);
    }
    const byStep: ReadonlyMap<number, MessageTally> = steps.sums;
    return { authors: authors.sums, topics: topics.sums, steps: byStep, isCut: authors.isCut || topics.isCut };
  }
}

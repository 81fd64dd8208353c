import { BoundedMap } from "../bounded-map.ts";
import { MESSAGE_MAX_BYTES } from "../kept.ts";
import type { Policy } from "./policy.ts";
import { parseByteRate, parseMessageRate, perSecond } from "./rate.ts";

/** What an author wrote, or may write. */
export interface Spending {
  readonly messages: number;
  /** Of the full canonical forms. */
  readonly bytes: number;
}

/** What is held of an author with dates in [from, until), Unix milliseconds. */
export type SpentBy = (author: string, from: number, until: number) => Spending;

/** Ours. A stretch of dates is at least an hour, and so long that its rate is far more than a burst. */
const STRETCH_MIN_MS = 3_600_000;
const STRETCH_FILLS = 10;
/** Ours. Authors and stretches known by heart; past it one is counted in the store again. */
const KNOWN_MAX = 4096;

/** How much of a stretch of dates a policy gives to each author. */
interface Stretch {
  readonly lengthMs: number;
  readonly most: Spending;
}

/**
 * What each author has spent of the rates of a policy by the dates of its messages. Who kept to its rates as it wrote
 * fits, in whatever order its messages come; who makes dates up gets no more than it had all the while.
 */
export class RateLedger {
  readonly #spentBy: SpentBy;
  readonly #spent: BoundedMap<string, Spending>;
  readonly #stretches = new WeakMap<Policy, Stretch>();

  constructor(spentBy: SpentBy) {
    this.#spentBy = spentBy;
    this.#spent = new BoundedMap(KNOWN_MAX);
  }

  /** Whether `author` has room for one more message at a date (Unix milliseconds) that `policy` was in force at. */
  hasRoom(policy: Policy, author: string, date: number, bytes: number): boolean {
    const { most } = this.#stretch(policy);
    const { spent } = this.#at(policy, author, date);
    return spent.messages + 1 <= most.messages && spent.bytes + bytes <= most.bytes;
  }

  /** Notes one that is stored now. */
  spend(policy: Policy, author: string, date: number, bytes: number): void {
    const { key, spent } = this.#at(policy, author, date);
    this.#spent.set(key, { messages: spent.messages + 1, bytes: spent.bytes + bytes });
  }

  /** What is held changed by other ways. */
  forget(): void {
    this.#spent.clear();
  }

  #at(policy: Policy, author: string, date: number): { readonly key: string; readonly spent: Spending } {
    const { lengthMs } = this.#stretch(policy);
    const number = Math.floor(date / lengthMs);
    const key = `${author} ${lengthMs} ${number}`;
    const known = this.#spent.get(key);
    const spent = known ?? this.#spentBy(author, number * lengthMs, (number + 1) * lengthMs);
    if (known === undefined) this.#spent.set(key, spent);
    return { key, spent };
  }

  #stretch(policy: Policy): Stretch {
    const known = this.#stretches.get(policy);
    if (known !== undefined) return known;
    const rates = {
      messages: perSecond(parseMessageRate(policy.message_rate_per_author)),
      bytes: perSecond(parseByteRate(policy.byte_rate_per_author)),
    };
    const bursts = { messages: Number(policy.message_burst_per_author), bytes: Number(policy.byte_burst_per_author) };
    const fillMs = 1000 * Math.max(bursts.messages / rates.messages, bursts.bytes / rates.bytes);
    const lengthMs = Math.max(STRETCH_MIN_MS, Math.ceil(STRETCH_FILLS * fillMs));
    const most = {
      messages: bursts.messages + (rates.messages * lengthMs) / 1000,
      // One at a time may be larger than the burst, and is paid for afterwards.
      bytes: bursts.bytes + (rates.bytes * lengthMs) / 1000 + MESSAGE_MAX_BYTES,
    };
    const stretch = { lengthMs, most };
    this.#stretches.set(policy, stretch);
    return stretch;
  }
}

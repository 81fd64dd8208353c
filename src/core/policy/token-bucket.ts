import { BoundedMap } from "../bounded-map.ts";
import type { SteadyMs, UnixMs } from "../clock.ts";

/** A bucket holds up to `burst` tokens, starts full and refills at `perSecond`. Rate 0 means no limit. */
interface BucketLimit {
  readonly perSecond: number;
  readonly burst: number;
}

/** How an amount greater than the burst is taken. */
interface Overdraft {
  /** A full bucket grants it, and owes the rest then; else it is never granted. */
  readonly mayOwe: boolean;
}

/** Ours. What floating point may lack of a whole token, in seconds of refill; the original's clock ticks as fine. */
const SLACK_SECONDS = 1e-9;

/** What keeps a request waiting. */
export interface Shortage {
  /** Index of the limit that lacks longest. */
  readonly limit: number;
  /** When all of them would grant it, on the clock of the table; `Infinity` for never. */
  readonly at: number;
}

interface Buckets<Instant> {
  /** One for each limit. */
  readonly tokens: number[];
  at: Instant;
}

/**
 * Buckets by key: each key has one bucket for every limit, and a request is granted by all of them or
 * by none, as time goes on one clock. Holds at most `keysMax` keys; past that the one not asked for longest starts afresh.
 */
export class BucketTable<Instant extends UnixMs | SteadyMs> {
  readonly #limits: readonly BucketLimit[];
  readonly #byKey: BoundedMap<string, Buckets<Instant>>;

  constructor(limits: readonly BucketLimit[], keysMax: number) {
    this.#limits = limits;
    this.#byKey = new BoundedMap(keysMax);
  }

  /** Keys held. */
  get size(): number {
    return this.#byKey.size;
  }

  /**
   * Spends `amounts` (one a limit; 0 or less asks nothing) for `key`. `undefined` when granted. When not,
   * nothing is spent and the result says when the same request could be granted, on the same
   * clock: `Infinity` for an amount greater than the burst where nobody may owe.
   */
  spend(
    key: string,
    amounts: readonly number[],
    now: Instant,
    { mayOwe }: Overdraft = { mayOwe: false },
  ): number | undefined {
    const buckets = this.#refilled(key, now);
    const lacking = this.#lacking(buckets.tokens, amounts, { mayOwe });
    if (lacking !== undefined) return Math.ceil(now + lacking.seconds * 1000);
    this.#limits.forEach((limit, i) => {
      if (limit.perSecond > 0) buckets.tokens[i]! -= Math.max(0, amounts[i] ?? 0);
    });
    return undefined;
  }

  /** What would keep the same `spend` waiting; `undefined` when it would be granted. Changes nothing. */
  peek(
    key: string,
    amounts: readonly number[],
    now: Instant,
    overdraft: Overdraft = { mayOwe: false },
  ): Shortage | undefined {
    const lacking = this.#lacking(this.#tokensAt(this.#byKey.get(key), now), amounts, overdraft);
    return lacking && { limit: lacking.limit, at: Math.ceil(now + lacking.seconds * 1000) };
  }

  /** When `key` was last looked at; `undefined` when nothing is known of it. */
  at(key: string): Instant | undefined {
    return this.#byKey.get(key)?.at;
  }

  /** Undoes a `spend` of `key` that was granted. */
  giveBack(key: string, amounts: readonly number[], now: Instant): void {
    const buckets = this.#refilled(key, now);
    this.#limits.forEach(({ burst }, i) => {
      buckets.tokens[i] = Math.min(burst, buckets.tokens[i]! + Math.max(0, amounts[i] ?? 0));
    });
  }

  /** Whether anything is known of `key`; else its buckets are taken for full. */
  has(key: string): boolean {
    return this.#byKey.has(key);
  }

  /** Forgets `key`: its buckets are full again. */
  reset(key: string): void {
    this.#byKey.delete(key);
  }

  #refilled(key: string, now: Instant): Buckets<Instant> {
    const buckets = { tokens: this.#tokensAt(this.#byKey.get(key), now), at: now };
    this.#byKey.set(key, buckets);
    return buckets;
  }

  #tokensAt(buckets: Buckets<Instant> | undefined, now: Instant): number[] {
    if (buckets === undefined) return this.#limits.map(({ burst }) => burst);
    // A clock set back gives nothing, and takes nothing.
    const seconds = Math.max(0, now - buckets.at) / 1000;
    return this.#limits.map(({ perSecond, burst }, i) => Math.min(burst, buckets.tokens[i]! + seconds * perSecond));
  }

  /** The limit that lacks longest; `undefined` where none does. */
  #lacking(
    tokens: readonly number[],
    amounts: readonly number[],
    { mayOwe }: Overdraft,
  ): { readonly limit: number; readonly seconds: number } | undefined {
    let longest = { limit: 0, seconds: SLACK_SECONDS };
    this.#limits.forEach((limit, i) => {
      const amount = amounts[i] ?? 0;
      const seconds = waitFor(limit, tokens[i]!, mayOwe ? Math.min(limit.burst, amount) : amount);
      if (seconds > longest.seconds) longest = { limit: i, seconds };
    });
    return longest.seconds > SLACK_SECONDS ? longest : undefined;
  }
}

/** Seconds until `amount` is there; 0 when it is. */
function waitFor({ burst, perSecond }: BucketLimit, tokens: number, amount: number): number {
  if (amount <= 0 || perSecond <= 0) return 0;
  if (amount > burst) return Number.POSITIVE_INFINITY;
  return Math.max(0, amount - tokens) / perSecond;
}

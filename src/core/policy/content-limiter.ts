import { instantText } from "../amounts.ts";
import type { UnixMs } from "../clock.ts";
import { type Policy, verifyPolicy } from "./policy.ts";
import { parseByteRate, parseMessageRate, perSecond } from "./rate.ts";
import { BucketTable } from "./token-bucket.ts";

/**
 * Ours. Authors whose budgets are remembered; past this the one silent longest has a full one again. With the standard
 * policy two minutes fill a budget, so that is a gain only where as many authors write within two minutes.
 */
export const AUTHORS_MAX = 16_384;

/** What a group's policy looks at in a message that is kept by its shape, author and size; see `core/kept.ts`. */
export interface MessageUnderPolicy {
  /** Whose budget pays: the key of the author, not of who passed the message on. */
  readonly author: string;
  readonly contentBytes: number;
  /** int64, Unix milliseconds. */
  readonly timestamp: bigint;
  /** It says what the policy is: neither its age nor its author's budget counts. */
  readonly isUpdate: boolean;
}

/** When a message is looked at. */
export interface PolicyInstant {
  readonly now: UnixMs;
  /** What is older is past its retention (Unix milliseconds); `undefined` while nobody knows the time well enough to say. */
  readonly oldest: bigint | undefined;
}

/** Why a policy keeps a message out for now. */
export interface PolicyRefusal {
  readonly reason: "too_old" | "rate_limited";
  /** For people. */
  readonly message: string;
  /** When the same message may be tried again, in Unix milliseconds; `undefined` when never. */
  readonly retryAtMs: number | undefined;
}

/** Enforces one group's policy. A new policy is a new limiter, with full budgets. */
export class ContentLimiter {
  readonly policy: Policy;
  /** How long an empty budget takes to be full again, in milliseconds: what an author wrote before that costs nothing now. */
  readonly fillMs: number;
  readonly #budgets: BucketTable<UnixMs>;

  /** Throws `invalid_argument` when the policy is not valid. */
  constructor(policy: Policy) {
    verifyPolicy(policy);
    this.policy = policy;
    const limits = [
      {
        perSecond: perSecond(parseMessageRate(policy.message_rate_per_author)),
        burst: Number(policy.message_burst_per_author),
      },
      {
        perSecond: perSecond(parseByteRate(policy.byte_rate_per_author)),
        burst: Number(policy.byte_burst_per_author),
      },
    ];
    this.fillMs = 1000 * Math.max(...limits.map(({ burst, perSecond }) => burst / perSecond));
    this.#budgets = new BucketTable(limits, AUTHORS_MAX);
  }

  /** Whether `author` has spent anything that is remembered. */
  knows(author: string): boolean {
    return this.#budgets.has(author);
  }

  /**
   * `undefined` when the message may be stored, and then its author has paid for it. Its age is looked at first and
   * costs nothing.
   */
  admit(candidate: MessageUnderPolicy, { now, oldest }: PolicyInstant): PolicyRefusal | undefined {
    const refusal = this.screen(candidate, oldest);
    if (refusal !== undefined || candidate.isUpdate) return refusal;
    return this.spend(candidate.author, candidate.contentBytes, now);
  }

  /** Age alone: what back-filled history is held to, for which its author paid when it was new. */
  screen(candidate: MessageUnderPolicy, oldest: PolicyInstant["oldest"]): PolicyRefusal | undefined {
    const { isUpdate, timestamp } = candidate;
    if (oldest === undefined || isUpdate || timestamp >= oldest) return undefined;
    const message = `message timestamp ${instantText(Number(timestamp))} is older than retention cutoff ${instantText(Number(oldest))}`;
    return { reason: "too_old", message, retryAtMs: undefined };
  }

  /** Spends one message of `contentBytes` from the budget of `author`, or says why not and spends nothing. */
  spend(author: string, contentBytes: number, nowMs: UnixMs): PolicyRefusal | undefined {
    const retryAtMs = this.#budgets.spend(author, [1, contentBytes], nowMs);
    if (retryAtMs === undefined) return undefined;
    const message = `author ${author} is rate limited for now`;
    return { reason: "rate_limited", message, retryAtMs: Number.isFinite(retryAtMs) ? retryAtMs : undefined };
  }
}

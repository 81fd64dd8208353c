import { instantText } from "../amounts.ts";
import { type UnixMs, unixMs } from "../clock.ts";
import { type Policy, verifyPolicy } from "./policy.ts";
import { parseByteRate, parseMessageRate, perSecond } from "./rate.ts";
import type { RateLedger } from "./rate-ledger.ts";
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
  /** Of the full canonical form: parents, references and topics count like content. */
  readonly bytes: number;
  /** int64, Unix milliseconds. */
  readonly timestamp: bigint;
  /** It says what the policy is: neither its age nor its author's budget counts. */
  readonly isUpdate: boolean;
}

/** What a message is charged by. */
export interface Charging {
  readonly now: UnixMs;
  /** When its author was admitted, Unix milliseconds: no earlier date has a budget. */
  readonly admitted: number;
  /** The policy in force at the date of the message. */
  readonly dated: Policy;
  /** What was spent by dates. */
  readonly ledger: RateLedger;
}

/** Why a policy keeps a message out for now. */
export interface PolicyRefusal {
  readonly reason: "too_old" | "rate_limited";
  /** For people. */
  readonly message: string;
  /** When the same message may be tried again, in Unix milliseconds; `undefined` when never. */
  readonly retryAtMs: number | undefined;
}

/** By which of an author's rates a message would have to wait, in the order of the budgets. */
const RATE_RULES = ["message_rate_per_author", "byte_rate_per_author"] as const;

/** What keeps a message from being stored now. */
export interface ForeseenWait {
  readonly rule: (typeof RATE_RULES)[number];
  /** Unix milliseconds. */
  readonly retryAtMs: number;
}

/** Enforces the rates of one policy. A new policy is a new limiter, with full budgets. */
export class ContentLimiter {
  readonly policy: Policy;
  /** How long an empty budget takes to be full again, in milliseconds: what an author wrote before that costs nothing now. */
  readonly fillMs: number;
  readonly #perSecond: { readonly messages: number; readonly bytes: number };
  readonly #budgets: BucketTable<UnixMs>;

  /** Throws `invalid_argument` when the policy is not valid. */
  constructor(policy: Policy) {
    verifyPolicy(policy);
    this.policy = policy;
    this.#perSecond = {
      messages: perSecond(parseMessageRate(policy.message_rate_per_author)),
      bytes: perSecond(parseByteRate(policy.byte_rate_per_author)),
    };
    const limits = [
      { perSecond: this.#perSecond.messages, burst: Number(policy.message_burst_per_author) },
      { perSecond: this.#perSecond.bytes, burst: Number(policy.byte_burst_per_author) },
    ];
    this.fillMs = 1000 * Math.max(...limits.map(({ burst, perSecond }) => burst / perSecond));
    this.#budgets = new BucketTable(limits, AUTHORS_MAX);
  }

  /** Whether `author` has spent anything that is remembered. */
  knows(author: string): boolean {
    return this.#budgets.has(author);
  }

  /**
   * `undefined` when the message may be stored, and then its author has paid for it: at its own date as far as there is
   * room, whatever way it came and however late, else now. Dates made up give nobody more than it had all the while. See
   * `docs/what-is-kept.md`.
   */
  charge(message: MessageUnderPolicy, charging: Charging): PolicyRefusal | undefined {
    const { author, bytes } = message;
    const retryAtMs = this.#wait(message, charging, (at) => {
      return this.#budgets.spend(author, [1, bytes], at, { mayOwe: true });
    });
    if (retryAtMs !== undefined) return limited(author, retryAtMs);
    charging.ledger.spend(charging.dated, author, dateOf(message, charging.now), bytes);
    return undefined;
  }

  /** What would keep `charge` from it now; `undefined` for nothing. Charges nobody. */
  foresee(message: MessageUnderPolicy, charging: Charging): ForeseenWait | undefined {
    const short = this.#wait(message, charging, (at) => {
      return this.#budgets.peek(message.author, [1, message.bytes], at, { mayOwe: true });
    });
    return short && { rule: RATE_RULES[short.limit]!, retryAtMs: short.at };
  }

  /**
   * What keeps a message waiting; `undefined` where it may be stored now. `pay` takes it from the budget as it is at an
   * instant, or says what is short there: one that is too large for a burst is paid for afterwards, and nothing else meanwhile.
   */
  #wait<Short>(
    message: MessageUnderPolicy,
    { admitted, dated, ledger, now }: Charging,
    pay: (at: UnixMs) => Short | undefined,
  ): Short | undefined {
    const { author, bytes } = message;
    const date = dateOf(message, now);
    const last = this.#budgets.at(author) ?? date;
    if (date >= admitted && ledger.hasRoom(dated, author, date, bytes)) {
      // Long enough before what it paid last: how full its budget was then tells nothing of it now.
      if (dated !== this.policy || date < last - this.fillMs) return undefined;
      if (date >= last && pay(date) === undefined) return undefined;
    }
    return pay(unixMs(Math.max(now, last)));
  }

  /** What is past its retention; costs its author nothing. */
  screen(candidate: Omit<MessageUnderPolicy, "bytes">, oldest: bigint | undefined): PolicyRefusal | undefined {
    const { isUpdate, timestamp } = candidate;
    if (oldest === undefined || isUpdate || timestamp >= oldest) return undefined;
    const message = `message timestamp ${instantText(Number(timestamp))} is older than retention cutoff ${instantText(Number(oldest))}`;
    return { reason: "too_old", message, retryAtMs: undefined };
  }

  /** Spends one message of `bytes` from the budget of `author`, or says why not and spends nothing. */
  spend(author: string, bytes: number, nowMs: UnixMs): PolicyRefusal | undefined {
    const retryAtMs = this.#budgets.spend(author, [1, bytes], nowMs);
    if (retryAtMs === undefined) return undefined;
    return limited(author, Number.isFinite(retryAtMs) ? retryAtMs : undefined);
  }

  /** For how long the rates of an author are taken by one message, in milliseconds. */
  takesMs(bytes: number): number {
    return 1000 * Math.max(1 / this.#perSecond.messages, bytes / this.#perSecond.bytes);
  }
}

/** What lies ahead pays now. */
function dateOf({ timestamp }: MessageUnderPolicy, now: UnixMs): UnixMs {
  return timestamp > BigInt(Math.floor(now)) ? now : unixMs(Number(timestamp));
}

function limited(author: string, retryAtMs: number | undefined): PolicyRefusal {
  return { reason: "rate_limited", message: `author ${author} is rate limited for now`, retryAtMs };
}

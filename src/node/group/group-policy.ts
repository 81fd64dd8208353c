import { type UnixMs, unixMs } from "../../core/clock.ts";
import { EntmootError } from "../../core/errors.ts";
import type { TimePlace } from "../../core/order/time-place.ts";
import { ContentLimiter, type PolicyRefusal } from "../../core/policy/content-limiter.ts";
import { formatPolicy, type Policy, parsePolicy } from "../../core/policy/policy.ts";
import { PolicyHistory } from "../../core/policy/policy-history.ts";
import { isPolicyUpdate } from "../../core/policy/policy-update.ts";
import { decodeMessage } from "../../core/record/message.ts";
import type { Message } from "../../core/record/records.ts";
import { isNews, type Via } from "../../machine/event.ts";
import type { GroupStore } from "../../store/group-store.ts";

/** Ours. Of what an author published before a restart, so much is looked at, and no older than this. */
const RECALLED_MAX = 1024;
const RECALL_MS = 3_600_000;

/** The name of the fact a group's policy is kept under, as JSON text. */
export const POLICY_FACT = "policy";

export interface PolicySubject {
  readonly author: number;
  /** See `isPolicyUpdate`. */
  readonly isUpdate: boolean;
  readonly timestamp: bigint;
  readonly contentBytes: number;
  readonly via: Via;
  readonly now: UnixMs;
  /** Messages older than this are past their retention, Unix milliseconds; `undefined` while nobody can say. */
  readonly oldest: bigint | undefined;
}

/** The policy of one group on this node; without one everything is allowed. */
export class GroupPolicy {
  readonly #store: GroupStore;
  readonly #founder: () => number | undefined;
  #limiter: ContentLimiter | undefined;
  #history: PolicyHistory | undefined;
  /** Whether what is stored counts, of an author of whom nothing is known: a policy that was set meanwhile starts afresh. */
  #recalls = true;

  /** `founder`: its node id. Throws `invalid_argument` or `malformed_frame` when what is kept is no policy. */
  constructor(store: GroupStore, founder: () => number | undefined) {
    this.#store = store;
    this.#founder = founder;
    const kept = store.getFact(POLICY_FACT);
    this.#limiter = kept === undefined ? undefined : new ContentLimiter(parsePolicy(kept));
  }

  /** What a message of some date is held to: here the policy of today at all dates. */
  get history(): PolicyHistory {
    this.#history ??= new PolicyHistory(this.current);
    return this.#history;
  }

  get current(): Policy | undefined {
    return this.#limiter?.policy;
  }

  /** As JSON text; empty for none. */
  get text(): string {
    return this.#limiter === undefined ? "" : formatPolicy(this.#limiter.policy);
  }

  /**
   * Takes the founder's policy where this node has none, so that members hold themselves to what others would
   * refuse. A text that is no policy changes nothing.
   */
  adopt(text: string): void {
    if (this.#limiter !== undefined || text === "") return;
    try {
      this.set(parsePolicy(text));
    } catch (error) {
      if (!(error instanceof EntmootError)) throw error;
    }
  }

  /** Keeps a policy, or none, and starts with full budgets. Throws `invalid_argument`. */
  set(policy: Policy | undefined): void {
    const limiter = policy === undefined ? undefined : new ContentLimiter(policy);
    this.#store.setFact(POLICY_FACT, policy === undefined ? undefined : formatPolicy(policy));
    this.#limiter = limiter;
    this.#history = undefined;
    this.#recalls = false;
  }

  /** `undefined` when a message that is kept may be stored now; its author has paid then. */
  check({ author, now, oldest, via, ...subject }: PolicySubject): PolicyRefusal | undefined {
    if (this.#limiter === undefined) return undefined;
    const candidate = { ...subject, author: String(author) };
    if (via === "publish") this.#recall(this.#limiter, { author, now });
    return isNews(via) ? this.#limiter.admit(candidate, { now, oldest }) : this.#limiter.screen(candidate, oldest);
  }

  /** Takes from the budget of who publishes here what a process before this one let it publish. */
  #recall(limiter: ContentLimiter, { author, now }: Pick<PolicySubject, "author" | "now">): void {
    const key = String(author);
    if (!this.#recalls || limiter.knows(key)) return;
    const since = BigInt(Math.floor(now - Math.min(limiter.fillMs, RECALL_MS)));
    const query = {
      author_node_id: author,
      since,
      until: BigInt(now) + 1n,
      order: "desc",
      limit: RECALLED_MAX,
    } as const;
    const found: Message[] = [];
    let from: TimePlace | undefined;
    do {
      const piece = this.#store.messages.query(from === undefined ? query : { ...query, from });
      found.push(...piece.found.map(({ canonical }) => decodeMessage(canonical)));
      from = piece.rest;
    } while (from !== undefined && found.length < RECALLED_MAX);
    for (const { content, timestamp, topics } of found.reverse()) {
      const isUpdate = isPolicyUpdate({ author, topics }, this.#founder());
      const message = { author: key, isUpdate, contentBytes: content.length, timestamp };
      limiter.admit(message, { now: unixMs(Number(timestamp)), oldest: undefined });
    }
  }
}

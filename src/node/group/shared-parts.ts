import { type Clock, later, type SteadyMs } from "../../core/clock.ts";
import type { PublicKey } from "../../core/ids.ts";
import type { CopyPart } from "../../core/order/copy-part.ts";
import { startOfDay } from "../../core/policy/retention.ts";
import type { MessageStore } from "../../store/group-store.ts";

/** Ours. A pass over the index for the part from some day on is not made again before so many times as long: 2 % of the time. */
const BUILD_REST = 50;

/** Ours. A member's days move once a day; one that names others sooner is not followed. */
const DAY_CHANGES_EVERY_MS = 3_600_000;

interface NamedDay {
  readonly sinceMs: number;
  readonly at: SteadyMs;
}

/**
 * The part of a copy that is compared with each member. Members choose from which day on, so what it costs to follow
 * them is bounded for each and in all.
 */
export class SharedParts {
  readonly #messages: Pick<MessageStore, "sharedSince">;
  readonly #clock: Pick<Clock, "steady">;
  /** Only members, so the roster bounds it. */
  readonly #named = new Map<PublicKey, NamedDay>();
  #buildAt: SteadyMs | undefined;

  constructor(messages: Pick<MessageStore, "sharedSince">, clock: Pick<Clock, "steady">) {
    this.#messages = messages;
    this.#clock = clock;
  }

  /** Who is no member any more is forgotten. */
  setMembers(others: ReadonlySet<PublicKey>): void {
    for (const peer of this.#named.keys()) if (!others.has(peer)) this.#named.delete(peer);
  }

  /** This node's own part: from a day that nobody else chose. */
  own(sinceMs: number): CopyPart {
    return this.#messages.sharedSince(BigInt(sinceMs), true)!;
  }

  /** The part from a day on (Unix milliseconds) that `peer` named; `undefined` when it would cost too much just now. */
  named(sinceMs: number, peer: PublicKey): CopyPart | undefined {
    const since = BigInt(sinceMs);
    if (startOfDay(since) !== since) return undefined;
    const known = this.#messages.sharedSince(since, false);
    if (known !== undefined || !this.#mayBuild(sinceMs, peer)) return known;
    const startedAt = this.#clock.steady();
    this.#named.set(peer, { sinceMs, at: startedAt });
    const built = this.#messages.sharedSince(since, true);
    const endedAt = this.#clock.steady();
    this.#buildAt = later(endedAt, (endedAt - startedAt) * BUILD_REST);
    return built;
  }

  #mayBuild(sinceMs: number, peer: PublicKey): boolean {
    const now = this.#clock.steady();
    if (this.#buildAt !== undefined && now < this.#buildAt) return false;
    const before = this.#named.get(peer);
    return before === undefined || before.sinceMs === sinceMs || now - before.at >= DAY_CHANGES_EVERY_MS;
  }
}

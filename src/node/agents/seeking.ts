import { BoundedMap } from "../../core/bounded-map.ts";
import { type Clock, later, type SteadyMs } from "../../core/clock.ts";
import type { MessageId } from "../../core/ids.ts";
import type { LedgerRow } from "../../store/agent-store.ts";
import type { AgentListener } from "./listener.ts";

/**
 * Ours. A bridge that comes back knows best what became of what it had, and what it was about to give stands in its host's
 * records by then; only after that is anybody else asked.
 */
const OTHERS_WAIT_MS = 5_000;
/** Ours. Messages of which it is known since when they are in nobody's hand; of the others, since the start. */
const LEFT_MAX = 4_096;
/** Ours. Messages that a bridge is told to look for at once. */
const SOUGHT_MAX = 64;

/** Who is asked whether a message that nobody holds any more reached its host: only who sees that host's records. */
export class Seeking {
  readonly #clock: Clock;
  readonly #begunAt: SteadyMs;
  readonly #leftAt = new BoundedMap<MessageId, SteadyMs>(LEFT_MAX);
  readonly #givenAt = new BoundedMap<MessageId, SteadyMs>(LEFT_MAX);

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#begunAt = clock.steady();
  }

  /** Whoever had it in hand is gone. */
  left(id: MessageId): void {
    this.#leftAt.set(id, this.#clock.steady());
  }

  /** Whoever has it in hand said that it gives it to its host now. */
  giving(id: MessageId): void {
    this.#givenAt.set(id, this.#clock.steady());
  }

  /** Which of `orphans` a listener is to look for, and how long until it may be another. */
  of(
    listener: AgentListener,
    orphans: readonly LedgerRow[],
  ): { readonly sought: readonly LedgerRow[]; readonly againMs: number } {
    const sought: LedgerRow[] = [];
    let againMs = Number.POSITIVE_INFINITY;
    const now = this.#clock.steady();
    for (const row of orphans) {
      if (sought.length === SOUGHT_MAX) break;
      const from = this.#mayLookFrom(listener, row);
      if (from === undefined) continue;
      if (from <= now) sought.push(row);
      else againMs = Math.min(againMs, from - now);
    }
    return { sought, againMs };
  }

  /** `undefined`: never, as it sees none of those records. */
  #mayLookFrom({ covers, request }: AgentListener, { groupId, handedTo, messageId }: LedgerRow): SteadyMs | undefined {
    const { agent, can_look, host, instance = "" } = request;
    if (!can_look || !covers(groupId) || handedTo?.host !== host || handedTo.instance !== instance) return undefined;
    const givenAt = this.#givenAt.get(messageId);
    const given = later(givenAt ?? this.#begunAt, OTHERS_WAIT_MS);
    if (handedTo.agent === agent) return given;
    const left = later(this.#leftAt.get(messageId) ?? this.#begunAt, OTHERS_WAIT_MS);
    return left > given ? left : given;
  }
}

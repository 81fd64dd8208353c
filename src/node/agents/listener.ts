import type { SteadyMs, UnixMs } from "../../core/clock.ts";
import type { EntmootError } from "../../core/errors.ts";
import type { GroupId, MessageId } from "../../core/ids.ts";
import type { LedgerRow } from "../../store/agent-store.ts";
import type { ListenEvent, ListenerRow, listen } from "../operations/listen.ts";
import type { RequestOf } from "../operations/operation.ts";

/** Ours. After a host that was busy it is tried again so much later, doubling from the first to the second. */
const DEFER_FIRST_MS = 2_000;
const DEFER_MAX_MS = 60_000;

/** A message in somebody's hand. */
export interface InHand {
  readonly groupId: GroupId;
  readonly messageId: MessageId;
  readonly token: number;
  /** Only looked for: what it was handed itself is another's turn. */
  readonly isSought: boolean;
}

/** One bridge that listens, as long as its call goes on. */
export class AgentListener {
  readonly request: RequestOf<typeof listen>;
  readonly sinceMs: UnixMs;
  /** By message. */
  readonly inHand = new Map<MessageId, InHand>();
  turns = 0;
  /** What it was handed last, until it is known to have been a turn or none. */
  turn: { readonly beganMs: UnixMs; readonly rows: readonly LedgerRow[] } | undefined;
  /** Nothing is handed over before. */
  notBefore: SteadyMs | undefined;
  #deferred = 0;
  readonly #told: ListenEvent[] = [];
  #wake = Promise.withResolvers<void>();
  #ended: EntmootError | undefined;

  constructor(request: RequestOf<typeof listen>, sinceMs: UnixMs) {
    this.request = request;
    this.sinceMs = sinceMs;
  }

  /** Whether a moot is among those it listens to. */
  readonly covers = (groupId: GroupId): boolean =>
    this.request.group_id === undefined || this.request.group_id === groupId;

  /** Whether a turn can be handed to it: it has none in hand, and was not busy a moment ago. */
  isFree(now: SteadyMs): boolean {
    if (this.notBefore !== undefined && now < this.notBefore) return false;
    for (const { isSought } of this.inHand.values()) if (!isSought) return false;
    return true;
  }

  tell(event: ListenEvent): void {
    this.#told.push(event);
    this.#wake.resolve();
  }

  /** Its host was busy and took nothing. */
  deferred(now: SteadyMs): void {
    const waitMs = Math.min(DEFER_MAX_MS, DEFER_FIRST_MS * 2 ** Math.min(this.#deferred, 10));
    this.#deferred += 1;
    this.notBefore = (now + waitMs) as SteadyMs;
  }

  /** Its host took something. */
  took(): void {
    this.#deferred = 0;
    this.notBefore = undefined;
  }

  end(why: EntmootError): void {
    this.#ended = why;
    this.#wake.resolve();
  }

  /** What it is to be told next; waits for it. `undefined` once `signal` aborts. Throws why it was ended. */
  async next(signal: AbortSignal): Promise<ListenEvent | undefined> {
    const onAbort = () => this.#wake.resolve();
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      for (;;) {
        if (this.#ended !== undefined) throw this.#ended;
        if (signal.aborted) return undefined;
        const event = this.#told.shift();
        if (event !== undefined) return event;
        await this.#wake.promise;
        this.#wake = Promise.withResolvers();
      }
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  row(): ListenerRow {
    const { agent, can_look, can_wake, door, group_id, host } = this.request;
    const in_hand = this.inHand.size;
    return {
      agent,
      host,
      door,
      group_id,
      can_wake,
      can_look,
      since_ms: BigInt(this.sinceMs),
      turns: this.turns,
      in_hand,
    };
  }
}

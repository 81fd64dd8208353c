import { later, type SteadyMs, type UnixMs } from "../../core/clock.ts";
import type { EntmootError } from "../../core/errors.ts";
import type { GroupId, MessageId } from "../../core/ids.ts";
import type { LedgerRow } from "../../store/agent-store.ts";
import type { ListenEvent, ListenerRow, listen } from "../operations/listen.ts";
import type { RequestOf } from "../operations/operation.ts";

/** Ours. A host that took nothing is tried again so much later, doubling from the first to the second. */
const DEFER_FIRST_MS = 2_000;
const DEFER_MAX_MS = 60_000;
/** Ours. One that is busy is waited for; one that took nothing so many times in a row is not, where another listens. */
const PATIENCE = 3;

/** A message in somebody's hand. */
export interface InHand {
  readonly groupId: GroupId;
  readonly messageId: MessageId;
  readonly token: number;
  /** Only looked for: what it was handed itself is another's turn. */
  readonly isSought: boolean;
}

/** What was handed over at once. */
interface ListenerTurn {
  readonly beganMs: UnixMs;
  readonly rows: readonly LedgerRow[];
}

/** One bridge that listens, as long as its call goes on. */
export class AgentListener {
  readonly request: RequestOf<typeof listen>;
  readonly sinceMs: UnixMs;
  /** By message. */
  readonly inHand = new Map<MessageId, InHand>();
  turns = 0;
  /** What it was handed last, until it is known to have been a turn or none. */
  #turn: ListenerTurn | undefined;
  /** Nothing is handed over before. */
  notBefore: SteadyMs | undefined;
  /** So often in a row. */
  #tookNothing = 0;
  /** Its way failed the last time. */
  #isFailing = false;
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
    return !this.#hasTurnInHand && (this.notBefore === undefined || now >= this.notBefore);
  }

  tell(event: ListenEvent): void {
    this.#told.push(event);
    this.#wake.resolve();
  }

  began(turn: ListenerTurn): void {
    this.turns += 1;
    this.#turn = turn;
  }

  /** Whether another that listens is woken in its place: its way leads nowhere at the moment. */
  isPassedOver(now: SteadyMs): boolean {
    const isHopeless = this.#isFailing || this.#tookNothing >= PATIENCE;
    return isHopeless && this.notBefore !== undefined && now < this.notBefore;
  }

  /** Its host took something of what it was handed. */
  took(): void {
    this.#turn = undefined;
    this.#tookNothing = 0;
    this.#isFailing = false;
    this.notBefore = undefined;
  }

  /**
   * Its host took none of one message: `isFault` where it is not busy, and the way to it failed. Gives the turn that was none, once
   * nothing of it is in hand any more.
   */
  tookNone(now: SteadyMs, { isFault }: { readonly isFault: boolean }): ListenerTurn | undefined {
    this.#isFailing = isFault;
    if (this.#hasTurnInHand) return undefined;
    const turn = this.#turn;
    this.#turn = undefined;
    if (turn === undefined) return undefined;
    const waitMs = Math.min(DEFER_MAX_MS, DEFER_FIRST_MS * 2 ** Math.min(this.#tookNothing, 10));
    this.#tookNothing += 1;
    this.notBefore = later(now, waitMs);
    return turn;
  }

  /** It ended: the turn that was none, where nothing of what it has in hand was begun. */
  left(isBegun: (inHand: InHand) => boolean): ListenerTurn | undefined {
    const turn = this.#turn;
    this.#turn = undefined;
    return [...this.inHand.values()].some((each) => !each.isSought && isBegun(each)) ? undefined : turn;
  }

  get #hasTurnInHand(): boolean {
    for (const { isSought } of this.inHand.values()) if (!isSought) return true;
    return false;
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

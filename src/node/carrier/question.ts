import type { PublicKey } from "../../core/ids.ts";
import type { HeldBytes, PeerBudget } from "./peer-budget.ts";
import type { AnswerRoom, Making, SharedAnswers, SharedUse } from "./shared-answers.ts";

/** A large answer that is made for all who ask: what it costs, and how it is made. */
export interface SharedMaking<T> {
  readonly workMs: number;
  readonly bytes: number;
  readonly steps: Making<T>["steps"];
}

/** One question of a peer while it is answered: what is paid and held for it. Disposing gives back what it holds. */
export class Question implements Disposable {
  readonly #budget: PeerBudget;
  readonly #peer: PublicKey;
  readonly #drop: () => void;
  readonly #held: HeldBytes;
  readonly #owned = new DisposableStack();
  #shared: SharedUse<unknown> | undefined;

  /** `drop` ends the stream it came on, when its room goes to somebody else. */
  constructor(budget: PeerBudget, peer: PublicKey, drop: () => void) {
    this.#budget = budget;
    this.#peer = peer;
    this.#drop = drop;
    this.#held = this.#owned.use(budget.answer(peer, drop));
  }

  /** Waits a little until the asker can pay. Throws `rate_limited`. */
  pay(workMs: number): Promise<void> {
    return this.#budget.pay(this.#peer, workMs);
  }

  /** Waits a little until so much may be held for it. Throws `rate_limited`. */
  hold(bytes: number): Promise<void> {
    return this.#budget.room(this.#peer, this.#held, bytes);
  }

  /** The answer `key` of `answers`, made and paid for now if nobody is being told it. Throws `rate_limited`. */
  async shared<T>(answers: SharedAnswers<T>, key: string, { bytes, steps, workMs }: SharedMaking<T>): Promise<T> {
    const [budget, peer] = [this.#budget, this.#peer];
    let isPaid = false;
    const tryHold = (onLost: () => void) => {
      const held = budget.answer(peer, onLost);
      return held.tryResize(bytes) ? roomOf(held) : undefined;
    };
    const tryBegin = (onLost: () => void) => {
      isPaid ||= budget.tryPay(peer, workMs);
      return isPaid ? tryHold(onLost) : undefined;
    };
    const begin = async (onLost: () => void) => {
      const held = budget.answer(peer, onLost);
      if (!isPaid) await budget.pay(peer, workMs);
      isPaid = true;
      await budget.room(peer, held, bytes);
      return roomOf(held);
    };
    const made = function* () {
      // What making it leaves behind is some times its size.
      budget.noteMoved(bytes * 4);
      return yield* steps();
    };
    const use = await answers.use(key, { tryBegin, begin, tryHold, steps: made }, () => this.#drop());
    this.#shared = this.#owned.use(use);
    return use.value;
  }

  /** The peer took some of the answer. */
  moved(): void {
    this.#held.moved();
    this.#shared?.moved();
  }

  [Symbol.dispose](): void {
    this.#owned.dispose();
  }
}

function roomOf(held: HeldBytes): AnswerRoom {
  return { moved: () => held.moved(), [Symbol.dispose]: () => held[Symbol.dispose]() };
}

import type { StrangerFrom } from "../../machine/rate-limit.ts";
import type { PeerBudget } from "./peer-budget.ts";
import { decodeMs, readMs } from "./prices.ts";

/** Ours. Bytes that come before they are paid for: few enough that nothing is gained by never ending a frame. */
const STEP_BYTES = 16 * 1024;
const STRANGER_STEP_BYTES = 4 * 1024;

/**
 * What is paid for what comes on one stream: for bytes as they come, whole frame or not, and for each frame before it is
 * decoded. Of large frames a peer has a few read at a time, or the reads of all its streams would be one long piece of work.
 */
export class Intake implements Disposable {
  readonly #budget: PeerBudget;
  readonly #from: StrangerFrom;
  readonly #isMember: () => boolean;
  #unpaid = 0;
  /** While a large frame is read. */
  #lane: Disposable | undefined;

  /** `isMember` is asked anew for all that comes: a member may be removed while its stream is open. */
  constructor(budget: PeerBudget, from: StrangerFrom, isMember: () => boolean) {
    this.#budget = budget;
    this.#from = from;
    this.#isMember = isMember;
  }

  /** Bytes came. More is read once it is over. Throws `rate_limited`. */
  came(bytes: number): Promise<void> | undefined {
    this.#unpaid += bytes;
    this.#budget.noteMoved(bytes);
    return this.#unpaid < (this.#isMember() ? STEP_BYTES : STRANGER_STEP_BYTES) ? undefined : this.#pay();
  }

  /** A frame is whole and nothing of it is decoded. Throws `rate_limited`. */
  async frame(bytes: number): Promise<void> {
    const unpaid = this.#unpaid;
    this.#unpaid = 0;
    this[Symbol.dispose]();
    if (!this.#isMember()) return this.#budget.admitStranger(this.#from, { frames: 1, bytes: unpaid });
    await this.#budget.admit(this.#from.peer, bytes);
    await this.#budget.pay(this.#from.peer, readMs(unpaid) + decodeMs(bytes));
  }

  async #pay(): Promise<void> {
    const unpaid = this.#unpaid;
    this.#unpaid = 0;
    if (!this.#isMember()) return this.#budget.admitStranger(this.#from, { frames: 0, bytes: unpaid });
    this.#lane ??= await this.#budget.largeFrame(this.#from.peer);
    await this.#budget.pay(this.#from.peer, readMs(unpaid));
    await this.#budget.turns.take();
  }

  [Symbol.dispose](): void {
    this.#lane?.[Symbol.dispose]();
    this.#lane = undefined;
  }
}

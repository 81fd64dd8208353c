import type { PublicKey } from "../../core/ids.ts";
import type { HeldBytes, PeerBudget } from "./peer-budget.ts";

interface HeldFrameParts {
  readonly from: PublicKey;
  readonly isMember: () => boolean;
  /** Ends the stream, when its room goes to somebody else. */
  readonly drop: () => void;
}

/** What one stream holds of a frame that is not looked at yet: with what members hold, or with what strangers do, as its peer is now. */
export class HeldFrame implements Disposable {
  readonly #isMember: () => boolean;
  readonly #asMember: HeldBytes;
  readonly #asStranger: HeldBytes;

  constructor(budget: PeerBudget, { drop, from, isMember }: HeldFrameParts) {
    this.#isMember = isMember;
    this.#asMember = budget.incoming(from, true, drop);
    this.#asStranger = budget.incoming(from, false, drop);
  }

  /** Holds so many bytes from now on. Throws `rate_limited`. */
  resize(bytes: number): void {
    const [now, before] = this.#isMember() ? [this.#asMember, this.#asStranger] : [this.#asStranger, this.#asMember];
    before.resize(0);
    now.resize(bytes);
  }

  [Symbol.dispose](): void {
    this.#asMember[Symbol.dispose]();
    this.#asStranger[Symbol.dispose]();
  }
}

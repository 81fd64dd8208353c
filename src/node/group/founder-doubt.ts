/**
 * Whether a founder's copy of its moot may be older than what it has signed, as after a restored backup or in a copied
 * data root. What it signs on top of an old copy parts the moot for good. Over once it has compared roster and messages
 * with a member, which has what is missing.
 */
export class FounderDoubt {
  /** Why, in words; `undefined` when there is none (any more). */
  reason: string | undefined;
  /** Resolves once there is none. */
  readonly over: Promise<void>;
  readonly #over = Promise.withResolvers<void>();
  #rosterAgrees = false;
  #messagesAgree = false;

  constructor(reason: string | undefined) {
    this.reason = reason;
    this.over = this.#over.promise;
    if (reason === undefined) this.#over.resolve();
  }

  /** A member's roster is a part of ours. */
  rosterAgrees(): void {
    this.#rosterAgrees = true;
    this.#look();
  }

  /** A comparison of messages with a member ended well. */
  messagesAgree(): void {
    this.#messagesAgree = true;
    this.#look();
  }

  /** Its owner says that it is the latest. */
  dismiss(): void {
    this.reason = undefined;
    this.#over.resolve();
  }

  #look(): void {
    if (this.#rosterAgrees && this.#messagesAgree) this.dismiss();
  }
}

import type { MerkleRoot, MessageId, PublicKey } from "../../core/ids.ts";
import type { CopyPart } from "../../core/order/copy-part.ts";
import type { MessageIndex } from "../../machine/group-view.ts";
import type { MessageStore } from "../../store/group-store.ts";
import type { Owed } from "./owed.ts";
import type { Retention } from "./retention.ts";

/** What the machines ask about messages: what is held, or waits for its author's budget, and how much of it is still wanted. */
export class CopyIndex implements MessageIndex {
  readonly #messages: MessageStore;
  readonly #retention: Retention;
  readonly #owed: Pick<Owed, "isWaiting">;

  constructor(messages: MessageStore, retention: Retention, owed: Pick<Owed, "isWaiting">) {
    this.#messages = messages;
    this.#retention = retention;
    this.#owed = owed;
  }

  get size(): number {
    return this.#messages.size;
  }

  get wantedFromMs(): number {
    return this.#retention.wantedFromMs;
  }

  has(id: MessageId): boolean {
    return this.#messages.has(id);
  }

  knows(id: MessageId): boolean {
    return this.#messages.knows(id) || this.#owed.isWaiting(id);
  }

  unknown(ids: readonly MessageId[]): MessageId[] {
    return this.#messages.unknown(ids).filter((id) => !this.#owed.isWaiting(id));
  }

  merkleRoot(): MerkleRoot {
    return this.#messages.merkleRoot();
  }

  sharedSince(sinceMs: number, peer: PublicKey): CopyPart | undefined {
    return this.#retention.sharedSince(sinceMs, peer);
  }
}

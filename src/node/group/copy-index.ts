import type { MerkleRoot, MessageId, PublicKey } from "../../core/ids.ts";
import type { CopyPart } from "../../core/order/copy-part.ts";
import type { MessageIndex } from "../../machine/group-view.ts";
import type { MessageStore } from "../../store/group-store.ts";
import type { Retention } from "./retention.ts";

/** What the machines ask about messages: what is held, and how much of it is still wanted. */
export class CopyIndex implements MessageIndex {
  readonly #messages: MessageStore;
  readonly #retention: Retention;

  constructor(messages: MessageStore, retention: Retention) {
    this.#messages = messages;
    this.#retention = retention;
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
    return this.#messages.knows(id);
  }

  unknown(ids: readonly MessageId[]): MessageId[] {
    return this.#messages.unknown(ids);
  }

  merkleRoot(): MerkleRoot {
    return this.#messages.merkleRoot();
  }

  sharedSince(sinceMs: number, peer: PublicKey): CopyPart | undefined {
    return this.#retention.sharedSince(sinceMs, peer);
  }
}

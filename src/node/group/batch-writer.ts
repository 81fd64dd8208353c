import type { Clock } from "../../core/clock.ts";
import { EntmootError } from "../../core/errors.ts";
import type { MessageStore, NewMessage } from "../../store/group-store.ts";

/** Ours. Messages in one transaction; more wait for the next turn, so a long batch cannot hold the loop. */
const BATCH_MAX = 1024;

interface WaitingBatch {
  readonly messages: readonly NewMessage[];
  readonly resolve: (seqs: (number | undefined)[]) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * The one writer of a group's messages. Everything handed in during one turn of the event loop shares one
 * fsynced transaction; no promise resolves before it.
 */
export class BatchWriter {
  readonly #clock: Pick<Clock, "after">;
  readonly #store: MessageStore;
  readonly #onCommitted: () => void;
  readonly #waiting: WaitingBatch[] = [];
  readonly #idle: (() => void)[] = [];
  #scheduled = false;
  #closed = false;

  /** `onCommitted` runs once after each transaction, before its promises resolve; it must not throw. */
  constructor(clock: Pick<Clock, "after">, store: MessageStore, onCommitted: () => void) {
    this.#clock = clock;
    this.#store = store;
    this.#onCommitted = onCommitted;
  }

  /**
   * The sequence number of each message once all are durable, `undefined` where it was known already. Rejects as the
   * store does, and with `unavailable` once the writer is closed.
   */
  put(messages: readonly NewMessage[]): Promise<(number | undefined)[]> {
    if (this.#closed) {
      return Promise.reject(new EntmootError("unavailable", "the node is ending; nothing was stored"));
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ messages, resolve, reject });
      this.#schedule();
    });
  }

  /** Resolves when nothing waits. */
  idle(): Promise<void> {
    if (this.#waiting.length === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  /** Takes nothing more, and resolves when all that was handed in is durable or was refused. Idempotent. */
  close(): Promise<void> {
    this.#closed = true;
    return this.idle();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    // After the poll phase: whatever sockets delivered in this turn is in the batch.
    this.#clock.after(0, () => this.#flush());
  }

  #flush(): void {
    this.#scheduled = false;
    const batch: WaitingBatch[] = [];
    let size = 0;
    while (this.#waiting.length > 0 && (size === 0 || size + this.#waiting[0]!.messages.length <= BATCH_MAX)) {
      const next = this.#waiting.shift()!;
      batch.push(next);
      size += next.messages.length;
    }
    this.#commit(batch);
    if (this.#waiting.length > 0) this.#schedule();
    else for (const resolve of this.#idle.splice(0)) resolve();
  }

  #commit(batch: readonly WaitingBatch[]): void {
    let seqs: (number | undefined)[];
    try {
      seqs = this.#store.putMany(batch.flatMap((waiting) => waiting.messages));
    } catch (error) {
      for (const waiting of batch) waiting.reject(error);
      return;
    }
    this.#onCommitted();
    let at = 0;
    for (const { messages, resolve } of batch) {
      resolve(seqs.slice(at, at + messages.length));
      at += messages.length;
    }
  }
}

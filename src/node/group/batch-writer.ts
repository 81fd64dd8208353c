import type { Clock, SteadyMs } from "../../core/clock.ts";
import { EntmootError } from "../../core/errors.ts";
import type { MessageStore, NewMessage } from "../../store/group-store.ts";
import { StoreBusy, StoreUnavailable } from "../../store/store-failures.ts";
import { WRITE_PATIENCE_MS, WRITE_RETRY_MS } from "../when-writable.ts";

/**
 * Ours. Messages in one transaction; more wait for the next turn. It takes ten milliseconds, and twenty-five more where
 * the log is written back to the database.
 */
const BATCH_MAX = 512;
/** Ours. Bytes that wait while another process holds the database: peers go on sending. */
const HELD_MAX_BYTES = 16 * 1024 * 1024;
/** Ours. An end of the node is not put off longer than this by another process. */
const CLOSING_PATIENCE_MS = 2_000;

type WriterClock = Pick<Clock, "after" | "steady">;

interface WaitingBatch {
  readonly messages: readonly NewMessage[];
  readonly since: SteadyMs;
  readonly resolve: (seqs: (number | undefined)[]) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * The one writer of a group's messages. Everything handed in during one turn of the event loop shares one
 * fsynced transaction; no promise resolves before it. While another process holds the database it is looked at again and
 * again, and nothing else of this process waits for it.
 */
export class BatchWriter {
  readonly #clock: WriterClock;
  readonly #store: MessageStore;
  readonly #onCommitted: () => void;
  readonly #waiting: WaitingBatch[] = [];
  readonly #idle: (() => void)[] = [];
  #scheduled = false;
  /** The database was held by another process when it was last looked at. */
  #isHeld = false;
  #waitingBytes = 0;
  #patienceMs = WRITE_PATIENCE_MS;
  #closed = false;

  /** `onCommitted` runs once after each transaction, before its promises resolve; it must not throw. */
  constructor(clock: WriterClock, store: MessageStore, onCommitted: () => void) {
    this.#clock = clock;
    this.#store = store;
    this.#onCommitted = onCommitted;
  }

  /**
   * The sequence number of each message once all are durable, `undefined` where it was known already; of very many each
   * part is in a transaction of its own. Rejects as the store does, with `StoreBusy` when another process held the database
   * for ten seconds, and with `unavailable` once the writer is closed.
   */
  put(messages: readonly NewMessage[]): Promise<(number | undefined)[]> {
    if (this.#closed) {
      return Promise.reject(new EntmootError("unavailable", "the node is ending; nothing was stored"));
    }
    if (this.#isHeld && this.#waitingBytes + sizeOf(messages) > HELD_MAX_BYTES) {
      const text = "group database: another process is writing, and too much waits for it already; try again later";
      return Promise.reject(new StoreUnavailable(text));
    }
    if (messages.length <= BATCH_MAX) return this.#putAtOnce(messages);
    const parts: Promise<(number | undefined)[]>[] = [];
    for (let at = 0; at < messages.length; at += BATCH_MAX) {
      parts.push(this.#putAtOnce(messages.slice(at, at + BATCH_MAX)));
    }
    return Promise.all(parts).then((seqs) => seqs.flat());
  }

  #putAtOnce(messages: readonly NewMessage[]): Promise<(number | undefined)[]> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ messages, since: this.#clock.steady(), resolve, reject });
      this.#waitingBytes += sizeOf(messages);
      this.#schedule(0);
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
    this.#patienceMs = CLOSING_PATIENCE_MS;
    return this.idle();
  }

  #schedule(afterMs: number): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    // With 0 after the poll phase: whatever sockets delivered in this turn is in the batch.
    this.#clock.after(afterMs, () => this.#flush());
  }

  #flush(): void {
    this.#scheduled = false;
    let count = 0;
    let size = 0;
    for (const { messages } of this.#waiting) {
      if (count > 0 && size + messages.length > BATCH_MAX) break;
      count += 1;
      size += messages.length;
    }
    this.#commit(this.#waiting.slice(0, count));
    if (this.#waiting.length > 0) this.#schedule(this.#isHeld ? WRITE_RETRY_MS : 0);
    else for (const resolve of this.#idle.splice(0)) resolve();
  }

  /** `batch`: the first of those that wait. */
  #commit(batch: readonly WaitingBatch[]): void {
    let seqs: (number | undefined)[];
    this.#isHeld = false;
    try {
      seqs = this.#store.putMany(batch.flatMap((waiting) => waiting.messages));
    } catch (error) {
      this.#isHeld = error instanceof StoreBusy;
      const now = this.#clock.steady();
      const lost = this.#isHeld ? this.#waiting.filter(({ since }) => now - since >= this.#patienceMs) : batch;
      this.#take(lost);
      for (const waiting of lost) waiting.reject(error);
      return;
    }
    this.#take(batch);
    this.#onCommitted();
    let at = 0;
    for (const { messages, resolve } of batch) {
      resolve(seqs.slice(at, at + messages.length));
      at += messages.length;
    }
  }

  /** `batch`: the first of those that wait; the one that waits longest is the first. */
  #take(batch: readonly WaitingBatch[]): void {
    this.#waiting.splice(0, batch.length);
    for (const { messages } of batch) this.#waitingBytes -= sizeOf(messages);
  }
}

function sizeOf(messages: readonly NewMessage[]): number {
  return messages.reduce((sum, { canonical }) => sum + canonical.length, 0);
}

import { EntmootError } from "../core/errors.ts";
import type { SocketStream } from "./socket-stream.ts";

interface WaitingBytes {
  readonly bytes: Uint8Array;
  readonly sent: () => void;
  readonly failed: (error: unknown) => void;
}

/**
 * Frames on their way out of a connection that several calls share, in the order they were handed in. What gathers
 * while a write is under way goes out in one write, so that many small answers cost few system calls.
 */
export class Outgoing {
  readonly #stream: SocketStream;
  #waiting: WaitingBytes[] = [];
  #bytes = 0;
  #isWriting = false;
  readonly #onWritten: (() => void)[] = [];
  #failure: unknown;

  constructor(stream: SocketStream) {
    this.#stream = stream;
  }

  /** Bytes handed in and not yet taken by the system. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Resolves when the system has taken the frame, which waits while the other side does not read. Throws `unavailable` once it is gone. */
  send(bytes: Uint8Array): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const { promise, reject, resolve } = Promise.withResolvers<void>();
    this.#waiting.push({ bytes, sent: resolve, failed: reject });
    this.#bytes += bytes.length;
    if (!this.#isWriting) void this.#write();
    return promise;
  }

  /** Resolves once no more than `max` bytes wait, or nothing goes out any more. */
  async drainedTo(max: number): Promise<void> {
    while (this.#bytes > max && this.#failure === undefined) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#onWritten.push(resolve);
      await promise;
    }
  }

  /** Nothing more goes out: what waits fails with `error`. */
  end(error: unknown = new EntmootError("unavailable", "control socket: the connection is closed")): void {
    this.#failure ??= error;
    for (const { failed } of this.#waiting.splice(0)) failed(this.#failure);
    this.#bytes = 0;
    for (const wake of this.#onWritten.splice(0)) wake();
  }

  async #write(): Promise<void> {
    this.#isWriting = true;
    try {
      while (this.#waiting.length > 0) {
        const batch = this.#waiting;
        this.#waiting = [];
        try {
          await this.#stream.write(joined(batch));
        } catch (error) {
          for (const { failed } of batch) failed(error);
          this.end(error);
          return;
        }
        for (const { bytes, sent } of batch) {
          this.#bytes -= bytes.length;
          sent();
        }
        for (const wake of this.#onWritten.splice(0)) wake();
      }
    } finally {
      this.#isWriting = false;
    }
  }
}

function joined(batch: readonly WaitingBytes[]): Uint8Array {
  return batch.length === 1 ? batch[0]!.bytes : Buffer.concat(batch.map(({ bytes }) => bytes));
}

import type { Clock } from "../core/clock.ts";
import { textOf } from "../core/errors.ts";
import type { Log } from "../host/log.ts";
import { type BoundSocket, bindSocket, fileAt } from "./bind-socket.ts";
import type { SocketStream } from "./socket-stream.ts";

/** Ours. Between two looks whether the socket is still there; a look costs some microseconds. */
const LOOK_EVERY_MS = 1_000;

export interface KeptSocketParts {
  readonly path: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly opened: (stream: SocketStream) => void;
}

/**
 * A Unix socket that stays where it was bound: whoever cleans up a folder may take it away, after which nobody would
 * find the daemon. It is bound again then; where another program listens by now, that one is left alone.
 */
export class KeptSocket implements Disposable {
  readonly #parts: KeptSocketParts;
  #listener: BoundSocket;
  /** What was bound last listens. */
  #isListening = true;
  #look: Disposable;
  /** What was said last of its absence; once is enough. */
  #told = "";
  #closed = false;

  private constructor(parts: KeptSocketParts, listener: BoundSocket) {
    this.#parts = parts;
    this.#listener = listener;
    this.#look = this.#lookLater();
  }

  /** Listens from now on. Throws as `bindSocket`. */
  static async bind(parts: KeptSocketParts): Promise<KeptSocket> {
    return new KeptSocket(parts, await bindSocket(parts.path, parts.clock, parts.opened));
  }

  /** Listens no more and removes the socket, if it is ours. Who is connected stays so. Idempotent. */
  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#look[Symbol.dispose]();
    this.#listener.stop(false);
  }

  #lookLater(): Disposable {
    return this.#parts.clock.after(LOOK_EVERY_MS, () => void this.#lookAfterIt(), { idle: true });
  }

  async #lookAfterIt(): Promise<void> {
    try {
      const found = fileAt(this.#parts.path);
      // One that came back with its folder listens no more, once that was given up.
      if (found === undefined || !this.#isListening) await this.#bindAgain();
      else if (found === this.#listener.file) this.#told = "";
      else this.#tellOnce("something else stands in its place; end this daemon and start it again to be reached");
    } catch (error) {
      // Whatever it is: who is connected stays so, and what stands in the way may be gone by the next look.
      this.#tellOnce(`was removed, and cannot be bound again: ${textOf(error)}; it is tried on`);
    }
    if (!this.#closed) this.#look = this.#lookLater();
  }

  async #bindAgain(): Promise<void> {
    const { clock, log, opened, path } = this.#parts;
    this.#listener.stop(false);
    this.#isListening = false;
    this.#listener = await bindSocket(path, clock, opened);
    this.#isListening = true;
    this.#told = "";
    log.warn(`control socket ${path}: was removed; it is bound again`);
    if (this.#closed) this.#listener.stop(false);
  }

  #tellOnce(text: string): void {
    if (this.#told === text) return;
    this.#told = text;
    this.#parts.log.warn(`control socket ${this.#parts.path}: ${text}`);
  }
}

import type { Socket, SocketHandler } from "bun";
import { EntmootError } from "../core/errors.ts";
import { settleOrAbort } from "../transport/wait.ts";

/** Ours. Bytes received and not yet read past which the other side has to wait. */
const UNREAD_MAX_BYTES = 256 * 1024;

/** The other side had gone before it was given a single byte: it cannot have acted. */
export class NothingSent extends EntmootError {
  constructor() {
    super("unavailable", "control socket: the other side has gone");
  }
}

/** A Unix stream socket read and written by awaiting. One read and one write may be under way at a time. */
export class SocketStream {
  readonly #socket: Socket<SocketStream>;
  readonly #chunks: Uint8Array[] = [];
  #unreadBytes = 0;
  #ended = false;
  #closed = false;
  #wakeReader: (() => void) | undefined;
  #wakeWriter: (() => void) | undefined;
  /** Made when somebody asks: most connections are over before anybody does. */
  #gone: AbortController | undefined;

  private constructor(socket: Socket<SocketStream>) {
    this.#socket = socket;
  }

  /** Aborts once the other side has ended its half or the socket is closed: nobody waits for an answer any more. */
  get gone(): AbortSignal {
    if (this.#gone === undefined) {
      this.#gone = new AbortController();
      if (this.#ended || this.#closed) this.#gone.abort();
    }
    return this.#gone.signal;
  }

  /** The socket is closed by either side, or the other side has ended its half. */
  get isOver(): boolean {
    return this.#closed || this.#ended;
  }

  /** For `Bun.listen` and `Bun.connect`; `opened` gets each stream once. */
  static handlers(opened: (stream: SocketStream) => void): SocketHandler<SocketStream> {
    return {
      open(socket) {
        socket.data = new SocketStream(socket);
        opened(socket.data);
      },
      data: (socket, chunk) => socket.data.#onData(chunk),
      drain: (socket) => socket.data.#wake("writer"),
      end: (socket) => socket.data.#onEnd(),
      close: (socket) => SocketStream.#closeOf(socket),
      error: (socket) => SocketStream.#closeOf(socket),
      // Without it a refused dial is reported twice: here and by the promise of `Bun.connect`.
      connectError() {},
    };
  }

  /** A socket that fails before it opened has no stream yet. */
  static #closeOf(socket: Socket<SocketStream | undefined>): void {
    if (socket.data !== undefined) socket.data.#onClose();
  }

  /** The next bytes, or `null` after the end. Throws `timeout` when `signal` aborts. */
  async read(signal?: AbortSignal): Promise<Uint8Array | null> {
    for (;;) {
      const chunk = this.#chunks.shift();
      if (chunk !== undefined) {
        this.#unreadBytes -= chunk.length;
        if (this.#unreadBytes <= UNREAD_MAX_BYTES && !this.#closed) this.#socket.resume();
        return chunk;
      }
      if (this.isOver) return null;
      await this.#wait((wake) => (this.#wakeReader = wake), signal);
    }
  }

  /**
   * Resolves when the system has taken all of `bytes`. Throws `NothingSent` when it was closed before, `unavailable` when
   * it closes meanwhile, `timeout` when `signal` aborts.
   */
  async write(bytes: Uint8Array, signal?: AbortSignal): Promise<void> {
    for (let rest = bytes; ; ) {
      const written = this.#closed ? -1 : this.#socket.write(rest);
      if (written < 0 && rest.length === bytes.length) throw new NothingSent();
      if (written < 0) throw new EntmootError("unavailable", "control socket: the other side has gone within a frame");
      if (written >= rest.length) return;
      rest = rest.subarray(written);
      await this.#wait((wake) => (this.#wakeWriter = wake), signal);
    }
  }

  /** Closes at once. Idempotent. */
  destroy(): void {
    if (!this.#closed) this.#socket.terminate();
    this.#onClose();
  }

  #wait(register: (wake: () => void) => void, signal: AbortSignal | undefined): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    register(resolve);
    return signal === undefined ? promise : settleOrAbort(promise, { signal, subject: "control socket" });
  }

  #onData(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.#unreadBytes += chunk.length;
    if (this.#unreadBytes > UNREAD_MAX_BYTES) this.#socket.pause();
    this.#wake("reader");
  }

  #onEnd(): void {
    this.#ended = true;
    this.#wake("reader");
    this.#gone?.abort();
  }

  #onClose(): void {
    this.#closed = true;
    this.#wake("reader");
    this.#wake("writer");
    this.#gone?.abort();
  }

  #wake(who: "reader" | "writer"): void {
    if (who === "reader") this.#wakeReader?.();
    else this.#wakeWriter?.();
  }
}

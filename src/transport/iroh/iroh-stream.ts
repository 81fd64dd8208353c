import type { BiStream, RecvStream, SendStream } from "@number0/iroh";
import { EntmootError } from "../../core/errors.ts";
import type { PublicKey } from "../../core/ids.ts";
import { READ_MAX_BYTES, readUnderWay, writeUnderWay } from "../byte-stream.ts";
import { shortKey } from "../short-key.ts";
import type { PeerStream } from "../transport.ts";
import { settleOrAbort } from "../wait.ts";
import { END, streamError } from "./iroh-errors.ts";

/** Ours. The binding moves lists of numbers: a larger piece holds the event loop for longer. */
const WRITE_PIECE_BYTES = 65_536;

/** Wire. What our nodes speak over iroh; the name is also the ALPN. */
export const IROH_DIALECT = "entmoot/1";

/** What a stream asks of the connection that carries it. */
export interface StreamCarrier {
  readonly remote: PublicKey;
  readonly host: string | undefined;
  /** Why the connection ended; `undefined` while it lives. */
  readonly lostBecause: string | undefined;
  /** Nobody reads or writes the stream any more. Called once. */
  released(stream: IrohStream): void;
  /** A reset or stop that the native side may hold back; resolves when it is done. */
  letting(done: Promise<unknown>): void;
  /** Resolves when the peer has acknowledged all that a finished stream carried. */
  draining(acknowledged: Promise<unknown>): void;
}

/**
 * A QUIC stream. The native side puts calls on one direction in a queue and cannot cancel them: a read that waits for
 * the peer holds up `stop`, a write that waits holds up `reset`. So a wait that was given up goes on unseen; a read's
 * bytes are kept for the next read, and the connection counts the resets that do not get through.
 */
export class IrohStream implements PeerStream {
  readonly remote: PublicKey;
  readonly host: string | undefined;
  /** The handshake proved it. */
  readonly proof = "key";
  readonly dialect = IROH_DIALECT;
  readonly #carrier: StreamCarrier;
  /** Let go with the stream: what is kept of them keeps the UDP socket open, even of a closed endpoint. */
  #native: { readonly send: SendStream; readonly recv: RecvStream } | undefined;
  /** The native read under way; outlives a `read` that timed out. */
  #reading: Promise<Uint8Array> | undefined;
  #leftover: Uint8Array | undefined;
  #readEnded = false;
  #finishing: Promise<void> | undefined;
  #finished = false;
  #readBusy = false;
  #writeBusy = false;
  #failure: EntmootError | undefined;
  #released = false;
  #endRead: ((error: Error) => void) | undefined;
  #endWrite: ((error: Error) => void) | undefined;

  constructor(carrier: StreamCarrier, native: BiStream) {
    this.#carrier = carrier;
    this.remote = carrier.remote;
    this.host = carrier.host;
    this.#native = { send: native.send, recv: native.recv };
  }

  async read(maxBytes: number, signal?: AbortSignal): Promise<Uint8Array | null> {
    if (this.#failure) throw this.#failure;
    if (this.#readBusy) throw readUnderWay(this.#subject("read"));
    const limit = Math.max(1, Math.min(maxBytes, READ_MAX_BYTES));
    if (this.#leftover) return this.#fromLeftover(this.#leftover, limit);
    if (this.#readEnded) return null;
    this.#readBusy = true;
    try {
      const bytes = await settleOrAbort(this.#nativeRead(limit), {
        signal,
        subject: this.#subject("read"),
        onGiveUp: (end) => {
          this.#endRead = end;
        },
      });
      this.#reading = undefined;
      if (bytes.length > 0) return bytes.length <= limit ? bytes : this.#fromLeftover(bytes, limit);
      this.#readEnded = true;
      this.#releaseIfOver();
      return null;
    } finally {
      this.#readBusy = false;
    }
  }

  async write(bytes: Uint8Array, signal?: AbortSignal): Promise<void> {
    if (this.#failure) throw this.#failure;
    if (this.#finishing) throw new EntmootError("unavailable", `${this.#subject("write")}: our side is finished`);
    if (this.#writeBusy) throw writeUnderWay(this.#subject("write"));
    const { send } = this.#halves("write");
    this.#writeBusy = true;
    for (let at = 0; at < bytes.length; at += WRITE_PIECE_BYTES) {
      await settleOrAbort(send.writeAll(toNumbers(bytes.subarray(at, at + WRITE_PIECE_BYTES))), {
        signal,
        subject: this.#subject("write"),
        onGiveUp: (end) => {
          this.#endWrite = end;
        },
      }).catch((error: unknown) => {
        // How much went out is unknown, so the stream stays busy: it takes no further write.
        throw error instanceof EntmootError ? error : this.#error("write", error);
      });
    }
    this.#writeBusy = false;
  }

  finish(): Promise<void> {
    if (this.#failure) return Promise.resolve();
    this.#finishing ??= this.#finish();
    return this.#finishing;
  }

  async #finish(): Promise<void> {
    if (this.#writeBusy) throw writeUnderWay(this.#subject("finish"));
    const { send } = this.#halves("finish");
    try {
      await send.finish();
    } catch (error) {
      throw this.#error("finish", error);
    }
    this.#finished = true;
    this.#carrier.draining(endStopped(send));
    this.#releaseIfOver();
  }

  reset(): void {
    this.abandon(END.abandoned);
  }

  /** `reset` with a code that tells the peer why. */
  abandon(code: bigint): void {
    if (this.#failure || this.#released) return;
    const { send, recv } = this.#halves("reset");
    this.#carrier.letting(Promise.allSettled([send.reset(code), recv.stop(code)]));
    this.drop("reset by this node");
  }

  /** Ends every use of the stream on this side; the peer is not told. */
  drop(why: string): void {
    if (this.#failure || this.#released) return;
    this.#failure = new EntmootError("unavailable", `${this.#subject("stream")}: ${why}`);
    this.#endRead?.(this.#failure);
    this.#endWrite?.(this.#failure);
    this.#release();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#failure || this.#released) return;
    // A write that was given up still waits in the native queue, and `finish` would wait behind it.
    if (this.#writeBusy) return this.reset();
    await this.finish().catch(() => {});
    // Both may have come about while `finish` was under way.
    if (this.#failure || this.#released) return;
    if (!this.#readEnded)
      this.#carrier.letting(
        this.#halves("stop")
          .recv.stop(END.done)
          .catch(() => {}),
      );
    this.drop("released");
  }

  #nativeRead(limit: number): Promise<Uint8Array> {
    if (!this.#reading) {
      this.#reading = this.#halves("read")
        .recv.read(limit)
        .then(
          (numbers) => Uint8Array.from(numbers),
          (error: unknown) => {
            throw this.#error("read", error);
          },
        );
      // When the `read` that waits for it is given up, the failure is met by the next one or by nobody.
      this.#reading.catch(() => {});
    }
    return this.#reading;
  }

  #halves(doing: string) {
    if (!this.#native)
      throw this.#failure ?? new EntmootError("unavailable", `${this.#subject(doing)}: the stream is over`);
    return this.#native;
  }

  #fromLeftover(bytes: Uint8Array, limit: number): Uint8Array {
    this.#leftover = bytes.length > limit ? bytes.subarray(limit) : undefined;
    return bytes.subarray(0, limit);
  }

  #subject(doing: string): string {
    return `${doing}: peer ${shortKey(this.remote)}`;
  }

  #error(doing: string, cause: unknown): EntmootError {
    return streamError(this.#subject(doing), cause, this.#carrier.lostBecause);
  }

  #releaseIfOver(): void {
    if (this.#finished && this.#readEnded) this.#release();
  }

  #release(): void {
    if (this.#released) return;
    this.#released = true;
    this.#native = undefined;
    this.#carrier.released(this);
  }
}

/**
 * Resolves when the peer has acknowledged a finished half. One that it reads no further counts as open until it is
 * reset: without that it holds a place among the peer's streams until the native object is garbage collected.
 */
async function endStopped(send: SendStream): Promise<void> {
  if ((await send.stopped()) !== null) await send.reset(END.done);
}

/** The binding takes lists of numbers only. This loop takes 60 µs for 64 KiB where `Array.from` takes 900. */
function toNumbers(bytes: Uint8Array): number[] {
  const numbers = new Array<number>(bytes.length);
  for (let at = 0; at < bytes.length; at += 1) numbers[at] = bytes[at] as number;
  return numbers;
}

import type { CarrierName } from "../../core/admission/carrier-codec.ts";
import { EntmootError } from "../../core/errors.ts";
import type { PublicKey } from "../../core/ids.ts";
import type { Dialect } from "../../wire/frame/frame-types.ts";
import { READ_MAX_BYTES, readUnderWay, writeUnderWay } from "../byte-stream.ts";
import type { PeerProof, PeerStream } from "../transport.ts";
import { settleOrAbort } from "../wait.ts";

/** Ours. Bytes a writer may be ahead of its reader; small, so that tests meet backpressure. */
const PIPE_MAX_BYTES = 262_144;

/** One direction: bytes in order, then an end or a failure. */
class Pipe {
  #pieces: Uint8Array[] = [];
  #held = 0;
  #ended = false;
  #failure: EntmootError | undefined;
  #lost = false;
  #changed = Promise.withResolvers<void>();

  /** Takes bytes as room appears. */
  async write(bytes: Uint8Array, isWanted: () => boolean): Promise<void> {
    let rest = bytes.slice();
    while (rest.length > 0) {
      if (this.#failure) throw this.#failure;
      if (this.#lost || !isWanted()) return;
      const room = PIPE_MAX_BYTES - this.#held;
      if (room <= 0) {
        await this.#changed.promise;
        continue;
      }
      const piece = rest.subarray(0, room);
      rest = rest.subarray(piece.length);
      this.#pieces.push(piece);
      this.#held += piece.length;
      this.#wake();
    }
    if (this.#failure) throw this.#failure;
  }

  /** Resolves once `read` has an answer. */
  async ready(): Promise<void> {
    while (this.#held === 0 && !this.#ended && !this.#failure && !this.#lost) await this.#changed.promise;
  }

  /** What is there, `null` after the end. A failure wins over bytes not yet read, as a reset does; a loss does not. */
  read(maxBytes: number): Uint8Array | null | "lost" {
    if (this.#failure) throw this.#failure;
    const piece = this.#pieces.shift();
    if (!piece) return this.#ended ? null : "lost";
    const taken = piece.subarray(0, maxBytes);
    if (taken.length < piece.length) this.#pieces.unshift(piece.subarray(maxBytes));
    this.#held -= taken.length;
    this.#wake();
    return taken;
  }

  end(): void {
    this.#ended = true;
    this.#wake();
  }

  /** No effect on a direction that has come to its end. */
  fail(error: EntmootError): void {
    if (this.#ended && this.#held === 0) return;
    this.#failure ??= error;
    this.#pieces = [];
    this.#held = 0;
    this.#wake();
  }

  /** No more bytes will come: a direction that has its end keeps it, another fails after what is there. */
  lose(): void {
    this.#lost = true;
    this.#wake();
  }

  #wake(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }
}

/** What one memory network passes for, so that tests meet every kind of carrier. */
export interface MemoryManner {
  readonly carrier: CarrierName;
  readonly dialect: Dialect;
  readonly proof: PeerProof;
}

export interface MemoryStreamEvents {
  /** The first bytes, or the end, go out: the far side hears of the stream. */
  readonly onSpoken: () => void;
  /** The stream is no longer held by this side. */
  readonly onReleased: () => void;
}

export interface MemoryEnd {
  readonly remote: PublicKey;
  readonly host: string | undefined;
  readonly events: MemoryStreamEvents;
}

/** One end of a stream of `MemoryNetwork`. */
export class MemoryStream implements PeerStream {
  readonly remote: PublicKey;
  readonly host: string | undefined;
  readonly dialect: Dialect;
  readonly proof: PeerProof;
  readonly #in: Pipe;
  readonly #out: Pipe;
  readonly #events: MemoryStreamEvents;
  #finished = false;
  #readEnd = false;
  #released = false;
  #writable = true;
  #writeBusy = false;
  #failure: EntmootError | undefined;
  #loss = new EntmootError("unavailable", "stream: connection lost");
  #endRead: ((error: Error) => void) | undefined;
  #endWrite: ((error: Error) => void) | undefined;

  private constructor(end: MemoryEnd, manner: MemoryManner, incoming: Pipe, outgoing: Pipe) {
    this.remote = end.remote;
    this.host = end.host;
    this.dialect = manner.dialect;
    this.proof = manner.proof;
    this.#in = incoming;
    this.#out = outgoing;
    this.#events = end.events;
  }

  /** Both ends of a new stream between the node that opens it and the one that accepts it. */
  static pair(
    ends: { readonly opener: MemoryEnd; readonly accepter: MemoryEnd },
    manner: MemoryManner,
  ): [opener: MemoryStream, accepter: MemoryStream] {
    const [there, back] = [new Pipe(), new Pipe()];
    return [new MemoryStream(ends.opener, manner, back, there), new MemoryStream(ends.accepter, manner, there, back)];
  }

  async read(maxBytes: number, signal?: AbortSignal): Promise<Uint8Array | null> {
    if (this.#failure) throw this.#failure;
    if (this.#endRead) throw readUnderWay("read");
    await settleOrAbort(this.#in.ready(), {
      signal,
      subject: "read",
      onGiveUp: (end) => {
        this.#endRead = end;
      },
    });
    const bytes = this.#in.read(Math.min(maxBytes, READ_MAX_BYTES));
    if (bytes === "lost") throw this.#loss;
    if (bytes === null) {
      this.#readEnd = true;
      this.#releaseIfOver();
    }
    return bytes;
  }

  async write(bytes: Uint8Array, signal?: AbortSignal): Promise<void> {
    if (this.#failure) throw this.#failure;
    if (this.#finished) throw new EntmootError("unavailable", "write: our side of the stream is finished");
    if (this.#writeBusy) throw writeUnderWay("write");
    if (!this.#writable) throw this.#loss;
    this.#writeBusy = true;
    this.#events.onSpoken();
    try {
      await settleOrAbort(
        this.#out.write(bytes, () => this.#writable),
        {
          signal,
          subject: "write",
          onGiveUp: (end) => {
            this.#endWrite = end;
          },
        },
      );
    } catch (error) {
      // How much went out is unknown, so the stream stays busy: it takes no further write.
      this.#writable = false;
      throw error;
    }
    this.#writeBusy = false;
  }

  async finish(): Promise<void> {
    if (this.#finished || this.#failure) return;
    if (this.#writeBusy) throw writeUnderWay("finish");
    this.#finished = true;
    this.#events.onSpoken();
    this.#out.end();
    this.#releaseIfOver();
  }

  reset(): void {
    this.fail(
      new EntmootError("unavailable", "stream: reset by the peer"),
      new EntmootError("unavailable", "stream: reset"),
    );
  }

  /** Drops both sides; the far end reads `there`, this one `here`. What was finished before still arrives. */
  fail(there: EntmootError, here: EntmootError): void {
    if (this.#released) return;
    this.#writable = false;
    this.#failure = here;
    if (!this.#finished) this.#out.fail(there);
    this.#in.fail(there);
    this.#endRead?.(here);
    this.#endWrite?.(here);
    this.#release();
  }

  /** The connection is gone: what arrived and was finished stays readable, everything else throws `error`. */
  lose(error: EntmootError): void {
    if (this.#released) return;
    this.#writable = false;
    this.#loss = error;
    this.#out.lose();
    this.#in.lose();
    this.#endWrite?.(error);
    this.#release();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#failure || this.#released) return;
    if (this.#writeBusy) return this.reset();
    await this.finish();
    if (this.#released) return;
    this.#in.fail(new EntmootError("unavailable", "stream: the peer stopped reading"));
    this.#release();
  }

  #releaseIfOver(): void {
    if (this.#finished && this.#readEnd) this.#release();
  }

  #release(): void {
    if (this.#released) return;
    this.#released = true;
    this.#events.onReleased();
  }
}

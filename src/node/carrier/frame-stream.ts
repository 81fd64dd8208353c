import { EntmootError } from "../../core/errors.ts";
import type { PeerStream } from "../../transport/transport.ts";
import { type FrameLimits, peerLimits } from "../../wire/frame/frame-limits.ts";
import { FrameReader } from "../../wire/frame/frame-reader.ts";
import type { Dialect } from "../../wire/frame/frame-types.ts";
import { decodeFrame, encodeFrame, type Frame, type UnknownExtension } from "../../wire/peer/frame.ts";

/** Ours. The carrier's largest piece. */
const PIECE_BYTES = 64 * 1024;

/** Frames over one stream to a peer. Owns the stream. */
export class FrameStream implements AsyncDisposable {
  readonly #stream: PeerStream;
  readonly #dialect: Dialect;
  readonly #reader: FrameReader;
  /** Body bytes of the frame read last. */
  lastFrameBytes = 0;

  /** `limits` may be narrower than the dialect's. */
  constructor(stream: PeerStream, dialect: Dialect, limits: FrameLimits = peerLimits(dialect)) {
    this.#stream = stream;
    this.#dialect = dialect;
    this.#reader = new FrameReader(limits);
  }

  /**
   * The next frame, `undefined` when the peer ended its side between two. Throws `malformed_frame`,
   * `frame_too_large`, `unknown_frame`, `unavailable` (the stream broke) and `timeout`.
   */
  async read(signal: AbortSignal): Promise<Frame | UnknownExtension | undefined> {
    for (;;) {
      const raw = this.#reader.next();
      if (raw !== undefined) {
        this.lastFrameBytes = raw.body.length;
        return decodeFrame(raw.type, raw.body, this.#dialect);
      }
      const bytes = await this.#stream.read(PIECE_BYTES, signal);
      if (bytes !== null) this.#reader.push(bytes);
      else if (this.#reader.end() === "clean") return undefined;
      else throw new EntmootError("malformed_frame", "frame: expected the rest of it, found the end of the stream");
    }
  }

  write(frame: Frame, signal: AbortSignal): Promise<void> {
    return this.#stream.write(encodeFrame(frame, this.#dialect), signal);
  }

  finish(): Promise<void> {
    return this.#stream.finish();
  }

  reset(): void {
    this.#stream.reset();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stream[Symbol.asyncDispose]();
  }
}

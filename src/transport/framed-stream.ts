import { EntmootError } from "../core/errors.ts";
import type { FrameLanguage } from "../wire/frame/frame-language.ts";
import { FrameReader } from "../wire/frame/frame-reader.ts";
import { type ByteStream, READ_MAX_BYTES } from "./byte-stream.ts";

/**
 * Frames of one language over the bytes of one stream, whatever carries it. Owns the stream. As on the stream itself,
 * one read and one write may be under way at a time.
 */
export class FramedStream<Said, Heard = Said> implements AsyncDisposable {
  readonly #stream: ByteStream;
  readonly #language: FrameLanguage<Said, Heard>;
  readonly #reader: FrameReader;
  /** Body bytes of the frame read last. */
  lastFrameBytes = 0;

  constructor(stream: ByteStream, language: FrameLanguage<Said, Heard>) {
    this.#stream = stream;
    this.#language = language;
    this.#reader = new FrameReader(language.limits);
  }

  /**
   * The next frame, `undefined` when the other side ended between two. Throws `malformed_frame` (also when it ended
   * within one), `frame_too_large`, `unknown_frame`, `unavailable` (the stream broke) and `timeout`; a read that timed
   * out loses nothing.
   */
  async read(signal?: AbortSignal): Promise<Heard | undefined> {
    for (;;) {
      const raw = this.#reader.next();
      if (raw !== undefined) {
        this.lastFrameBytes = raw.body.length;
        return this.#language.decode(raw.type, raw.body);
      }
      const bytes = await this.#stream.read(READ_MAX_BYTES, signal);
      if (bytes !== null) this.#reader.push(bytes);
      else if (this.#reader.end() === "clean") return undefined;
      else throw new EntmootError("malformed_frame", "frame: expected the rest of it, found the end of the stream");
    }
  }

  /**
   * Resolves when the carrier has taken the whole frame. Throws what the language cannot say before a byte goes out
   * (`unsupported`, `frame_too_large`, `invalid_argument`), then as the stream's `write`.
   */
  async write(frame: Said, signal?: AbortSignal): Promise<void> {
    await this.#stream.write(this.#language.encode(frame), signal);
  }

  /** Ends our side; what was written still arrives. */
  finish(): Promise<void> {
    return this.#stream.finish();
  }

  /** Drops both sides at once. */
  reset(): void {
    this.#stream.reset();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stream[Symbol.asyncDispose]();
  }
}

import { EntmootError } from "../core/errors.ts";
import type { FrameLanguage } from "../wire/frame/frame-language.ts";
import { FrameReader, type RawFrame } from "../wire/frame/frame-reader.ts";
import { type ByteStream, READ_MAX_BYTES } from "./byte-stream.ts";

/**
 * Hears how many bytes are held of what is not read yet whenever `came` bytes came. More is read once it is over, and
 * what it throws, `read` throws.
 */
export type OnHeld = (held: number, came: number) => Promise<void> | undefined;

/**
 * Frames of one language over the bytes of one stream, whatever carries it. Owns the stream. As on the stream itself,
 * one read and one write may be under way at a time.
 */
export class FramedStream<Said, Heard = Said> implements AsyncDisposable {
  readonly #stream: ByteStream;
  readonly #language: FrameLanguage<Said, Heard>;
  readonly #reader: FrameReader;
  readonly #onHeld: OnHeld | undefined;
  /** Body bytes of the frame read last. */
  lastFrameBytes = 0;

  constructor(stream: ByteStream, language: FrameLanguage<Said, Heard>, onHeld?: OnHeld) {
    this.#stream = stream;
    this.#language = language;
    this.#reader = new FrameReader(language.limits);
    this.#onHeld = onHeld;
  }

  /**
   * The next frame, `undefined` when the other side ended between two. Throws `malformed_frame` (also when it ended
   * within one), `frame_too_large`, `unknown_frame`, `unavailable` (the stream broke) and `timeout`; a read that timed
   * out loses nothing.
   */
  async read(signal?: AbortSignal): Promise<Heard | undefined> {
    const raw = await this.readRaw(signal);
    return raw === undefined ? undefined : this.decode(raw);
  }

  /** As `read`, for who wants to know what a frame costs before it is decoded. */
  async readRaw(signal?: AbortSignal): Promise<RawFrame | undefined> {
    for (;;) {
      const raw = this.#reader.next();
      if (raw !== undefined) {
        this.lastFrameBytes = raw.body.length;
        return raw;
      }
      const bytes = await this.#stream.read(READ_MAX_BYTES, signal);
      if (bytes !== null) {
        this.#reader.push(bytes);
        const over = this.#onHeld?.(this.#reader.heldBytes, bytes.length);
        if (over !== undefined) await over;
      } else if (this.#reader.end() === "clean") return undefined;
      else throw new EntmootError("malformed_frame", "frame: expected the rest of it, found the end of the stream");
    }
  }

  /** What `readRaw` gave. Throws `malformed_frame` and `unknown_frame`. */
  decode({ body, type }: RawFrame): Heard {
    return this.#language.decode(type, body);
  }

  /** Writes one frame that is made on the way: the next piece once the carrier has taken the one before and `ahead` of it is over. */
  async writePieces(
    pieces: Iterable<Uint8Array>,
    { ahead, signal }: { readonly ahead: () => Promise<void>; readonly signal?: AbortSignal },
  ): Promise<void> {
    for (const piece of pieces) {
      await ahead();
      await this.#stream.write(piece, signal);
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

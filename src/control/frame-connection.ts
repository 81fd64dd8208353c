import { EntmootError } from "../core/errors.ts";
import { type ControlFrame, decodeControlFrame, encodeControlFrame } from "../wire/control/control-frame.ts";
import { controlLimits } from "../wire/control/control-limits.ts";
import { FrameReader, type RawFrame } from "../wire/frame/frame-reader.ts";
import type { UnknownExtension } from "../wire/peer/frame.ts";
import type { Patience } from "./patience.ts";
import type { SocketStream } from "./socket-stream.ts";

/** Control-socket frames over one socket, in both directions. */
export class FrameConnection implements Disposable {
  readonly #stream: SocketStream;
  readonly #reader = new FrameReader(controlLimits);

  constructor(stream: SocketStream) {
    this.#stream = stream;
  }

  /** Aborts once the other side has ended its half: nobody waits for more. */
  get gone(): AbortSignal {
    return this.#stream.gone;
  }

  /**
   * The next frame with its body not yet decoded; `null` when the other side ended between two frames.
   * Throws `unavailable` when it ended within one, `timeout`, `malformed_frame`, `frame_too_large`.
   */
  async receiveRaw(patience: Patience = {}): Promise<RawFrame | null> {
    for (;;) {
      const frame = this.#reader.next();
      if (frame !== undefined) return frame;
      const chunk = await this.#stream.read(patience);
      if (chunk === null) {
        if (this.#reader.end() === "clean") return null;
        throw new EntmootError("unavailable", "control socket: closed within a frame");
      }
      this.#reader.push(chunk);
    }
  }

  /** As `receiveRaw`, decoded; throws `unknown_frame` too. */
  async receive(patience: Patience = {}): Promise<ControlFrame | UnknownExtension | null> {
    const raw = await this.receiveRaw(patience);
    return raw === null ? null : decodeControlFrame(raw.type, raw.body);
  }

  /** Resolves when the system has taken the whole frame. Throws `unavailable`, `timeout`, `frame_too_large`. */
  async send(frame: ControlFrame, patience: Patience = {}): Promise<void> {
    await this.#stream.write(encodeControlFrame(frame), patience);
  }

  /** Closes at once; what `send` has resolved for still arrives. */
  [Symbol.dispose](): void {
    this.#stream.destroy();
  }
}

import type { Clock } from "../core/clock.ts";
import { EntmootError } from "../core/errors.ts";
import { Deadline } from "../transport/wait.ts";
import { type ControlFrame, encodeControlFrame } from "../wire/control/control-frame.ts";
import type { FrameReader } from "../wire/frame/frame-reader.ts";
import { type BodyLimit, controlReader, decodeRead, type ReadFrame } from "./control-language.ts";
import { Outgoing } from "./outgoing.ts";
import type { SocketStream } from "./socket-stream.ts";

/** How long a frame that has begun may take to be there. */
export interface WholeFrames {
  readonly clock: Clock;
  readonly withinMs: number;
}

/** Control-socket frames over one socket, in both directions. Frames of several senders go out in the order handed in. */
export class ControlConnection implements Disposable {
  readonly #stream: SocketStream;
  readonly #reader: FrameReader;
  readonly #outgoing: Outgoing;

  readonly #whole: WholeFrames | undefined;

  /** `bodyLimit`: the most bytes this side takes behind the head of an operation frame. `whole`: else a frame may take any time. */
  constructor(stream: SocketStream, bodyLimit: BodyLimit, whole?: WholeFrames) {
    this.#whole = whole;
    this.#stream = stream;
    this.#reader = controlReader(bodyLimit);
    this.#outgoing = new Outgoing(stream);
  }

  /** Aborts once the other side has ended its half: nobody waits for more. */
  get gone(): AbortSignal {
    return this.#stream.gone;
  }

  /** The other side has ended its half, or the connection is closed. */
  get isOver(): boolean {
    return this.#stream.isOver;
  }

  /** Bytes handed to `send` that wait to be taken. */
  get unsentBytes(): number {
    return this.#outgoing.bytes;
  }

  /** Resolves once no more than so many bytes handed to `send` wait to be taken, or the connection is closed. */
  unsentAtMost(bytes: number): Promise<void> {
    return this.#outgoing.drainedTo(bytes);
  }

  /**
   * The next frame; `null` when the other side ended between two frames. Throws `unavailable` when it ended within
   * one, `timeout` when `signal` aborts or a frame that has begun takes too long, `malformed_frame`, `frame_too_large`, `unknown_frame`.
   */
  async receive(signal?: AbortSignal): Promise<ReadFrame | null> {
    let late: Deadline | undefined;
    try {
      for (;;) {
        const frame = this.#reader.next();
        if (frame !== undefined) return decodeRead(frame);
        if (this.#whole !== undefined && this.#reader.isWithinFrame)
          late ??= new Deadline(this.#whole.clock, this.#whole.withinMs, signal);
        const chunk = await this.#stream.read(late?.signal ?? signal);
        if (chunk === null) {
          if (this.#reader.end() === "clean") return null;
          throw new EntmootError("unavailable", "control socket: closed within a frame");
        }
        this.#reader.push(chunk);
      }
    } finally {
      late?.[Symbol.dispose]();
    }
  }

  /** Resolves when the system has taken the whole frame. Throws `unavailable`, `frame_too_large`. */
  send(frame: ControlFrame): Promise<void> {
    let bytes: Uint8Array;
    try {
      bytes = encodeControlFrame(frame);
    } catch (error) {
      return Promise.reject(error);
    }
    return this.#outgoing.send(bytes);
  }

  /** Closes at once; what `send` has resolved for still arrives. */
  [Symbol.dispose](): void {
    this.#outgoing.end();
    this.#stream.destroy();
  }
}

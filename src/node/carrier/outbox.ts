import type { Clock } from "../../core/clock.ts";
import { textOf } from "../../core/errors.ts";
import type { PeerStream } from "../../transport/transport.ts";
import { Deadline } from "../../transport/wait.ts";
import type { Dialect } from "../../wire/frame/frame-types.ts";
import { encodeSized, type Frame, type SizedFrame, sizeFrame } from "../../wire/peer/frame.ts";
import type { HeldBytes } from "./peer-budget.ts";

/** Ours. Bytes handed to one stream: what fails with it fails together, and at this size a further stream costs little beside it. */
const STREAM_MAX_BYTES = 1024 * 1024;

/** Ours. A peer that takes nothing for this long is treated as lost. */
const WRITE_TIMEOUT_MS = 10_000;

export interface OutboxParts {
  readonly clock: Clock;
  readonly open: () => Promise<PeerStream>;
  /** Room for what waits; calls back when it goes to somebody else. */
  readonly hold: (onLost: () => void) => HeldBytes;
}

/** A frame that goes to several peers is written once. */
const WRITTEN = new WeakMap<Frame, SizedFrame>();

interface WaitingFrame {
  readonly frame: SizedFrame;
  readonly failed: (error: unknown) => void;
}

/**
 * One-way frames on their way to one peer, in order. What gathers while a stream is being written goes
 * out together on the next, so a slow peer costs fewer streams, not more. The stream says in which dialect.
 */
export class Outbox {
  readonly #clock: Clock;
  readonly #open: () => Promise<PeerStream>;
  /** What waits and what is being written; past its room a frame fails at once and catching up brings it later. */
  readonly #held: HeldBytes;
  #waiting: WaitingFrame[] = [];
  #running: Promise<void> | undefined;

  constructor({ clock, hold, open }: OutboxParts) {
    this.#clock = clock;
    this.#open = open;
    this.#held = hold(() => this.#lose(new Error("what waited for this peer made room for others")));
  }

  /**
   * `failed` is called when the frame was certainly or possibly not delivered; with `unsupported` or `frame_too_large`
   * when the dialect of the stream that came cannot say it. Throws `invalid_argument` for what no peer would accept.
   */
  send(frame: Frame, failed: (error: unknown) => void): void {
    const sized = WRITTEN.get(frame) ?? sizeFrame(frame);
    WRITTEN.set(frame, sized);
    try {
      this.#held.resize(this.#held.bytes + sized.length);
    } catch (error) {
      // Its code would say that the peer refused.
      queueMicrotask(() => failed(new Error(textOf(error))));
      return;
    }
    this.#waiting.push({ frame: sized, failed });
    this.#start();
  }

  /** Resolves when nothing waits or is being written. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  #start(): void {
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
      // One may have come after the last look and before this.
      if (this.#waiting.length > 0) this.#start();
    });
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      let batch: WaitingFrame[] = [];
      try {
        const stream = await this.#open();
        batch = this.#nextBatch();
        await using owned = stream;
        const said = sayable(batch, owned.dialect);
        batch = said.map(({ waiting }) => waiting);
        if (said.length === 0) {
          owned.reset();
          continue;
        }
        using deadline = new Deadline(this.#clock, WRITE_TIMEOUT_MS);
        await owned.write(join(said), deadline.signal);
        await owned.finish();
      } catch (error) {
        // A peer that cannot be opened now will not be for the next frame either.
        for (const { failed } of batch) failed(error);
        this.#lose(error);
      } finally {
        this.#held.tryResize(this.#waiting.reduce((sum, { frame }) => sum + frame.length, 0));
      }
    }
  }

  #lose(error: unknown): void {
    for (const { failed } of this.#waiting.splice(0)) failed(error);
  }

  #nextBatch(): WaitingFrame[] {
    let bytes = 0;
    let count = 0;
    while (
      count < this.#waiting.length &&
      (count === 0 || bytes + this.#waiting[count]!.frame.length <= STREAM_MAX_BYTES)
    ) {
      bytes += this.#waiting[count]!.frame.length;
      count += 1;
    }
    return this.#waiting.splice(0, count);
  }
}

interface SayableFrame {
  readonly waiting: WaitingFrame;
  readonly bytes: Uint8Array;
}

/** Those of the batch that can be said in the dialect; the senders of the others are told. */
function sayable(batch: readonly WaitingFrame[], dialect: Dialect): SayableFrame[] {
  const said: SayableFrame[] = [];
  for (const waiting of batch) {
    try {
      said.push({ waiting, bytes: encodeSized(waiting.frame, dialect) });
    } catch (error) {
      waiting.failed(error);
    }
  }
  return said;
}

function join(said: readonly SayableFrame[]): Uint8Array {
  return said.length === 1 ? said[0]!.bytes : Buffer.concat(said.map(({ bytes }) => bytes));
}

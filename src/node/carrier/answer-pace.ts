import type { Clock } from "../../core/clock.ts";

/** Ours. What has begun to come is looked at this often. */
export const LOOK_EVERY_MS = 10_000;

/** Ours. What has to come between two looks: half of what the largest answer needs to come in its time. */
const BYTES_MIN = 64 * 1024;

/** Watches that something which has begun to come goes on coming: what trickles would keep its place for nothing. */
export class AnswerPace implements Disposable {
  readonly #clock: Clock;
  readonly #onSlow: () => void;
  #bytes = 0;
  #timer: Disposable | undefined;

  constructor(clock: Clock, onSlow: () => void) {
    this.#clock = clock;
    this.#onSlow = onSlow;
  }

  came(bytes: number): void {
    this.#bytes += bytes;
    this.#timer ??= this.#lookLater();
  }

  #lookLater(): Disposable {
    return this.#clock.after(LOOK_EVERY_MS, () => {
      if (this.#bytes < BYTES_MIN) return this.#onSlow();
      this.#bytes = 0;
      this.#timer = this.#lookLater();
    });
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
  }
}

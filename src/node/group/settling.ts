import { latestDate } from "../../core/ahead.ts";
import type { Clock } from "../../core/clock.ts";
import { EntmootError } from "../../core/errors.ts";
import type { MessageStore } from "../../store/group-store.ts";
import type { Retention } from "./retention.ts";

/** Ours. Messages that get another place in one turn: a few milliseconds. */
const PIECE_MESSAGES = 64;

interface SettlingParts {
  readonly messages: Pick<MessageStore, "settleAhead">;
  readonly retention: Pick<Retention, "isTimeGood">;
  readonly clock: Pick<Clock, "after" | "unix">;
}

/** Places messages dated ahead by when they came, and others by their own dates, as far as a wrong clock did it otherwise. */
export class Settling {
  readonly #parts: SettlingParts;
  #next: Disposable | undefined;
  #closed = false;

  constructor(parts: SettlingParts) {
    this.#parts = parts;
  }

  /** Looks soon whether there are any; nothing is changed on the word of a clock that is not known to be right. */
  look(): void {
    if (this.#closed || !this.#parts.retention.isTimeGood) return;
    this.#next ??= this.#parts.clock.after(0, () => this.#settle());
  }

  close(): void {
    this.#closed = true;
    this.#next?.[Symbol.dispose]();
  }

  #settle(): void {
    this.#next = undefined;
    const { clock, messages, retention } = this.#parts;
    if (!retention.isTimeGood) return;
    const now = clock.unix();
    try {
      const changed = messages.settleAhead({ latest: latestDate(now), now: BigInt(Math.floor(now)) }, PIECE_MESSAGES);
      if (changed > 0) this.look();
    } catch (error) {
      // What keeps it from being written is told where messages are stored, and it is looked again.
      if (!(error instanceof EntmootError)) throw error;
    }
  }
}

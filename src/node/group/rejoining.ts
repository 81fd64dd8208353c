import type { Clock } from "../../core/clock.ts";
import { EntmootError } from "../../core/errors.ts";
import type { MessageStore } from "../../store/group-store.ts";
import type { ChangeSignal } from "../change-signal.ts";
import type { GroupRoster } from "./group-roster.ts";

/** Ours. Messages that get their places in one turn: a few milliseconds. */
const PIECE_MESSAGES = 64;

interface RejoiningParts {
  readonly messages: Pick<MessageStore, "rejoin">;
  readonly roster: Pick<GroupRoster, "members">;
  readonly clock: Pick<Clock, "after">;
  readonly changed: Pick<ChangeSignal, "notify">;
}

/** Gives messages that were set apart their places in the delivery log, piece by piece, once they are not apart any more. */
export class Rejoining {
  readonly #parts: RejoiningParts;
  #next: Disposable | undefined;
  #closed = false;

  constructor(parts: RejoiningParts) {
    this.#parts = parts;
  }

  /** Looks soon whether there are any. */
  look(): void {
    if (this.#closed) return;
    this.#next ??= this.#parts.clock.after(0, () => this.#give());
  }

  close(): void {
    this.#closed = true;
    this.#next?.[Symbol.dispose]();
  }

  #give(): void {
    this.#next = undefined;
    const { changed, messages, roster } = this.#parts;
    let given = 0;
    try {
      given = messages.rejoin((key) => roster.members.has(key), PIECE_MESSAGES);
    } catch (error) {
      // What keeps it from being written is told where messages are stored, and it is looked again.
      if (!(error instanceof EntmootError)) throw error;
    }
    if (given === 0) return;
    changed.notify();
    this.look();
  }
}

import type { Clock } from "../core/clock.ts";
import { EntmootError, textOf } from "../core/errors.ts";
import { GroupId } from "../core/ids.ts";
import type { Log } from "../host/log.ts";
import type { DataRoot } from "../store/data-root.ts";
import { DeclinedMoot } from "./default-moot/declined.ts";

/** Ours. Until the first further try; what is wrong for a moment, as a lock, is soon over. */
const FIRST_TRY_MS = 1_000;
/** Ours. Each try waits twice as long as the one before, up to this: a damaged file costs a look each time. */
const LAST_TRY_MS = 60_000;

export interface UnopenedParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly root: Pick<DataRoot, "groupIds" | "leftOut">;
  /** Opens one. Throws why it cannot be opened. */
  readonly open: (id: GroupId) => void;
  /** The same while others are served. */
  readonly openInTurns: (id: GroupId) => Promise<void>;
}

/**
 * Groups that are on the disk and could not be opened, with why. One that cannot be opened does not take the others with
 * it, and is tried again and again: what was wrong may be over, or mended by somebody.
 */
export class UnopenedGroups implements Disposable {
  readonly #parts: UnopenedParts;
  readonly #reasons = new Map<GroupId, EntmootError>();
  #waitMs = FIRST_TRY_MS;
  #next: Disposable | undefined;
  #isOver = false;

  constructor(parts: UnopenedParts) {
    this.#parts = parts;
  }

  /** Opens all that are joined, and sees to those that cannot be opened from now on. */
  openAll(): void {
    for (const id of this.#parts.root.groupIds()) this.#tryOne(id);
    this.#tryLater();
  }

  /** Why this one is not open; `undefined` when it is, or is not there. */
  reason(id: GroupId): EntmootError | undefined {
    return this.#reasons.get(id) ?? this.#parts.root.leftOut.get(id);
  }

  /** All of them, each with why. */
  all(): ReadonlyMap<GroupId, EntmootError> {
    return new Map([...this.#parts.root.leftOut, ...this.#reasons]);
  }

  /** It is open, or is there no more. */
  forget(id: GroupId): void {
    this.#reasons.delete(id);
  }

  /** Opens one that was closed, now or as soon as that can be done. */
  async openAgain(id: GroupId): Promise<void> {
    try {
      await this.#parts.openInTurns(id);
    } catch (error) {
      this.#note(id, error);
      if (this.#next === undefined) this.#tryLater();
    }
  }

  /** Tries no more. */
  [Symbol.dispose](): void {
    this.#isOver = true;
    this.#next?.[Symbol.dispose]();
  }

  #tryOne(id: GroupId): void {
    try {
      this.#parts.open(id);
    } catch (error) {
      this.#note(id, error);
    }
  }

  #note(id: GroupId, error: unknown): void {
    const failure = failureOf(error);
    const isNews = this.#reasons.get(id)?.message !== failure.message;
    if (isNews && failure instanceof DeclinedMoot) this.#parts.log.warn(failure.message);
    else if (isNews) this.#parts.log.error(`group ${id}: not opened: ${failure.message}`);
    this.#reasons.set(id, failure);
  }

  #tryLater(): void {
    if (this.#isOver || this.all().size === 0) return;
    this.#next = this.#parts.clock.after(this.#waitMs, () => void this.#tryAgain(), { idle: true });
    this.#waitMs = Math.min(2 * this.#waitMs, LAST_TRY_MS);
  }

  async #tryAgain(): Promise<void> {
    this.#next = undefined;
    for (const id of this.#stillThere()) {
      if (this.#isOver) return;
      try {
        await this.#parts.openInTurns(id);
        this.#reasons.delete(id);
        this.#parts.log.info(`group ${GroupId.toBase64(id)}: opened now`);
      } catch (error) {
        if (!this.#isOver) this.#note(id, error);
      }
    }
    this.#tryLater();
  }

  /** Those that are still on the disk; the others are forgotten. */
  #stillThere(): readonly GroupId[] {
    // Asked first: looking again takes from them what was left out and is whole by now, which is to be opened.
    const before = [...this.all().keys()];
    try {
      const joined = new Set(this.#parts.root.groupIds());
      for (const id of before) if (!joined.has(id)) this.#reasons.delete(id);
      return before.filter((id) => joined.has(id));
    } catch (error) {
      // The folder of the groups itself cannot be read: that may be over by the next time.
      if (!(error instanceof EntmootError)) throw error;
      return [];
    }
  }
}

/** Whatever it was: a fault of ours in one group is no reason to open none. */
function failureOf(error: unknown): EntmootError {
  if (error instanceof EntmootError) return error;
  return new EntmootError("internal", textOf(error), { cause: error });
}

import type { Clock, SteadyMs } from "../../core/clock.ts";
import { later } from "../../core/clock.ts";
import { FairShares } from "../../core/fair-shares.ts";
import type { MessageId, PublicKey } from "../../core/ids.ts";
import { SaltedMap } from "../../core/salted-map.ts";

/** Ours. What waits for its author's budget, in all and of one author: 32 bytes each, and some more. */
const OWED_MAX = 16_384;
const OWED_PER_AUTHOR_MAX = 4096;
/** Ours. At least, between two looks at what is due; and how much of it is asked for at a time. */
const LOOK_EVERY_MS = 1_000;
const ASKED_MAX = 64;

interface Debt {
  readonly author: number;
  /** Who has it. */
  readonly from: PublicKey;
  readonly dueAt: SteadyMs;
}

/** A message that its author's budget has no room for now. */
export interface Delay {
  readonly id: MessageId;
  readonly author: number;
  readonly from: PublicKey;
  /** How long until there is room for it, and how much of the author's time it takes then, in milliseconds. */
  readonly waitMs: number;
  readonly takesMs: number;
}

interface OwedParts {
  readonly clock: Pick<Clock, "after" | "steady">;
  /** Asks `from` for messages whose turn has come. */
  readonly ask: (from: PublicKey, ids: readonly MessageId[]) => void;
}

/**
 * Messages that came sooner than the rates of their authors allow. Their bodies are not kept; each has its turn at the
 * pace of the rates, and is asked for again then. Until then the machines count it as known.
 */
export class Owed {
  readonly #parts: OwedParts;
  readonly #debts = new SaltedMap<MessageId, Debt>();
  readonly #shares = new FairShares<number, MessageId>();
  /** When the last of each author is due. */
  readonly #lastAt = new Map<number, SteadyMs>();
  #next: { readonly at: SteadyMs; readonly timer: Disposable } | undefined;
  #closed = false;

  constructor(parts: OwedParts) {
    this.#parts = parts;
  }

  get size(): number {
    return this.#debts.size;
  }

  /** Whether its turn has not come yet. */
  isWaiting(id: MessageId): boolean {
    const debt = this.#debts.get(id);
    return debt !== undefined && debt.dueAt > this.#parts.clock.steady();
  }

  /** How long until its turn, in milliseconds; `undefined` for one that is not owed. */
  waitOf(id: MessageId): number | undefined {
    const debt = this.#debts.get(id);
    return debt && Math.max(0, debt.dueAt - this.#parts.clock.steady());
  }

  /** Remembers one; `false` where there is no room: comparison finds it again. */
  note({ author, from, id, takesMs, waitMs }: Delay): boolean {
    this.#drop(id);
    if (this.#shares.of(author) >= OWED_PER_AUTHOR_MAX) return false;
    if (this.#debts.size >= OWED_MAX) {
      const victim = this.#shares.victimFor(author);
      if (victim === undefined) return false;
      this.#drop(victim);
    }
    const soonest = later(this.#parts.clock.steady(), waitMs);
    const lastAt = this.#lastAt.get(author);
    const next = lastAt === undefined ? soonest : later(lastAt, takesMs);
    const dueAt = next > soonest ? next : soonest;
    this.#debts.set(id, { author, from, dueAt });
    this.#shares.add(author, id);
    this.#lastAt.set(author, dueAt);
    this.#arm(dueAt);
    return true;
  }

  /** They are here, or will not be kept. */
  settled(ids: readonly MessageId[]): void {
    for (const id of ids) this.#drop(id);
  }

  /** Other rates hold now: comparison finds all again. */
  forget(): void {
    this.#debts.clear();
    this.#shares.clear();
    this.#lastAt.clear();
  }

  close(): void {
    this.#closed = true;
    this.#next?.timer[Symbol.dispose]();
  }

  #drop(id: MessageId): void {
    const debt = this.#debts.get(id);
    if (debt === undefined) return;
    this.#debts.delete(id);
    this.#shares.delete(debt.author, id);
    if (this.#shares.of(debt.author) === 0) this.#lastAt.delete(debt.author);
  }

  /** Looks soon after `at`. */
  #arm(at: SteadyMs): void {
    if (this.#closed || (this.#next !== undefined && this.#next.at <= at)) return;
    this.#next?.timer[Symbol.dispose]();
    const waitMs = Math.max(LOOK_EVERY_MS, at - this.#parts.clock.steady());
    this.#next = { at, timer: this.#parts.clock.after(waitMs, () => this.#look(), { idle: true }) };
  }

  #look(): void {
    this.#next = undefined;
    const now = this.#parts.clock.steady();
    const due: [MessageId, Debt][] = [];
    let next: SteadyMs | undefined;
    for (const [id, debt] of this.#debts) {
      if (debt.dueAt <= now && due.length < ASKED_MAX) due.push([id, debt]);
      else if (next === undefined || debt.dueAt < next) next = debt.dueAt;
    }
    // What does not come now is found by comparison.
    this.settled(due.map(([id]) => id));
    for (const [from, debts] of Map.groupBy(due, ([, debt]) => debt.from)) {
      this.#parts.ask(
        from,
        debts.map(([id]) => id),
      );
    }
    if (next !== undefined) this.#arm(next);
  }
}

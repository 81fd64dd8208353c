import type { Clock } from "../../core/clock.ts";
import { EntmootError } from "../../core/errors.ts";
import { factsOf, refusedUnsigned } from "../../core/kept.ts";
import type { PolicyHistory } from "../../core/policy/policy-history.ts";
import { decodeMessageForms } from "../../core/record/message.ts";
import type { MessageStore } from "../../store/group-store.ts";
import type { GroupPolicy } from "./group-policy.ts";
import type { GroupRoster } from "./group-roster.ts";

/** Ours. Messages whose length is looked at in one turn, and those of them that are read: a few milliseconds. */
const PIECE_LENGTHS = 1024;
const PIECE_READ = 32;
/** Ours. After what could not be done, as a full disk or another process that writes. */
const RETRY_MS = 30_000;

interface PolicyPassParts {
  readonly messages: Pick<MessageStore, "get" | "lengthsAfter" | "shed">;
  readonly policy: Pick<GroupPolicy, "forgetSpending" | "history">;
  readonly roster: Pick<GroupRoster, "log">;
  readonly clock: Pick<Clock, "after">;
  /** Told when what is held was held to the history as it is now. */
  readonly onDone: () => void;
}

/**
 * Holds what is held to the policies of its dates, whenever these became known: what is too large leaves. Goes through all
 * messages by their numbers, a piece in a turn, and through all again when the policies change meanwhile.
 */
export class PolicyPass {
  readonly #parts: PolicyPassParts;
  #after = Number.MIN_SAFE_INTEGER;
  #history: PolicyHistory | undefined;
  #next: Disposable | undefined;
  #closed = false;

  constructor(parts: PolicyPassParts) {
    this.#parts = parts;
  }

  /** Goes through all from the beginning. */
  start(): void {
    if (this.#closed) return;
    this.#history = this.#parts.policy.history;
    this.#after = Number.MIN_SAFE_INTEGER;
    this.#next ??= this.#parts.clock.after(0, () => this.#turn());
  }

  close(): void {
    this.#closed = true;
    this.#next?.[Symbol.dispose]();
  }

  #turn(): void {
    this.#next = undefined;
    if (this.#history !== this.#parts.policy.history) {
      this.start();
      return;
    }
    let isOver = false;
    try {
      isOver = this.#piece();
    } catch (error) {
      // What keeps it from being read or written is told where messages are stored, and may pass.
      if (!(error instanceof EntmootError)) throw error;
      this.#next = this.#parts.clock.after(RETRY_MS, () => this.#turn(), { idle: true });
      return;
    }
    if (isOver) this.#parts.onDone();
    else this.#next = this.#parts.clock.after(0, () => this.#turn());
  }

  /** Whether it was the last. */
  #piece(): boolean {
    const { messages, policy, roster } = this.#parts;
    const { history } = policy;
    const least = history.leastContentBytes;
    if (least === undefined) return true;
    const piece = messages.lengthsAfter(this.#after, PIECE_LENGTHS);
    // What is shorter as a whole has no longer content.
    const long = piece.filter(({ bytes }) => BigInt(bytes) > least).slice(0, PIECE_READ);
    const isCut = long.length === PIECE_READ;
    const gone = long.filter(({ id }) => {
      const stored = messages.get(id);
      if (stored === undefined) return false;
      const { message, ...forms } = decodeMessageForms(stored.canonical);
      return refusedUnsigned(factsOf(message, forms), roster.log, history)?.until === "policy";
    });
    if (gone.length > 0) {
      messages.shed(gone.map(({ id }) => id));
      policy.forgetSpending();
    }
    this.#after = (isCut ? long.at(-1) : piece.at(-1))?.seq ?? this.#after;
    return !isCut && piece.length < PIECE_LENGTHS;
  }
}

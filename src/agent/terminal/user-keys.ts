import type { Clock } from "../../core/clock.ts";

export interface UserKeysParts {
  readonly clock: Clock;
  /** Gives them to the program; whether they were anybody's, and no report of the terminal. */
  readonly pass: (bytes: Uint8Array) => boolean;
  /** Whether further keys are taken from the user's terminal. */
  readonly takeKeys: (areTaken: boolean) => void;
}

/** Ours. Keys that wait for the program, or while a text goes in; from there on they wait in the user's terminal. */
const WAITING_MAX_BYTES = 64 * 1024;

/** What the user types, on its way to the program; held back while a text goes in, as nothing may come between. */
export class UserKeys {
  readonly #parts: UserKeysParts;
  #lastMs: number;
  #held: Uint8Array[] | undefined;
  #heldBytes = 0;
  #heldSinceMs: number | undefined;
  #areTaken = true;

  constructor(parts: UserKeysParts) {
    this.#parts = parts;
    this.#lastMs = Number.NEGATIVE_INFINITY;
  }

  /** Since the last key. */
  get quietMs(): number {
    return this.#parts.clock.steady() - this.#lastMs;
  }

  /** How long the first of those held has waited; 0 without any. */
  get heldMs(): number {
    return this.#heldSinceMs === undefined ? 0 : this.#parts.clock.steady() - this.#heldSinceMs;
  }

  add(bytes: Uint8Array): void {
    if (this.#held === undefined) {
      if (this.#parts.pass(bytes)) this.#lastMs = this.#parts.clock.steady();
      return;
    }
    this.#held.push(bytes.slice());
    this.#heldBytes += bytes.length;
    this.#heldSinceMs ??= this.#parts.clock.steady();
    this.balance(0);
  }

  hold(): void {
    this.#held ??= [];
  }

  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    this.#heldBytes = 0;
    this.#heldSinceMs = undefined;
    for (const bytes of held) this.add(bytes);
    this.balance(0);
  }

  /** `queuedBytes`: what the program's terminal has not taken. */
  balance(queuedBytes: number): void {
    const areTaken = queuedBytes + this.#heldBytes < WAITING_MAX_BYTES;
    if (areTaken === this.#areTaken) return;
    this.#areTaken = areTaken;
    this.#parts.takeKeys(areTaken);
  }
}

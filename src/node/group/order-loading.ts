import type { Clock } from "../../core/clock.ts";
import type { MessageStore } from "../../store/group-store.ts";
import { Turns } from "../turns.ts";

/** Ours. Messages read and hashed in one turn: some three milliseconds. */
export const STEP_MESSAGES = 1024;

/**
 * Reads what the order of a group's messages and its Merkle root are made of, where they are not known: all that is
 * held, so it goes in turns. Who is about to ask for them waits here first, and all who do wait for one pass.
 */
export class OrderLoading {
  readonly #messages: Pick<MessageStore, "loadOrder">;
  readonly #turns: Turns;
  readonly #underWay = new Map<"root" | "parents", Promise<void>>();
  #isClosed = false;

  constructor(messages: Pick<MessageStore, "loadOrder">, clock: Pick<Clock, "after" | "steady">) {
    this.#messages = messages;
    this.#turns = new Turns(clock);
  }

  /** `undefined` where there is nothing to wait for. Rejects when it cannot be read, as asking would. */
  ready(of: "root" | "parents"): Promise<void> | undefined {
    const underWay = this.#underWay.get(of);
    if (underWay !== undefined) return underWay;
    if (this.#isClosed || this.#messages.loadOrder(0, { of })) return undefined;
    const loading = this.#load(of).finally(() => this.#underWay.delete(of));
    this.#underWay.set(of, loading);
    return loading;
  }

  /** Reads no more. */
  close(): void {
    this.#isClosed = true;
  }

  async #load(of: "root" | "parents"): Promise<void> {
    do await this.#turns.take();
    while (!this.#isClosed && !this.#messages.loadOrder(STEP_MESSAGES, { of }));
  }
}

import type { Caller, OperationHost } from "../node/operations/implementation.ts";
import type { OperationFrame } from "../wire/control/operation-frame.ts";
import type { Reservations } from "./reservations.ts";
import { isAllowed } from "./scope.ts";

/** Ours. A larger request than nearly all: few are received at a time. */
const LARGE_BYTES = 64 * 1024;

const MIB = 1024 * 1024;

/** Judges by its head how much of a request one connection receives, and reserves room for a large one while it comes. */
export class BodyRoom implements Disposable {
  readonly #host: OperationHost;
  readonly #caller: Caller;
  readonly #large: Reservations;
  #held: Disposable | undefined;

  constructor(host: OperationHost, caller: Caller, large: Reservations) {
    this.#host = host;
    this.#caller = caller;
    this.#large = large;
  }

  /** The most bytes behind a head: those of an operation that may be asked for here, while there is room for them. */
  readonly limit = ({ operation, role }: Omit<OperationFrame, "body">, rest: number): number => {
    if (role === "cancel" || role === "credit") return 0;
    const asked = role === "call" ? this.#host.find(operation) : undefined;
    if (asked === undefined || !isAllowed(asked, this.#caller)) return -1;
    if (rest <= LARGE_BYTES || rest > asked.requestMax) return asked.requestMax;
    try {
      this.#held = this.#large.reserve(Math.ceil(rest / MIB));
      return asked.requestMax;
    } catch {
      return -1;
    }
  };

  /** The frame is received whole, or never will be. */
  [Symbol.dispose](): void {
    this.#held?.[Symbol.dispose]();
    this.#held = undefined;
  }
}

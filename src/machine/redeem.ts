import type { SteadyMs } from "../core/clock.ts";
import type { ErrorCode } from "../core/errors.ts";
import type { Invite } from "../core/record/records.ts";
import type { MachineConfig } from "./machine-config.ts";

/** What a link was worth: a fresh invite, and what the issuer calls the group. */
export interface RedeemedInvite {
  readonly invite: Invite;
  /** Empty for nothing. */
  readonly name: string;
}

export type RedeemEvent =
  | { readonly kind: "start" }
  /** The issuer's answer, signature and expiry checked. */
  | ({ readonly kind: "redeemed" } & RedeemedInvite)
  /** The issuer said no: expired, used up, revoked, unknown. Asking again will not help. */
  | { readonly kind: "refused"; readonly code: ErrorCode; readonly message: string }
  /** No answer; `detail` is for people. */
  | { readonly kind: "unreachable"; readonly detail: string }
  | { readonly kind: "timer" };

export type RedeemEffect =
  /** Ends in `redeemed`, `refused` or `unreachable`. */
  | { readonly kind: "ask_issuer" }
  | { readonly kind: "schedule"; readonly afterMs: number }
  | { readonly kind: "progress"; readonly stage: "dialing" | "waiting" | "redeemed"; readonly message: string }
  /** The end: join with this. */
  | ({ readonly kind: "invited" } & RedeemedInvite)
  /** The end. */
  | { readonly kind: "failed"; readonly code: ErrorCode; readonly message: string };

/** Turns a link into an invite: asks the issuer, and while it is away again and again until the deadline. */
export class Redeem {
  readonly #config: MachineConfig["redeem"];
  readonly #deadlineMs: SteadyMs;
  #waitMs: number;
  #state: "asking" | "waiting" | "over" = "waiting";
  #nextMs = 0;
  #detail = "no answer yet";

  constructor(options: { deadlineMs: SteadyMs; config: MachineConfig }) {
    this.#config = options.config.redeem;
    this.#waitMs = this.#config.waitFirstMs;
    this.#deadlineMs = options.deadlineMs;
  }

  handle(event: RedeemEvent, nowMs: SteadyMs): RedeemEffect[] {
    if (this.#state === "over") return [];
    switch (event.kind) {
      case "start":
        return [{ kind: "schedule", afterMs: Math.max(0, this.#deadlineMs - nowMs) }, ...this.#ask()];
      case "redeemed":
        this.#state = "over";
        return [
          { kind: "progress", stage: "redeemed", message: "the issuer made an invite for us" },
          { kind: "invited", invite: event.invite, name: event.name },
        ];
      case "refused":
        return this.#fail(event.code, event.message);
      case "unreachable":
        return this.#wait(event.detail, nowMs);
      case "timer":
        if (nowMs >= this.#deadlineMs) {
          return this.#fail("unavailable", `join: the link's issuer could not be reached in time (${this.#detail})`);
        }
        return this.#state === "waiting" && nowMs >= this.#nextMs ? this.#ask() : [];
    }
  }

  #ask(): RedeemEffect[] {
    this.#state = "asking";
    return [{ kind: "progress", stage: "dialing", message: "asking the link's issuer" }, { kind: "ask_issuer" }];
  }

  #wait(detail: string, nowMs: SteadyMs): RedeemEffect[] {
    if (this.#state !== "asking") return [];
    this.#state = "waiting";
    this.#detail = detail;
    const afterMs = this.#waitMs;
    this.#nextMs = nowMs + afterMs;
    this.#waitMs = Math.min(this.#config.waitMaxMs, 2 * afterMs);
    const message = `the issuer is not reachable, it may be offline; trying again (${detail})`;
    return [
      { kind: "progress", stage: "waiting", message },
      { kind: "schedule", afterMs },
    ];
  }

  #fail(code: ErrorCode, message: string): RedeemEffect[] {
    this.#state = "over";
    return [{ kind: "failed", code, message }];
  }
}

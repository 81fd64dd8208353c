import type { DeliveryEvent } from "../../machine/delivery.ts";
import type { Move } from "../operations/listen.ts";

/** Ours. How long what a bridge handed over may go unseen: an agent's turn may take long. */
export const HANDED_MS = 3_600_000;

/** What a bridge says happened, as the ledger takes it. */
export function deliveryEvent({ to, token }: Move): DeliveryEvent {
  switch (to) {
    case "handed":
      return { kind: "hand", token, leaseMs: HANDED_MS };
    case "delivered":
      return { kind: "evidence", token };
    case "read":
      return { kind: "read", token };
    case "absent":
      return { kind: "absent", token };
    case "deferred":
      return { kind: "defer", token };
    case "refused":
      return { kind: "refuse", token };
    case "uncertain":
      return { kind: "unsure", token };
  }
}

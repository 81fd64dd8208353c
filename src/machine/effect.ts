import type { MessageId, PublicKey } from "../core/ids.ts";
import type { TimePlace } from "../core/order/time-place.ts";

/** Named reasons to wake up. A timer that outlived its cause finds nothing to do. */
export type Timer = "partners" | "ihave" | "graft" | "retry" | "compare" | "quarantine";

/** One-way: over when written, or `failed`. */
export type SendEffect =
  /** Send these held messages, bodies included where the dialect allows. Skip ids no longer held. */
  | { readonly kind: "push"; readonly to: PublicKey; readonly ids: readonly MessageId[] }
  | { readonly kind: "ihave"; readonly to: PublicKey; readonly ids: readonly MessageId[] }
  /** `ids` may be empty: "make me an eager peer". */
  | { readonly kind: "graft"; readonly to: PublicKey; readonly ids: readonly MessageId[] }
  | { readonly kind: "prune"; readonly to: PublicKey }
  /** Send our roster log, or in our dialect the part the peer lacks. */
  | { readonly kind: "push_roster"; readonly to: PublicKey }
  /** Send what we know of forks; only in our dialect. */
  | { readonly kind: "push_forks"; readonly to: PublicKey };

/** Question and answer: over with the named event, or `failed`. */
export type AskEffect =
  /** Ends in `fetched`. */
  | {
      readonly kind: "fetch";
      readonly from: PublicKey;
      readonly ids: readonly MessageId[];
      readonly via: "fetch" | "pull";
    }
  /** Ends in `status`. In our dialect the question carries our own status. */
  | { readonly kind: "ask_status"; readonly to: PublicKey }
  /** Ends in `ids_page`: ids the peer holds after a place in time order, or its first, at most `limit`. */
  | {
      readonly kind: "ask_ids";
      readonly to: PublicKey;
      readonly after: TimePlace | undefined;
      readonly limit: number;
    }
  /** Ends in `roster`. */
  | { readonly kind: "ask_roster"; readonly to: PublicKey }
  /** What the peer knows of forks. Ends in `roster`. */
  | { readonly kind: "ask_forks"; readonly to: PublicKey };

export type NetworkEffect = SendEffect | AskEffect;

/** A message let out of quarantine: verify it again and store it. */
export interface HeldMessage {
  readonly id: MessageId;
  readonly from: PublicKey;
  readonly author: PublicKey;
  readonly canonical: Uint8Array;
}

/** Something a person may want to know; never needed for correctness. */
export type Report =
  | { readonly what: "quarantine_dropped"; readonly id: MessageId; readonly reason: "expired" | "full" }
  | { readonly what: "retries_exhausted"; readonly effect: SendEffect }
  | { readonly what: "roster_forked"; readonly peer: PublicKey }
  | { readonly what: "roster_rejected"; readonly peer: PublicKey }
  /** A comparison ended. `missing`: ids the peer lists that could not be had. */
  | {
      readonly what: "compared";
      readonly peer: PublicKey;
      readonly outcome: "equal" | "caught_up" | "partial" | "failed";
      readonly stored: number;
      readonly missing: number;
    };

/** What the daemon and the simulator carry out. Plain data. */
export type Effect =
  | NetworkEffect
  /** Verify and store again as if just pushed by `from`; ends in `stored` with `via: "push"`, or silently. */
  | { readonly kind: "recheck"; readonly messages: readonly HeldMessage[] }
  | { readonly kind: "schedule"; readonly timer: Timer; readonly afterMs: number }
  | { readonly kind: "report"; readonly report: Report };

import type { ForksDigest, MerkleRoot, MessageId, PublicKey, RosterEntryId } from "../core/ids.ts";
import type { TimePlace } from "../core/order/time-place.ts";
import type { KeySet } from "../core/salted-map.ts";
import type { NetworkEffect, Timer } from "./effect.ts";

/** How a message came to be stored. */
export type Via =
  /** Authored here. */
  | "publish"
  /** A peer pushed the body. */
  | "push"
  /** Asked for after a peer named its id. */
  | "fetch"
  /** Back-filled while catching up. */
  | "pull";

/** Whether a message that came so is new: those come at the pace of who writes, what is asked for as fast as it can be taken. */
export function isNews(via: Via): boolean {
  return via === "publish" || via === "push";
}

/** What one side says about its copy of the group. */
export interface CopyStatus {
  /** `undefined` when the peer's dialect cannot say. */
  readonly roster_head: RosterEntryId | undefined;
  /** Number of applied entries; `undefined` when the peer's dialect cannot say. */
  readonly roster_length: number | undefined;
  /** What it knows of forks, zero for nothing; `undefined` when the peer's dialect cannot say. */
  readonly roster_forks?: ForksDigest | undefined;
  readonly merkle_root: MerkleRoot;
  /** `undefined` when the peer's dialect cannot say. */
  readonly message_count: number | undefined;
  /** Everything older may have been removed there, Unix milliseconds; 0 when nothing was, or its dialect cannot say. */
  readonly pruned_to_ms: number;
  /** From when on it holds `shared_count` messages under `shared_root`, Unix milliseconds; 0 when it says none. */
  readonly shared_since_ms: number;
  readonly shared_root: MerkleRoot;
  readonly shared_count: number;
  /** The time there, Unix milliseconds; 0 from a peer whose dialect knows neither this nor what is shared. */
  readonly now_ms: number;
}

/** Why a network effect came to nothing. */
export type NetworkFailure =
  /** Dialing or writing failed, or the connection was lost before the answer was complete. */
  | "unreachable"
  /** Not tried: the peer's dial back-off is closed. Costs no retry attempt. */
  | "backoff"
  /** No answer in time. */
  | "timeout"
  /** The peer answered, but with a refusal or with something invalid. */
  | "refused";

/**
 * What the machines of one group are told. The daemon applies the events of a group one at a time.
 * Everything here has been verified: signatures, group id, membership of `from`, frame caps.
 */
export type Event =
  /**
   * The roster's current members, the local key among them as long as it is one; without it the machine
   * falls silent. Given at the start and after every change of the roster.
   */
  | { readonly kind: "members"; readonly members: KeySet<PublicKey> }
  /** A connection to a member was made (either side dialled) or lost. Carriers without connections tell of inbound contact. */
  | { readonly kind: "peer"; readonly peer: PublicKey; readonly connected: boolean }
  /** These are new and committed. `from` is `undefined` only for `publish`. Each id is told once. */
  | {
      readonly kind: "stored";
      readonly ids: readonly MessageId[];
      readonly from: PublicKey | undefined;
      readonly via: Via;
      /** Their authors were no members when they came: held and compared like all others, and no news to pass on. */
      readonly apart?: boolean;
    }
  /** `from` pushed bodies of messages that were known already. */
  | { readonly kind: "duplicate"; readonly from: PublicKey; readonly ids: readonly MessageId[] }
  /** `from` pushed ids without bodies (a large message in the original's dialect): it expects us to fetch. */
  | { readonly kind: "announced"; readonly from: PublicKey; readonly ids: readonly MessageId[] }
  | { readonly kind: "ihave"; readonly from: PublicKey; readonly ids: readonly MessageId[] }
  /** `ids` may be empty: then `from` only asks to be an eager peer. */
  | { readonly kind: "graft"; readonly from: PublicKey; readonly ids: readonly MessageId[] }
  | { readonly kind: "prune"; readonly from: PublicKey }
  /**
   * A `fetch` of `ids` is over. Those `stored` came: told by `stored` before, known by then, or put off until their
   * author may write so much. `unknown`: the peer does not hold them. `refused`: invalid or against policy. The others
   * went to quarantine.
   */
  | {
      readonly kind: "fetched";
      readonly from: PublicKey;
      readonly via: "fetch" | "pull";
      /** Those of the effect. */
      readonly ids: readonly MessageId[];
      readonly stored: readonly MessageId[];
      readonly unknown: readonly MessageId[];
      readonly refused: readonly MessageId[];
    }
  /** Answer to `ask_status`, or what a peer said of its copy with a question of its own. */
  | {
      readonly kind: "status";
      readonly from: PublicKey;
      readonly status: CopyStatus;
      /** Said with a question: the answer to one of ours, if there is one, is still to come. */
      readonly isQuestion?: boolean;
    }
  /** Answer to `ask_ids`: ids the peer holds. `next`: the place of the last of them, when more follow. */
  | {
      readonly kind: "ids_page";
      readonly from: PublicKey;
      readonly ids: readonly MessageId[];
      readonly next: TimePlace | undefined;
    }
  /**
   * A roster log was looked at: ours after a change made here (`from` undefined), or one a peer sent,
   * asked for or not. Entries were verified and applied before this event; `members` comes before it.
   */
  | { readonly kind: "roster"; readonly from: PublicKey | undefined; readonly outcome: RosterSyncOutcome }
  /** A message whose signature holds but whose author is in no roster entry we have. */
  | {
      readonly kind: "unknown_author";
      readonly from: PublicKey;
      readonly id: MessageId;
      readonly author: PublicKey;
      readonly canonical: Uint8Array;
    }
  /** `effect` came to nothing. Every effect over the network ends in its answer or in this. */
  | { readonly kind: "failed"; readonly effect: NetworkEffect; readonly failure: NetworkFailure }
  | { readonly kind: "timer"; readonly timer: Timer };

export type RosterSyncOutcome =
  /** Our log grew, or goes another way since a fork was healed. */
  | "extended"
  /** Equal logs, or nothing new in other histories. */
  | "same"
  /** Theirs is a proper prefix of ours. */
  | "behind"
  /** Theirs begins somewhere behind our head, so what lies between is missing. Nothing of it was verified. */
  | "gap"
  /** Both are valid and part at some entry: the founder signed two histories. What was new of them is kept. */
  | "forked"
  /** Empty, broken or not from our founder. */
  | "rejected";

/** The event of one kind. */
export type EventNamed<Kind extends Event["kind"]> = Extract<Event, { readonly kind: Kind }>;

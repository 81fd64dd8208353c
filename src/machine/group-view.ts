import type { ForksDigest, MerkleRoot, MessageId, PublicKey, RosterEntryId } from "../core/ids.ts";
import type { CopyPart } from "../core/order/copy-part.ts";

/** What the machines ask about messages, answered at once. The message store satisfies it. */
export interface MessageIndex {
  /** Held now, so it can be served. */
  has(id: MessageId): boolean;
  /** Held now, or held once and pruned: not to be asked for. */
  knows(id: MessageId): boolean;
  /** Those of `ids` that are not known, in the order given. */
  unknown(ids: readonly MessageId[]): MessageId[];
  /** Over all held messages; zero when there are none. */
  merkleRoot(): MerkleRoot;
  /** Those from `sinceMs` on (Unix milliseconds), for a comparison with `peer`; `undefined` when it cannot be had just now. */
  sharedSince(sinceMs: number, peer: PublicKey): CopyPart | undefined;
  /** Nothing older than this (Unix milliseconds) is wanted here; 0 when everything is. */
  readonly wantedFromMs: number;
  readonly size: number;
}

/** What the machines ask about the roster, answered at once. */
export interface RosterView {
  /** Id of the latest applied entry; zero before genesis. */
  readonly head: RosterEntryId;
  /** Number of applied entries. */
  readonly length: number;
  /** Over what is known of forks and of what heals them; zero when nothing is. */
  readonly forks: ForksDigest;
  /** There is a fork that nothing heals: the log does not grow. */
  readonly isForked: boolean;
  /** This key is a member now or was one before. */
  knowsAuthor(author: PublicKey): boolean;
}

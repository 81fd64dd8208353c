import type { GroupId, PublicKey } from "../core/ids.ts";

/** A link this node issued. The token itself is never kept, only its hash. */
export interface IssuedLink {
  /** First 16 hex digits of the token hash; what people name it by. */
  readonly id: string;
  /** SHA-256 of the token, 64 hex digits. */
  readonly token_hash: string;
  readonly group_id: GroupId;
  /** 0: no limit. */
  readonly uses_max: number;
  readonly uses: number;
  readonly created_at_ms: number;
  /** 0: never. */
  readonly expires_at_ms: number;
  readonly revoked: boolean;
}

export type RedeemOutcome =
  | { readonly kind: "redeemed"; readonly repeated: boolean; readonly link: IssuedLink }
  | { readonly kind: "refused"; readonly reason: "not_found" | "revoked" | "expired" | "used_up" | "removed" };

export interface LinkStore {
  /** Throws `conflict` when the hash exists. At most 10,000 links. */
  create(link: IssuedLink): void;
  list(groupId: GroupId): IssuedLink[];
  get(tokenHash: string): IssuedLink | undefined;
  /** By id or token hash; `false` when there is none in that group. */
  revoke(groupId: GroupId, idOrHash: string): boolean;
  /**
   * Takes one use for `key` in one durable transaction. The same key again takes none (`repeated`).
   * Revoked, then expired, then used up are refused, also for a key that redeemed before when revoked or expired.
   */
  redeem(request: { tokenHash: string; key: PublicKey; nowMs: number }): RedeemOutcome;
  /** Gives back the use of a redemption that could not be completed. */
  release(tokenHash: string, key: PublicKey): void;
}

/**
 * Where a peer was last reached or said it could be, over whichever carrier (as address-hint.ts writes it), newest
 * first, at most 8 a peer and 4,096 peers.
 */
export interface HintStore {
  hints(peer: PublicKey): string[];
  put(peer: PublicKey, hints: readonly string[], nowMs: number): void;
  /** The latest signed peer hint object of a peer as received (canonical bytes), with its sequence number. */
  signed(peer: PublicKey): { seq: bigint; bytes: Uint8Array } | undefined;
  putSigned(peer: PublicKey, hint: { seq: bigint; bytes: Uint8Array }, nowMs: number): void;
}

/** What the node keeps beside its groups, in one database. */
export interface NodeStore extends Disposable {
  readonly links: LinkStore;
  readonly hints: HintStore;
  /** Small named settings (JSON texts), such as the UDP port chosen once and kept. */
  getSetting(name: string): string | undefined;
  setSetting(name: string, value: string | undefined): void;
}

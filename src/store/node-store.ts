import type { Redeemable, RedemptionOutcome } from "../core/admission/redemption.ts";
import type { UnixMs } from "../core/clock.ts";
import type { GroupId, PublicKey } from "../core/ids.ts";

/** A link this node issued. The token itself is never kept, only its hash. */
export interface IssuedLink extends Redeemable {
  /** First 16 hex digits of the token hash; what people name it by. */
  readonly id: string;
  /** SHA-256 of the token, 64 hex digits. */
  readonly token_hash: string;
  readonly group_id: GroupId;
  readonly created_at_ms: number;
}

export type RedeemOutcome = RedemptionOutcome<IssuedLink> | { readonly kind: "refused"; readonly reason: "not_found" };

export interface LinkStore {
  /** Throws `conflict` when the hash exists. At most 10,000 links. */
  create(link: IssuedLink): void;
  list(groupId: GroupId): IssuedLink[];
  get(tokenHash: string): IssuedLink | undefined;
  /** By id or token hash; the link as it is now, `undefined` when there is none in that group. */
  revoke(groupId: GroupId, idOrHash: string): IssuedLink | undefined;
  /** Takes one use for `key`, by the rule of `redeem` in core, in one durable transaction. */
  redeem(request: { tokenHash: string; key: PublicKey; nowMs: UnixMs }): RedeemOutcome;
  /** Gives back the use `key` holds, of a redemption that could not be completed. */
  release(tokenHash: string, key: PublicKey): void;
}

/**
 * Where a peer was last reached or said it could be, over whichever carrier (as address-hint.ts writes it), newest
 * first, at most 8 a peer and 4,096 peers.
 */
export interface HintStore {
  hints(peer: PublicKey): string[];
  put(peer: PublicKey, hints: readonly string[], nowMs: UnixMs): void;
  /** The latest signed peer hint object of a peer as received (canonical bytes), with its sequence number. */
  signed(peer: PublicKey): { seq: bigint; bytes: Uint8Array } | undefined;
  putSigned(peer: PublicKey, hint: { seq: bigint; bytes: Uint8Array }, nowMs: UnixMs): void;
}

/** What the node keeps beside its groups, in one database. */
export interface NodeStore extends Disposable {
  readonly links: LinkStore;
  readonly hints: HintStore;
  /** Small named settings (JSON texts), such as the UDP port chosen once and kept. */
  getSetting(name: string): string | undefined;
  setSetting(name: string, value: string | undefined): void;
  /** Whether a write would go through just now: `false` while another process writes. Waits for nobody. */
  isWritable(): boolean;
  /** Throws `data_root_invalid` when its file is no longer the one that was opened. */
  requireSame(): void;
}

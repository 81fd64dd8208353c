/** What an issuer keeps about one open invite. */
export interface OpenInviteRecord {
  /** 0: any number of times. */
  readonly maxUses: number;
  readonly useCount: number;
  readonly revoked: boolean;
  /** Unix milliseconds; 0: never. */
  readonly expiresAtMs: number;
}

export type OpenInviteStatus = "active" | "revoked" | "expired" | "exhausted";

/** Ours and the original's. Challenges open at once for one token: twice the uses left, within these. */
const CHALLENGES_MIN = 8;
const CHALLENGES_MAX = 128;

/** Ours and the original's. An open invite is for at most this many uses, or for any number. */
export const USES_MAX = 100;

/** The status shown; revoked counts before expired, and that before exhausted. */
export function openInviteStatus(record: OpenInviteRecord, nowMs: number): OpenInviteStatus {
  if (record.revoked) return "revoked";
  if (record.expiresAtMs > 0 && record.expiresAtMs <= nowMs) return "expired";
  return isExhausted(record) ? "exhausted" : "active";
}

/** How many challenges for one token may be open at once. */
export function challengesMax({ maxUses, useCount }: OpenInviteRecord): number {
  if (maxUses <= 0) return CHALLENGES_MAX;
  return Math.min(CHALLENGES_MAX, Math.max(CHALLENGES_MIN, 2 * (maxUses - useCount)));
}

/** One redeemer's use of an open invite. */
export interface Redemption {
  /** What was answered; `undefined` until that is known. */
  readonly result: string | undefined;
}

/** How redeemers are told apart: the same key under another node id is another redeemer. */
export function redeemerKey(redeemer: { readonly pilotNodeId: number; readonly entmootPublicKey: Uint8Array }): string {
  return `${redeemer.pilotNodeId}:${redeemer.entmootPublicKey.toBase64()}`;
}

export type RedeemOutcome =
  /** Counted as a new use; the caller goes on to invite. */
  | { readonly kind: "new"; readonly record: OpenInviteRecord; readonly redemption: Redemption }
  /** Redeemed before: nothing is counted again, and a stored result is answered unchanged. */
  | { readonly kind: "replay"; readonly redemption: Redemption }
  | { readonly kind: "revoked" | "expired" | "exhausted" };

/**
 * One redemption, as a step from state to state: `existing` is what this redeemer did before. The caller
 * reads and writes both in one transaction, which is what keeps concurrent redeemers within `maxUses`.
 */
export function redeem(record: OpenInviteRecord, existing: Redemption | undefined, nowMs: number): RedeemOutcome {
  const status = openInviteStatus(record, nowMs);
  if (status === "revoked" || status === "expired") return { kind: status };
  if (existing) return { kind: "replay", redemption: existing };
  if (status === "exhausted") return { kind: status };
  return {
    kind: "new",
    record: { ...record, useCount: record.useCount + 1 },
    redemption: { result: undefined },
  };
}

/** Gives a use back after an invitation that certainly did not happen; the redemption is to be deleted. */
export function release(record: OpenInviteRecord, existing: Redemption | undefined): OpenInviteRecord {
  return existing ? { ...record, useCount: Math.max(0, record.useCount - 1) } : record;
}

function isExhausted({ maxUses, useCount }: OpenInviteRecord): boolean {
  return maxUses > 0 && useCount >= maxUses;
}
